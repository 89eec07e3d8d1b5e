#include "tools/console/terminal/quiet_line.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/base/bytes.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr std::size_t kParameterBytes = 32;  // longer ones are of no interest here
constexpr char kEscape = 0x1b;
constexpr std::string_view kSave =
    "\x1b"
    "7";
constexpr std::string_view kRestore =
    "\x1b"
    "8";

std::string to_last_line(TerminalSize size) {
  return "\x1b[" + std::to_string(size.rows) + ";1H";
}

// The length of a whole report "ESC [ row ; column R" at the beginning of `text`; 0 when it is none, npos
// when it may become one.
std::size_t report_length(std::string_view text, std::uint16_t& row) {
  std::size_t at = 0;
  const auto want = [&](char c) { return text[at] == c; };
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && at - from < 5 && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (!want(kEscape)) return 0;
  if (++at == text.size()) return std::string_view::npos;
  if (!want('[')) return 0;
  if (++at == text.size()) return std::string_view::npos;
  const char* const number = text.data() + at;
  const std::size_t row_digits = digits();
  if (at == text.size()) return std::string_view::npos;
  if (row_digits == 0 || !want(';')) return 0;
  if (++at == text.size()) return std::string_view::npos;
  const std::size_t column_digits = digits();
  if (at == text.size()) return std::string_view::npos;
  if (column_digits == 0 || !want('R')) return 0;
  std::from_chars(number, number + row_digits, row);
  return at + 1;
}

// A limit as people set it: "10 min", "30 d".
std::string round_time(std::int64_t seconds) {
  for (const auto& [size, unit] : std::initializer_list<std::pair<std::int64_t, const char*>>{
           {86400, " d"}, {3600, " h"}, {60, " min"}}) {
    if (seconds >= size && seconds % size == 0) return std::to_string(seconds / size) + unit;
  }
  return human_time(seconds);
}

}  // namespace

void ScreenTracker::feed(std::string_view output) {
  std::size_t at = 0;
  while (at < output.size()) {
    if (place_ == Place::text) {
      at = output.find(kEscape, at);
      if (at == std::string_view::npos) return;
    }
    step(static_cast<unsigned char>(output[at++]));
  }
}

void ScreenTracker::step(unsigned char c) {
  switch (place_) {
    case Place::text:
      if (c == kEscape) place_ = Place::escape;
      return;
    case Place::escape:
      place_ = c == '[' ? Place::introducer : c == kEscape ? Place::escape : Place::text;
      if (c == 'c') alternate_ = false;  // full reset
      return;
    case Place::introducer:
      private_ = c == '?';
      parameters_.clear();
      place_ = Place::parameters;
      if (private_) return;
      [[fallthrough]];
    case Place::parameters:
      if ((c >= '0' && c <= '9') || c == ';') {
        if (parameters_.size() < kParameterBytes) parameters_ += static_cast<char>(c);
        return;
      }
      if (private_ && (c == 'h' || c == 'l')) apply(c == 'h');
      place_ = c == kEscape ? Place::escape : Place::text;
  }
}

void ScreenTracker::apply(bool set) {
  std::string_view rest = parameters_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view one = rest.substr(0, end);
    if (one == "47" || one == "1047" || one == "1049") alternate_ = set;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

std::string ReportFilter::feed(std::string_view typed, std::optional<std::uint16_t>& row) {
  if (!expecting_) return std::string(typed);
  const std::string all = held_ + std::string(typed);
  held_.clear();
  std::string rest;
  std::size_t at = 0;
  while (at < all.size()) {
    std::uint16_t found = 0;
    const std::size_t length = report_length(std::string_view(all).substr(at), found);
    if (length == 0) {
      rest += all[at++];
    } else if (length == std::string::npos) {
      held_ = all.substr(at);
      return rest;
    } else {
      row = found;
      expecting_ = false;
      return rest + all.substr(at + length);
    }
  }
  return rest;
}

std::string ReportFilter::give_up() {
  expecting_ = false;
  return std::exchange(held_, {});
}

std::string QuietLine::show(std::string_view text, TerminalSize size, bool alternate,
                            std::optional<std::uint16_t> cursor_row) {
  std::string out;
  // After a change of size the old line is anywhere.
  const bool first = !shown_ || !(size == size_);
  size_ = size;
  shown_ = true;
  const bool scroll = first && !alternate && cursor_row && *cursor_row >= size.rows;
  if (first && alternate) redraw_due_ = true;
  out += kSave;
  out += to_last_line(size);
  if (scroll)
    out +=
        "\x1b"
        "D";
  // Plain, reversed; the program's colours come back with the cursor.
  out += "\x1b[0m\x1b[2K\x1b[7m" + cut_to_width(text, size.columns > 1 ? size.columns - 1u : 1u) + "\x1b[0m";
  out += kRestore;
  if (scroll) out += "\x1b[A";
  return out;
}

std::string QuietLine::hide() {
  if (!shown_) return {};
  shown_ = false;
  return std::string(kSave) + to_last_line(size_) + "\x1b[0m\x1b[2K" + std::string(kRestore);
}

std::string terminal_reset(bool alternate) {
  return std::string(alternate ? "\x1b[?1049l" : "") +
         "\x1b[0m\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>";
}

std::string lost_text(std::string_view endpoint, std::string_view reason, std::int64_t seconds,
                      std::int64_t wait_seconds) {
  std::string text = "jump: no connection to " + printable(endpoint, 64) + " for " + human_time(seconds) +
                     ", waits up to " + round_time(wait_seconds) + ". ~. leaves";
  // Last, because the terminal's width cuts it.
  if (!reason.empty()) text += " (" + printable(reason, 80) + ")";
  return text;
}

std::string full_text(std::int64_t seconds) {
  return "jump: no space for the recording for " + human_time(seconds) +
         ", the session waits for it. ~. leaves";
}

}  // namespace jump::console
