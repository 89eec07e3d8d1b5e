#include "common/config/scalars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/bytes.h"

namespace jump::config {
namespace {

constexpr std::size_t kTextBytes = 65536;  // of one value

Error complaint(std::string_view text, std::string_view what) {
  return {Fault::invalid, "'" + printable(text, 64) + "' " + std::string(what)};
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 4> kSizes{
    {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}}};

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// The longest first, "ms" before "m" and "s" for the reader.
constexpr std::array<TimeUnit, 5> kTimes{{{"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"ms", 1'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000}}};
constexpr TimeUnit kWeek{"w", 7 * 86'400'000'000'000};
constexpr std::string_view kDurationHelp = "is no duration; write 90s, 10m, 12h or 30d";

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
      corner = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Result<void> parse_scalar(std::string_view text, bool quoted, bool& to) {
  if (quoted || (text != "true" && text != "false")) return complaint(text, "is not true or false");
  to = text == "true";
  return {};
}

Result<void> parse_scalar(std::string_view text, bool quoted, double& to) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (quoted || failure != std::errc() || end != text.data() + text.size() || !std::isfinite(to)) {
    return complaint(text, "is not a number");
  }
  return {};
}

Result<void> parse_scalar(std::string_view text, bool, std::string& to) {
  if (text.size() > kTextBytes) {
    return Error(Fault::too_large, std::to_string(text.size()) + " bytes, at most " +
                                       std::to_string(kTextBytes) + " are taken");
  }
  to = text;
  return {};
}

Result<void> parse_scalar(std::string_view text, bool quoted, Secret& to) {
  std::string value;
  Result<void> result = parse_scalar(text, quoted, value);
  if (result) to = Secret(std::string_view(value));
  wipe(value.data(), value.size());
  return result;
}

Result<void> parse_scalar(std::string_view text, bool quoted, Size& to) {
  constexpr std::string_view kHelp = "is no size; write bytes or 256KiB, 1MiB, 2GiB";
  std::uint64_t unit = 1;
  std::string_view number = text;
  for (const SizeUnit& size : kSizes) {
    if (text.ends_with(size.name)) {
      unit = size.bytes;
      number.remove_suffix(size.name.size());
      break;
    }
  }
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (quoted || number.empty() || failure != std::errc() || end != number.data() + number.size()) {
    return complaint(text, kHelp);
  }
  if (value > std::numeric_limits<std::uint64_t>::max() / unit) return complaint(text, "is too large");
  to.bytes = value * unit;
  return {};
}

Result<std::int64_t> parse_integer(std::string_view text, bool quoted, std::int64_t least,
                                   std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size() && !text.empty();
  if (quoted || !whole || failure == std::errc::invalid_argument)
    return complaint(text, "is not a whole number");
  if (failure != std::errc() || value < least || value > most) {
    return Error(Fault::invalid,
                 out_of_range(printable(text, 64), std::to_string(least), std::to_string(most)));
  }
  return value;
}

Result<std::uint64_t> parse_unsigned(std::string_view text, bool quoted, std::uint64_t most) {
  if (text.starts_with('-')) {
    const Result<std::int64_t> negative =
        parse_integer(text, quoted, std::numeric_limits<std::int64_t>::min(), 0);
    if (!negative && !negative.error().context.ends_with("0")) return negative.error();
    return Error(Fault::invalid, out_of_range(printable(text, 64), "0", std::to_string(most)));
  }
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size() && !text.empty();
  if (quoted || !whole || failure == std::errc::invalid_argument)
    return complaint(text, "is not a whole number");
  if (failure != std::errc() || value > most) {
    return Error(Fault::invalid, out_of_range(printable(text, 64), "0", std::to_string(most)));
  }
  return value;
}

Result<std::chrono::nanoseconds> parse_nanoseconds(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  std::int64_t total = 0;
  std::string_view rest = text;
  if (rest.empty()) return complaint(text, kDurationHelp);
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failure == std::errc::result_out_of_range) return complaint(text, "is too long");
    if (failure != std::errc() || number < 0) return complaint(text, kDurationHelp);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const TimeUnit* unit = rest.starts_with(kWeek.name) ? &kWeek : nullptr;
    for (const TimeUnit& time : kTimes) {
      if (unit == nullptr && rest.starts_with(time.name)) unit = &time;
    }
    if (unit == nullptr) return complaint(text, kDurationHelp);
    rest.remove_prefix(unit->name.size());
    if (number > (std::numeric_limits<std::int64_t>::max() - total) / unit->nanoseconds) {
      return complaint(text, "is too long");
    }
    total += number * unit->nanoseconds;
  }
  return std::chrono::nanoseconds(total);
}

Error too_fine(std::string_view text, std::string_view unit) {
  return complaint(text, "is too fine here; write " + std::string(unit));
}

std::string to_text(bool value) {
  return value ? "true" : "false";
}

std::string to_text(double value) {
  std::array<char, 32> text;
  const auto [end, failure] = std::to_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() ? std::string(text.data(), end) : std::string("?");
}

std::string to_text(const std::string& value) {
  return value;
}
std::string to_text(const Secret&) {
  return "[secret]";
}

std::string to_text(const Size& value) {
  for (const SizeUnit& size : kSizes) {
    if (value.bytes != 0 && value.bytes % size.bytes == 0) {
      return std::to_string(value.bytes / size.bytes) + std::string(size.name);
    }
  }
  return std::to_string(value.bytes);
}

std::string nanoseconds_to_text(std::chrono::nanoseconds value) {
  std::int64_t rest = value.count();
  if (rest == 0) return "0s";
  std::string text;
  for (const std::string_view name : {"d", "h", "m", "s", "ms"}) {
    const auto unit =
        std::find_if(kTimes.begin(), kTimes.end(), [&](const TimeUnit& time) { return time.name == name; });
    if (rest / unit->nanoseconds > 0) text += std::to_string(rest / unit->nanoseconds) + std::string(name);
    rest %= unit->nanoseconds;
  }
  return text;
}

std::string out_of_range(const std::string& value, const std::string& least, const std::string& most) {
  return value + " is out of range, " + least + " to " + most;
}

std::string wrong_length(std::size_t length, std::size_t least, std::size_t most) {
  if (length == 0) return "is empty, at least " + std::to_string(least) + " expected";
  return "has length " + std::to_string(length) + ", allowed are " + std::to_string(least) + " to " +
         std::to_string(most);
}

std::string did_you_mean(std::string_view key, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongest = 64;  // a longer key resembles nothing
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, key.size() / 3) + 1;
  for (const std::string_view name : known) {
    if (key.size() > kLongest) break;
    const std::size_t edits = distance(key, name);
    if (edits < least) {
      least = edits;
      nearest = name;
    }
  }
  if (!nearest.empty()) return "; did you mean '" + std::string(nearest) + "'?";
  std::string list;
  for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
  return list.empty() ? "" : "; known here: " + list;
}

}  // namespace jump::config
