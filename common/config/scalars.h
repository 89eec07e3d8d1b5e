// Single values of a configuration file: text to value and back.
#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/secret.h"

namespace jump::config {

// Bytes. Text: "65536", "256KiB", "1MiB", "2GiB", "1TiB".
struct Size {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const Size&, const Size&) = default;
};

// Errors are Fault::invalid and end in what to write instead. `quoted`: the text stood in quotes, so it is no
// number.
Result<void> parse_scalar(std::string_view text, bool quoted, bool& to);
Result<void> parse_scalar(std::string_view text, bool quoted, double& to);
Result<void> parse_scalar(std::string_view text, bool quoted, std::string& to);
Result<void> parse_scalar(std::string_view text, bool quoted, Secret& to);
Result<void> parse_scalar(std::string_view text, bool quoted, Size& to);
// A whole number from `least` to `most`; the unsigned one for 64 bits without sign.
Result<std::int64_t> parse_integer(std::string_view text, bool quoted, std::int64_t least, std::int64_t most);
Result<std::uint64_t> parse_unsigned(std::string_view text, bool quoted, std::uint64_t most);

template <std::integral T>
  requires(!std::same_as<T, bool>)
Result<void> parse_scalar(std::string_view text, bool quoted, T& to) {
  if constexpr (std::signed_integral<T>) {
    const Result<std::int64_t> value =
        parse_integer(text, quoted, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    if (!value) return value.error();
    to = static_cast<T>(*value);
  } else {
    const Result<std::uint64_t> value = parse_unsigned(text, quoted, std::numeric_limits<T>::max());
    if (!value) return value.error();
    to = static_cast<T>(*value);
  }
  return {};
}

// ms, s, m, h, d, w; several are added: "1h30m". A bare number but 0 is refused: nobody knows its unit.
Result<std::chrono::nanoseconds> parse_nanoseconds(std::string_view text);
Error too_fine(std::string_view text, std::string_view unit);

template <typename R, typename P>
Result<void> parse_duration(std::string_view text, std::chrono::duration<R, P>& to) {
  using Out = std::chrono::duration<R, P>;
  const Result<std::chrono::nanoseconds> value = parse_nanoseconds(text);
  if (!value) return value.error();
  const Out cut = std::chrono::duration_cast<Out>(*value);
  if (std::chrono::duration_cast<std::chrono::nanoseconds>(cut) != *value) {
    return too_fine(text, Out(1) >= std::chrono::minutes(1)   ? "whole minutes"
                          : Out(1) >= std::chrono::seconds(1) ? "whole seconds"
                                                              : "whole milliseconds");
  }
  to = cut;
  return {};
}

std::string to_text(bool value);
std::string to_text(double value);
std::string to_text(const std::string& value);
std::string to_text(const Secret& value);  // [secret]
std::string to_text(const Size& value);    // the largest unit that fits exactly
std::string nanoseconds_to_text(std::chrono::nanoseconds value);
template <std::integral T>
  requires(!std::same_as<T, bool>)
std::string to_text(T value) {
  return std::to_string(value);
}
template <typename R, typename P>
std::string to_text(const std::chrono::duration<R, P>& value) {
  return nanoseconds_to_text(std::chrono::duration_cast<std::chrono::nanoseconds>(value));
}

// "a whole number", for "expected …".
template <typename T>
const char* kind_of() {
  if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (std::integral<T>) {
    return "a whole number";
  } else if constexpr (std::same_as<T, double>) {
    return "a number";
  } else if constexpr (std::same_as<T, Size>) {
    return "a size such as 256KiB";
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, Secret>) {
    return "text";
  } else {
    return "a duration such as 10m";
  }
}

std::string out_of_range(const std::string& value, const std::string& least, const std::string& most);
std::string wrong_length(std::size_t length, std::size_t least, std::size_t most);
// "; did you mean 'tunnel'?" when one of `known` is near, else "; known here: …".
std::string did_you_mean(std::string_view key, const std::vector<std::string_view>& known);

}  // namespace jump::config
