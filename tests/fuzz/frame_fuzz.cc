// Every body decoder, on the same bytes.
#include <algorithm>

#include "common/mux/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::mux;
  const jump::ByteView body(data, size);
  static_cast<void>(decode_ping(body));
  static_cast<void>(decode_go_away(body));
  static_cast<void>(decode_attach(body));
  static_cast<void>(decode_attached(body));
  static_cast<void>(decode_resume(body));
  static_cast<void>(decode_data(body));
  static_cast<void>(decode_window(body));
  static_cast<void>(decode_end(body));
  const auto same = [&](const jump::Bytes& frame) {
    return std::ranges::equal(body, jump::ByteView(frame).subspan(8));
  };
  if (const auto notice = decode_notice(body); notice && !same(encode_notice(Kind::leave, 1, *notice)))
    __builtin_trap();
  if (const auto list = decode_resumed(body); list && !same(encode_resumed(1, *list))) __builtin_trap();
  if (const auto reset = decode_reset(body); reset && !same(encode_reset(1, reset->stream, reset->body)))
    __builtin_trap();
  return 0;
}
