#include "platform/windows/smbios.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "platform/serial.h"

namespace jump::platform {
namespace {

constexpr std::uint8_t kSystem = 1;
constexpr std::uint8_t kBoard = 2;
constexpr std::uint8_t kEnd = 127;

// Strings follow the structure, numbered from 1, each ended by NUL, the last by two.
std::optional<std::string> text_of(ByteView strings, std::uint8_t number) {
  if (number == 0) return std::nullopt;
  const std::string_view all = as_text(strings);
  std::size_t begin = 0;
  for (std::uint8_t at = 1;; ++at) {
    const std::size_t end = all.find('\0', begin);
    if (end == std::string_view::npos || end == begin) return std::nullopt;
    if (at == number) {
      std::string value(all.substr(begin, end - begin));
      while (value.ends_with(' ')) value.pop_back();
      if (!is_real_serial(value)) return std::nullopt;
      return value;
    }
    begin = end + 1;
  }
}

// Section 7.2.1: the first three fields are little-endian.
std::optional<std::string> uuid_of(ByteView bytes) {
  constexpr std::array<std::size_t, 16> kOrder = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  std::array<std::uint8_t, 16> ordered{};
  for (std::size_t i = 0; i < kOrder.size(); ++i) ordered[i] = bytes[kOrder[i]];
  const std::string hex = to_hex(ordered);
  std::string text;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    text += hex[i];
  }
  if (!is_real_serial(text)) return std::nullopt;
  return text;
}

}  // namespace

FirmwareNames parse_smbios(ByteView table) {
  FirmwareNames names;
  while (table.size() >= 4) {
    const std::uint8_t type = table[0];
    const std::size_t length = table[1];
    if (length < 4 || length > table.size() || type == kEnd) break;
    const ByteView body = table.first(length);
    const ByteView after = table.subspan(length);
    const std::size_t strings = as_text(after).find(std::string_view("\0\0", 2));
    if (strings == std::string_view::npos) break;
    const ByteView text = after.first(strings + 1);
    if (type == kSystem && length >= 8 && !names.product_serial)
      names.product_serial = text_of(text, body[7]);
    if (type == kSystem && length >= 24 && !names.uuid) names.uuid = uuid_of(body.subspan(8, 16));
    if (type == kBoard && length >= 8 && !names.board_serial) names.board_serial = text_of(text, body[7]);
    table = after.subspan(strings + 2);
  }
  return names;
}

}  // namespace jump::platform
