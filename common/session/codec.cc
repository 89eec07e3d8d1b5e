#include "common/session/codec.h"

#include <array>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"

namespace jump::session {
namespace {

struct Envelope {
  std::string kind;
  json::value body;
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (kind, body))

// In the order of the variant.
constexpr std::array<std::string_view, std::variant_size_v<Message>> kKinds = {
    "resize", "signal", "stream_open", "exit", "fail", "hangup", "prompt", "prompt_answer", "remark"};

template <std::size_t... I>
Result<Message> decode_as(std::string_view kind, const json::value& body, std::index_sequence<I...>) {
  Result<Message> result =
      Error(Fault::unsupported, "message kind '" + printable(kind, 64) + "' is not known");
  const auto attempt = [&]<std::size_t Index>() {
    if (kind != kKinds[Index]) return;
    Result<std::variant_alternative_t<Index, Message>> read =
        from_json<std::variant_alternative_t<Index, Message>>(body);
    if (read) {
      result = Message(std::in_place_index<Index>, std::move(*read));
    } else {
      result = wrap(read.error(), kind);
    }
  };
  (attempt.template operator()<I>(), ...);
  return result;
}

}  // namespace

bool may_send(End end, const Message& message) {
  const bool from_endpoint = std::holds_alternative<Exit>(message) || std::holds_alternative<Fail>(message) ||
                             std::holds_alternative<Prompt>(message) ||
                             std::holds_alternative<Remark>(message);
  if (std::holds_alternative<StreamOpen>(message)) return true;
  return from_endpoint == (end == End::endpoint);
}

std::string encode(const Message& message) {
  Envelope envelope;
  envelope.kind = kKinds[message.index()];
  envelope.body = std::visit([](const auto& body) { return to_json(body); }, message);
  std::string text = to_json_text(envelope);
  if (text.size() <= limits::kSessionMessageBytes) return text;
  Fail fail;
  fail.text = "a message of " + std::to_string(text.size()) + " bytes cannot be sent";
  return encode(fail);
}

Result<Message> decode(std::string_view text) {
  const Result<Envelope> envelope = from_json_text<Envelope>(text, limits::kSessionMessageBytes);
  if (!envelope) return envelope.error();
  return decode_as(envelope->kind, envelope->body, std::make_index_sequence<std::variant_size_v<Message>>());
}

Task<Result<Message>> receive_message(Session& session, End peer) {
  while (true) {
    const Result<std::string> text = co_await session.receive();
    if (!text) co_return text.error();
    Result<Message> message = decode(*text);
    if (!message && message.error().is(Fault::unsupported)) {
      log::debug("session", "skipped a message", {{"why", message.error().message()}});
      continue;
    }
    if (message && !may_send(peer, *message)) {
      co_return Error(Fault::malformed,
                      "the other end may not send " + std::string(kKinds[message->index()]));
    }
    co_return message;
  }
}

}  // namespace jump::session
