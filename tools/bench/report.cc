#include "tools/bench/report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace jump::bench {
namespace {

// Three significant digits, and no exponent.
std::string number(double value) {
  char text[32];
  const double size = value < 0 ? -value : value;
  std::snprintf(text, sizeof text, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : 2, value);
  return text;
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool holds(const Target& target, double limit, double value) {
  return target.at_least ? value >= limit : value <= limit;
}

std::vector<std::string> cells_of(const Row& row) {
  std::vector<std::string> cells{row.what, number(row.value) + " " + row.unit};
  cells.push_back(row.peer.empty() ? "" : row.peer + " " + number(row.peer_value));
  cells.push_back(row.peer.empty() ? "" : number(row.ratio()));
  if (!row.target) {
    cells.insert(cells.end(), {"", "", ""});
    return cells;
  }
  const std::string sign = row.target->at_least ? "≥ " : "≤ ";
  cells.push_back(sign + number(row.target->must) +
                  (row.target->stretch ? " / " + number(*row.target->stretch) : ""));
  cells.push_back(*row.met() ? "yes" : "NO");
  const std::optional<bool> stretch = row.stretch_met();
  cells.push_back(!stretch ? "" : *stretch ? "yes" : "no");
  return cells;
}

}  // namespace

std::optional<bool> Row::met() const {
  if (!target) return std::nullopt;
  return holds(*target, target->must, peer.empty() ? value : ratio());
}
std::optional<bool> Row::stretch_met() const {
  if (!target || !target->stretch) return std::nullopt;
  return holds(*target, *target->stretch, peer.empty() ? value : ratio());
}

std::string Report::table() const {
  std::vector<std::vector<std::string>> lines{
      {command_, "ours", "peer", "ratio", "must / stretch", "met", "stretch"}};
  for (const Row& row : rows_) lines.push_back(cells_of(row));
  std::vector<std::size_t> widths(lines.front().size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns_of(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string fill(widths[i] - columns_of(line[i]), ' ');
      // Names to the left, figures to the right.
      out += (i == 0 ? line[i] + fill : fill + line[i]) + "  ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  for (const std::string& one : notes_) text += "  " + one + "\n";
  return text;
}

json::object Report::to_json() const {
  json::array rows;
  for (const Row& row : rows_) {
    json::object object{{"what", row.what}, {"unit", row.unit}, {"value", row.value}};
    if (!row.peer.empty()) {
      object["peer"] = row.peer;
      object["peer_value"] = row.peer_value;
      object["ratio"] = row.ratio();
    }
    if (row.target) {
      object["must"] = row.target->must;
      object["at_least"] = row.target->at_least;
      object["met"] = *row.met();
      if (row.target->stretch) {
        object["stretch"] = *row.target->stretch;
        object["stretch_met"] = *row.stretch_met();
      }
    }
    rows.push_back(std::move(object));
  }
  json::array notes;
  for (const std::string& one : notes_) notes.emplace_back(one);
  return {{"command", command_},
          {"machine", describe_machine()},
          {"rows", std::move(rows)},
          {"notes", std::move(notes)}};
}

json::object describe_machine() {
  utsname name{};
  ::uname(&name);
  std::string model = "unknown";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  double load[1] = {0};
  static_cast<void>(::getloadavg(load, 1));
  return {{"processors", std::thread::hardware_concurrency()},
          {"model", model},
          {"kernel", std::string(name.release)},
          {"load", load[0]}};
}

void say(const std::string& text) {
  std::fprintf(stderr, "jump-bench: %s\n", text.c_str());
}

}  // namespace jump::bench
