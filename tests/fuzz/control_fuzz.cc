// Control messages as a peer sends them: in fragments, and as one text.
#include "common/control/codec.h"
#include "common/mux/control_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::control;
  const jump::ByteView bytes(data, size);
  const std::string_view text = jump::as_text(bytes);
  static_cast<void>(decode_hello(text));
  static_cast<void>(decode_welcome(text));
  jump::mux::ControlAssembler assembler;
  const jump::mux::Header more{3, jump::mux::kFlagMore, 0, 0}, last{3, 0, 0, 0};
  if (!assembler.add(more, bytes.first(size / 2)) || !assembler.add(last, bytes.subspan(size / 2))) return 0;
  const auto message = decode_control(text);
  if (!message) return 0;
  const auto* notice = std::get_if<NoticeMsg>(&*message);
  if (notice != nullptr && !decode_control(encode_notice(notice->notice).value())) __builtin_trap();
  return 0;
}
