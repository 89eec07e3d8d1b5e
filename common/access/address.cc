#include "common/access/address.h"

#include <cstdio>

#include "common/base/bytes.h"

namespace jump::access {
namespace {

using Words = std::array<std::uint16_t, 8>;

std::optional<std::uint32_t> parse_v4(std::string_view text) {
  std::uint32_t number = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    std::uint32_t value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (digits == 3) return std::nullopt;
      value = value * 10 + static_cast<std::uint32_t>(text[digits++] - '0');
    }
    if (digits == 0 || value > 255 || (digits > 1 && text.front() == '0')) return std::nullopt;
    number = number << 8 | value;
    text.remove_prefix(digits);
  }
  return text.empty() ? std::optional(number) : std::nullopt;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One to four hexadecimal digits at the start of `text`, which are taken off.
std::optional<std::uint16_t> take_word(std::string_view& text) {
  unsigned value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && hex_digit(text[digits]) >= 0) {
    if (digits == 4) return std::nullopt;
    value = value << 4 | static_cast<unsigned>(hex_digit(text[digits++]));
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint16_t>(value);
}

std::optional<Words> parse_v6(std::string_view text) {
  Words words{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  bool more = !text.empty();
  while (more) {
    if (count == words.size()) return std::nullopt;
    if (const std::size_t colon = text.find(':');
        colon == std::string_view::npos && text.find('.') != std::string_view::npos) {
      const std::optional<std::uint32_t> v4 = parse_v4(text);
      if (!v4 || count + 2 > words.size()) return std::nullopt;
      words[count++] = static_cast<std::uint16_t>(*v4 >> 16);
      words[count++] = static_cast<std::uint16_t>(*v4);
      break;
    }
    const std::optional<std::uint16_t> word = take_word(text);
    if (!word) return std::nullopt;
    words[count++] = *word;
    if (text.empty()) break;
    if (text.starts_with("::")) {
      if (gap) return std::nullopt;
      gap = count;
      text.remove_prefix(2);
      more = !text.empty();
    } else if (text.front() == ':') {
      text.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  if (!gap) return count == words.size() ? std::optional(words) : std::nullopt;
  if (count == words.size()) return std::nullopt;  // "::" stands for at least one word
  Words spread{};
  for (std::size_t i = 0; i < *gap; ++i) spread[i] = words[i];
  for (std::size_t i = *gap; i < count; ++i) spread[words.size() - count + i] = words[i];
  return spread;
}

}  // namespace

Address Address::v6(const std::array<std::uint8_t, 16>& bytes) {
  const std::uint64_t first = get_u64(bytes.data());
  const std::uint64_t second = get_u64(bytes.data() + 8);
  if (first == 0 && second >> 32 == 0xffff) return v4(static_cast<std::uint32_t>(second));
  return {Family::v6, first, second};
}

std::optional<Address> parse_address(std::string_view text) {
  if (const std::optional<std::uint32_t> number = parse_v4(text)) return Address::v4(*number);
  const std::optional<Words> words = parse_v6(text);
  if (!words) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < words->size(); ++i) put_u16(bytes.data() + 2 * i, (*words)[i]);
  return Address::v6(bytes);
}

std::string to_text(const Address& address) {
  char part[20];
  if (address.family == Family::v4) {
    const auto number = static_cast<unsigned>(address.high >> 32);
    std::snprintf(part, sizeof part, "%u.%u.%u.%u", number >> 24, number >> 16 & 255, number >> 8 & 255,
                  number & 255);
    return part;
  }
  Words words{};
  for (std::size_t i = 0; i < 4; ++i) {
    words[i] = static_cast<std::uint16_t>(address.high >> (48 - 16 * i));
    words[i + 4] = static_cast<std::uint16_t>(address.low >> (48 - 16 * i));
  }
  // The first longest run of at least two zero words becomes "::" (RFC 5952 section 4.2).
  std::size_t gap = words.size();
  std::size_t gap_length = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::size_t length = 0;
    while (i + length < words.size() && words[i + length] == 0) ++length;
    if (length > gap_length) {
      gap = i;
      gap_length = length;
    }
    if (length > 0) i += length - 1;
  }
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == gap) {
      text += "::";
      i += gap_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::snprintf(part, sizeof part, "%x", static_cast<unsigned>(words[i]));
    text += part;
  }
  return text;
}

}  // namespace jump::access
