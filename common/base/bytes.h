// Plain functions over bytes: big-endian integers (RFC 1700 order, as on every wire here), hex,
// base64url (RFC 4648 section 5, no padding), and text made safe to print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace jump {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

inline void put_u16(std::uint8_t* to, std::uint16_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 8);
  to[1] = static_cast<std::uint8_t>(value);
}
inline void put_u32(std::uint8_t* to, std::uint32_t value) {
  put_u16(to, static_cast<std::uint16_t>(value >> 16));
  put_u16(to + 2, static_cast<std::uint16_t>(value));
}
inline void put_u64(std::uint8_t* to, std::uint64_t value) {
  put_u32(to, static_cast<std::uint32_t>(value >> 32));
  put_u32(to + 4, static_cast<std::uint32_t>(value));
}
inline std::uint16_t get_u16(const std::uint8_t* from) {
  return static_cast<std::uint16_t>(from[0] << 8 | from[1]);
}
inline std::uint32_t get_u32(const std::uint8_t* from) {
  return std::uint32_t{get_u16(from)} << 16 | get_u16(from + 2);
}
inline std::uint64_t get_u64(const std::uint8_t* from) {
  return std::uint64_t{get_u32(from)} << 32 | get_u32(from + 4);
}

std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);

// Text of a peer for a terminal or a log line: control characters (C0, DEL, C1), and bytes that are
// not UTF-8, come out as \xNN; longer than `limit` bytes is cut with "…".
std::string printable(std::string_view text, std::size_t limit = 512);

// True for well-formed UTF-8 (RFC 3629) without NUL.
bool is_utf8(std::string_view text);

}  // namespace jump
