// A control message over control frames: cut into as many as it needs, each but the last with kFlagMore, and
// put together again. The frames of one message follow each other; other frames may stand between them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mux/frame.h"

namespace jump::mux {

// 1 to limits::kControlBytes bytes of text.
std::vector<Bytes> encode_control(std::string_view text);

class ControlAssembler {
 public:
  // The body of the next control frame. The whole message when that was its last one; nothing while more is
  // to come. Refuses an empty frame, and a message above limits::kControlBytes: the peer is closed.
  Result<std::optional<std::string>> add(const Header& header, ByteView body);

 private:
  std::string text_;  // holds no memory between messages
};

}  // namespace jump::mux
