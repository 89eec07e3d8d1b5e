// Serial numbers of hardware, as makers write them.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace jump::platform {

// False for what makers leave in their tables when they have nothing to say.
inline bool is_real_serial(std::string_view value) {
  std::string text;
  for (const char c : value) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::string_view kSpace = " \t\r\n";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
  if (text.size() < 3) return false;
  constexpr std::array<std::string_view, 13> kFillers = {"to be filled by o.e.m.",
                                                         "default string",
                                                         "none",
                                                         "not specified",
                                                         "not applicable",
                                                         "system serial number",
                                                         "base board serial number",
                                                         "0123456789",
                                                         "123456789",
                                                         "unknown",
                                                         "n/a",
                                                         "o.e.m.",
                                                         "not available"};
  if (std::ranges::find(kFillers, std::string_view(text)) != kFillers.end()) return false;
  // All zeros, all F: also with dashes between.
  const auto only = [&](char digit) {
    return std::ranges::all_of(text,
                               [digit](char c) { return c == digit || c == '-' || c == '.' || c == ' '; });
  };
  return !only('0') && !only('f') && !only('x');
}

}  // namespace jump::platform
