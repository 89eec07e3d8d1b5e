#include "common/mux/control_frames.h"

#include <utility>

#include "common/base/check.h"

namespace jump::mux {

std::vector<Bytes> encode_control(std::string_view text) {
  CHECK(!text.empty() && text.size() <= limits::kControlBytes);
  constexpr std::size_t kMost = limits::kFrameBytes - kHeaderBytes;
  std::vector<Bytes> frames;
  while (text.size() > kMost) {
    frames.push_back(encode_json(Kind::control, text.substr(0, kMost), kFlagMore));
    text.remove_prefix(kMost);
  }
  frames.push_back(encode_json(Kind::control, text));
  return frames;
}

Result<std::optional<std::string>> ControlAssembler::add(const Header& header, ByteView body) {
  if (body.empty()) return Error(Fault::malformed, "control frame without content");
  if (text_.size() + body.size() > limits::kControlBytes) {
    return Error(Fault::too_large,
                 "control message of more than " + std::to_string(limits::kControlBytes) + " bytes");
  }
  text_.append(as_text(body));
  if ((header.flags & kFlagMore) != 0) return std::optional<std::string>();
  return std::optional<std::string>(std::exchange(text_, std::string()));
}

}  // namespace jump::mux
