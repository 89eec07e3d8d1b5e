// One frame of each kind as it must be on the wire; for the codec's test and for the spec's.
#pragma once

#include <functional>

#include "common/mux/frame.h"

namespace jump::mux {

template <std::size_t N>
inline std::array<std::uint8_t, N> counted(std::uint8_t from) {
  std::array<std::uint8_t, N> array;
  for (std::uint8_t& byte : array) byte = from++;
  return array;
}

inline Bytes data_frame(std::uint32_t slot, std::uint32_t stream, std::uint64_t offset, std::string_view text,
                        std::uint8_t flags = 0) {
  const auto header = encode_data_header(slot, stream, offset, text.size(), flags);
  Bytes frame(header.begin(), header.end());
  frame.insert(frame.end(), text.begin(), text.end());
  return frame;
}

// One frame of each kind: its bytes as PROTOCOL.md shows them, and whether its body decodes.
struct Sample {
  std::string name;
  Bytes frame;
  std::string hex;
  std::function<bool(ByteView)> decodes;
  bool open_ended = false;  // ends with text or data: longer is legal
};

inline std::vector<Sample> samples() {
  const auto notice = [](ByteView b) { return decode_notice(b).has_value(); };
  const Resumed resumed{7, 4, 3, {{0, 9, 8, false}, {3, 0x10000, 2, true}}};
  return {
      {"ping", encode_ping(Kind::ping, {0x0102030405060708}),
       "0400001000000000"
       "0102030405060708",
       [](ByteView b) { return decode_ping(b).has_value(); }},
      {"pong", encode_ping(Kind::pong, {1}),
       "0500001000000000"
       "0000000000000001",
       [](ByteView b) { return decode_ping(b).has_value(); }},
      {"go-away", encode_go_away({GoAway::overloaded, 5000, "busy"}),
       "0600001200000000"
       "0002"
       "00001388"
       "62757379",
       [](ByteView b) { return decode_go_away(b).has_value(); }, true},
      {"attach", encode_attach(5, {counted<16>(0x10), counted<32>(0x20), counted<16>(0x40), 3}),
       "0800005000000005"
       "101112131415161718191a1b1c1d1e1f"
       "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
       "404142434445464748494a4b4c4d4e4f"
       "0000000000000003",
       [](ByteView b) { return decode_attach(b).has_value(); }},
      {"attached", encode_attached(5, {600}),
       "0900000c00000005"
       "00000258",
       [](ByteView b) { return decode_attached(b).has_value(); }},
      {"refused", encode_notice(Kind::refused, 5, {Reason::not_found, "no"}),
       "0a00000c00000005"
       "0007"
       "6e6f",
       notice, true},
      {"detached", encode_notice(Kind::detached, 5, {Reason::link_lost, ""}),
       "0b00000a00000005"
       "0008",
       notice, true},
      {"resume", encode_resume(5, {7, counted<16>(0x40)}),
       "0c00001c00000005"
       "00000007"
       "404142434445464748494a4b4c4d4e4f",
       [](ByteView b) { return decode_resume(b).has_value(); }},
      {"resumed", encode_resumed(5, resumed),
       "0d00003c00000005"
       "00000007"
       "00000004"
       "00000003"
       "00000000"
       "0000000000000009"
       "0000000000000008"
       "00000003"
       "8000000000010000"
       "0000000000000002",
       [](ByteView b) { return decode_resumed(b).has_value(); }},
      {"leave", encode_notice(Kind::leave, 5, {Reason::finished, "done"}),
       "0e00000e00000005"
       "0000"
       "646f6e65",
       notice, true},
      {"data", data_frame(5, 2, 0x100, "hi"),
       "1000001600000005"
       "00000002"
       "0000000000000100"
       "6869",
       [](ByteView b) { return decode_data(b).has_value(); }, true},
      {"data, held", data_frame(5, 2, 0, "h", kFlagHeld),
       "1001001500000005"
       "00000002"
       "0000000000000000"
       "68",
       [](ByteView b) { return decode_data(b).has_value(); }, true},
      {"window", encode_window(5, 2, {0x100, 0x40100}),
       "1100001c00000005"
       "00000002"
       "0000000000000100"
       "0000000000040100",
       [](ByteView b) { return decode_window(b).has_value(); }},
      {"end", encode_end(5, 2, 0x102),
       "1200001400000005"
       "00000002"
       "0000000000000102",
       [](ByteView b) { return decode_end(b).has_value(); }},
      {"reset", encode_reset(5, 2, {ResetCode::refused, "no"}),
       "1300001000000005"
       "00000002"
       "0002"
       "6e6f",
       [](ByteView b) { return decode_reset(b).has_value(); }, true},
  };
}

}  // namespace jump::mux
