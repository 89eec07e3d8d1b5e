// Messages of stream 0 on the wire: {"kind": "resize", "body": {"columns": 80, "rows": 24}}.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "common/base/error.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"

namespace jump::session {

using Message = std::variant<Resize, Signal, StreamOpen, Exit, Fail, Hangup, Prompt, PromptAnswer, Remark>;

// Which end of a session.
enum class End { console, endpoint };

// Who may send what, in any state: the endpoint exit, fail, prompt, remark; the console all others; both
// stream_open.
bool may_send(End end, const Message& message);

// At most limits::kSessionMessageBytes; a longer one is our own mistake and becomes a Fail that says so.
std::string encode(const Message& message);

// Fault::unsupported for a kind that this version does not know (a newer peer: skip it), malformed for
// anything else.
Result<Message> decode(std::string_view text);

// The next message of the peer that this version knows. Fault::malformed when it may not send such a one: the
// session cannot go on.
Task<Result<Message>> receive_message(Session& session, End peer);

}  // namespace jump::session
