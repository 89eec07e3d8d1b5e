#include "tools/console/text/exit_status.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace jump::console {
namespace {

struct Row {
  std::string_view name;
  int number;
};
// signal(7), the numbers of x86 and ARM.
constexpr std::array<Row, 31> kSignals = {
    {{"HUP", 1},   {"INT", 2},     {"QUIT", 3},  {"ILL", 4},   {"TRAP", 5},    {"ABRT", 6},  {"BUS", 7},
     {"FPE", 8},   {"KILL", 9},    {"USR1", 10}, {"SEGV", 11}, {"USR2", 12},   {"PIPE", 13}, {"ALRM", 14},
     {"TERM", 15}, {"STKFLT", 16}, {"CHLD", 17}, {"CONT", 18}, {"STOP", 19},   {"TSTP", 20}, {"TTIN", 21},
     {"TTOU", 22}, {"URG", 23},    {"XCPU", 24}, {"XFSZ", 25}, {"VTALRM", 26}, {"PROF", 27}, {"WINCH", 28},
     {"IO", 29},   {"PWR", 30},    {"SYS", 31}}};
constexpr int kBase = 128;
constexpr int kSignalMost = 64;

}  // namespace

int status_of_signal(std::string_view name) {
  const auto found = std::ranges::find(kSignals, name, &Row::name);
  if (found != kSignals.end()) return kBase + found->number;
  int number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = failed == std::errc() && end == name.data() + name.size();
  return whole && number >= 1 && number <= kSignalMost ? kBase + number : kJumpFailed;
}

}  // namespace jump::console
