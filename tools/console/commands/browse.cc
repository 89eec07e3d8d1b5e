// browse: the machines of a Jumpoint's network.
#include <CLI/CLI.hpp>
#include <map>

#include "common/base/clock.h"
#include "common/wake/browsing.h"
#include "tools/console/commands/all.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr auto kLook = std::chrono::milliseconds(400);
// More becomes known of a machine for some seconds: its line waits until it has been quiet for so long.
constexpr auto kQuiet = std::chrono::milliseconds(2500);
constexpr auto kPatience = std::chrono::minutes(13);

struct BrowseOptions {
  std::string jumpoint;
  bool as_json = false;
};

std::string port_name(std::uint16_t port) {
  switch (port) {
    case 22:
      return "ssh";
    case 23:
      return "telnet";
    case 3389:
      return "rdp";
    case 5900:
      return "vnc";
    default:
      return std::to_string(port);
  }
}

// What can be typed to reach it: the first address, in a column of its own; the rest follows.
std::string host_line(const wake::FoundHost& host) {
  std::string names, ports;
  for (const wake::FoundName& one : host.names) {
    if (names.find(one.name) == std::string::npos) names += (names.empty() ? "" : ", ") + one.name;
  }
  for (const std::uint16_t port : host.ports) ports += (ports.empty() ? "" : ",") + port_name(port);
  const auto column = [](std::string text, std::size_t cells) {
    text = cut_to_width(printable(text), cells);
    const std::size_t wide = display_width(text);
    return text + std::string(wide < cells ? cells - wide : 0, ' ');
  };
  std::string line = column(host.addresses.empty() ? "" : host.addresses.front(), 25) + "  " +
                     column(host.mac, 17) + "  " + column(host.vendor, 22) + "  " + column(ports, 15) + "  " +
                     printable(names, 255);
  if (host.router) line += line.ends_with(' ') ? "(router)" : " (router)";
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Machines as they become known, each printed once: when nothing new came of it for a while.
class Lines {
 public:
  void heard(wake::FoundHost host, Instant now) {
    Row& row = rows_[host.id];
    row.host = std::move(host);
    row.changed = now;
  }
  std::string ready(Instant now, bool all) {
    std::string text;
    for (auto& [id, row] : rows_) {
      if (row.printed || (!all && now - row.changed < kQuiet)) continue;
      row.printed = true;
      text += host_line(row.host);
    }
    return text;
  }

 private:
  struct Row {
    wake::FoundHost host;
    Instant changed{};
    bool printed = false;
  };
  std::map<std::uint32_t, Row> rows_;
};

Result<wake::BrowseEnd> end_of(const json::object& sweep) {
  const json::value* end = sweep.if_contains("end");
  if (end == nullptr) return Error(Fault::malformed, "the sweep is over, and has no end");
  return from_json<wake::BrowseEnd>(*end);
}

int show_end(const wake::BrowseEnd& end, const BrowseOptions& options) {
  for (const std::string& text : end.notes) note(printable(text, 512));
  if (!end.error.empty()) return fail(printable(end.error, 512));
  if (options.as_json) return kDone;
  std::string swept;
  for (const std::string& one : end.swept) swept += (swept.empty() ? "" : ", ") + printable(one, 128);
  note(std::to_string(end.hosts) + " machines in " + std::to_string((end.milliseconds + 500) / 1000) +
       " s (" + swept + "); start with `jump shell " + printable(options.jumpoint, 64) + "/ADDRESS`");
  return kDone;
}

// What this answer brought; the status when that cannot be written.
int show_hosts(const json::object& sweep, Lines& lines, bool as_json, bool over) {
  const Instant now = BootClock::now();
  const json::value* hosts = sweep.if_contains("hosts");
  if (hosts != nullptr && hosts->is_array()) {
    for (const json::value& one : hosts->get_array()) {
      Result<wake::FoundHost> host = from_json<wake::FoundHost>(one);
      if (!host) return fail(wrap(host.error(), "the appliance's answer"));
      if (as_json) {
        const int printed = print_json(json::object{{"host", one}});
        if (printed != kDone) return printed;
      }
      lines.heard(std::move(*host), now);
    }
  }
  return as_json ? kDone : print(lines.ready(now, over));
}

Task<int> follow(ApiClient& api, std::string path, BrowseOptions options) {
  Lines lines;
  std::int64_t cursor = 0;
  const Instant until = BootClock::now() + kPatience;
  while (BootClock::now() < until) {
    Query query{{"after", std::to_string(cursor)}};
    const Result<json::value> answer = co_await api.get(path, std::move(query));
    if (!answer && answer.error().is(Fault::not_found))
      co_return fail("the appliance was restarted in the middle; ask again");
    if (!answer) co_return fail(answer.error());
    if (!answer->is_object()) co_return fail("the appliance's answer makes no sense");
    const json::object& sweep = answer->get_object();
    cursor = number_of(sweep, "cursor").value_or(cursor);
    const bool more = flag_of(sweep, "more");
    const bool over = flag_of(sweep, "over") && !more;
    const int shown = show_hosts(sweep, lines, options.as_json, over);
    if (shown != kDone) co_return shown;
    if (over) {
      const Result<wake::BrowseEnd> end = end_of(sweep);
      if (!end) co_return fail(end.error());
      if (options.as_json) {
        const int printed = print_json(json::object{{"end", to_json(*end)}});
        if (printed != kDone) co_return printed;
      }
      co_return show_end(*end, options);
    }
    if (!more) co_await sleep_for(kLook);
  }
  co_return fail("the sweep came to no end");
}

Task<int> browse(Context& context, BrowseOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, options.jumpoint);
  if (!id) co_return fail(id.error());
  const std::string path = "/jumpoint/" + std::to_string(*id) + "/browse";
  const Result<json::value> begun = co_await api.value()->post(path, nullptr);
  if (!begun) co_return fail(begun.error());
  if (begun->is_object() && flag_of(begun->get_object(), "cached"))
    note("from a sweep of the last minute, or one that runs");
  Task<int> following = follow(**api, path, options);
  co_return co_await std::move(following);
}

}  // namespace

void add_browse_command(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<BrowseOptions>();
  CLI::App* one =
      add_command(app, "browse",
                  "The machines of a Jumpoint's network, as one of its nodes finds them: address, "
                  "MAC, who made the card, open ports for sessions, names. What was found is kept "
                  "for a minute",
                  "jump browse lab; jump shell lab/10.0.0.7");
  one->add_option("JUMPOINT", options->jumpoint, "Id or name")->required();
  one->add_flag("--json", options->as_json,
                "For programs: a line for each machine whenever more is known of it, and one for the end");
  runs(one, chosen, [options](Context& context) { return browse(context, *options); });
}

}  // namespace jump::console
