#include "tools/console/text/human.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace jump::console {
namespace {

std::string two_units(std::int64_t large, const char* large_unit, std::int64_t small,
                      const char* small_unit) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%lld %s %02lld %s", static_cast<long long>(large), large_unit,
                static_cast<long long>(small), small_unit);
  return text.data();
}

// A number of exactly `digits` digits at the front of `text`, which loses it.
Result<std::int64_t> take_number(std::string_view& text, std::size_t digits) {
  std::int64_t value = 0;
  if (text.size() < digits) return Error(Fault::malformed, "too short");
  const auto [end, failed] = std::from_chars(text.data(), text.data() + digits, value);
  if (failed != std::errc() || end != text.data() + digits || value < 0) {
    return Error(Fault::malformed, "not a number");
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 KiB would be printed as 1024 KiB.
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text.data();
}

std::string human_rate(double bytes_per_second) {
  return human_size(bytes_per_second > 0 ? static_cast<std::uint64_t>(bytes_per_second) : 0) + "/s";
}

std::string human_time(std::int64_t seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 60) return std::to_string(seconds) + " s";
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) return two_units(minutes, "min", seconds % 60, "s");
  const std::int64_t hours = minutes / 60;
  if (hours < 24) return two_units(hours, "h", minutes % 60, "min");
  return std::to_string(hours / 24) + " d " + std::to_string(hours % 24) + " h";
}

std::string human_ago(std::int64_t then, std::int64_t now) {
  const std::int64_t seconds = now - then;
  if (seconds <= 0) return "now";
  if (seconds < 60) return std::to_string(seconds) + " s ago";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 2 * 86400) return std::to_string(seconds / 3600) + " h ago";
  return std::to_string(seconds / 86400) + " d ago";
}

Result<std::int64_t> parse_minutes(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t seconds = unit == "s"                 ? 1
                               : unit == "m" || unit == "" ? 60
                               : unit == "h"               ? 3600
                               : unit == "d"               ? 86400
                                                           : 0;
  if (failed != std::errc() || seconds == 0 || value < 1 || value > 1'000'000'000) {
    return Error(Fault::invalid, "'" + std::string(text) + "' is no time: say 90m, 12h or 7d");
  }
  const std::int64_t minutes = value * seconds / 60;
  if (minutes < 1) return Error(Fault::invalid, "'" + std::string(text) + "' is below one minute");
  return minutes;
}

Result<std::int64_t> parse_iso8601(std::string_view text) {
  const Error bad(Fault::malformed, "'" + std::string(text.substr(0, 40)) + "' is no time");
  std::array<std::int64_t, 6> parts{};
  constexpr std::array<std::size_t, 6> kDigits = {4, 2, 2, 2, 2, 2};
  constexpr std::string_view kBetween = "--T::";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Result<std::int64_t> number = take_number(text, kDigits[i]);
    if (!number) return bad;
    parts[i] = *number;
    if (i < kBetween.size() && !take(text, kBetween[i])) return bad;
  }
  const auto [year, month, day, hour, minute, second] = parts;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad;
  if (take(text, '.')) {
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
  }
  std::int64_t offset = 0;
  if (!take(text, 'Z')) {
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return bad;
    const Result<std::int64_t> hours = take_number(text, 2);
    take(text, ':');
    const Result<std::int64_t> minutes = hours ? take_number(text, 2) : hours;
    if (!minutes) return bad;
    offset = (*hours * 3600 + *minutes * 60) * (east ? 1 : -1);
  }
  if (!text.empty()) return bad;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + hour * 3600 + minute * 60 + second - offset;
}

}  // namespace jump::console
