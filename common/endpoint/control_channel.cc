#include "common/endpoint/control_channel.h"

#include "common/base/log.h"

namespace jump::endpoint {

void ControlChannel::attach(mux::Outbox& outbox) {
  outbox_ = &outbox;
  assembler_ = {};
  for (const auto& [ask, pending] : pending_) {
    if (!pending->answer) send(pending->text);
  }
}

void ControlChannel::detach() {
  outbox_ = nullptr;
}

void ControlChannel::send(const std::string& text) {
  if (outbox_ == nullptr) return;
  for (Bytes& frame : mux::encode_control(text)) {
    // A peer that reads nothing is noticed by the link; the question is asked again on the next tunnel.
    if (!outbox_->control(std::move(frame))) return;
  }
}

void ControlChannel::tell(const control::Notice& notice) {
  const Result<std::string> text = control::encode_notice(notice);
  if (!text) {
    log::error("control", "a notice could not be sent", {{"error", text.error().message()}});
    return;
  }
  send(*text);
}

void ControlChannel::answer(std::uint64_t ask, const control::Answer& answer) {
  Result<std::string> text = control::encode_answer(ask, answer);
  if (!text) {
    const control::Answer failure = control::to_failure(text.error());
    text = control::encode_answer(ask, failure);
  }
  if (text) send(*text);
}

Task<Result<control::AnswerMsg>> ControlChannel::ask_any(control::Question question) {
  const std::uint64_t ask = ++last_ask_;
  Result<std::string> text = control::encode_question(ask, question);
  if (!text) co_return text.error();
  auto& place = pending_[ask];
  place = std::make_unique<Pending>(executor_);
  // The waiter may be cancelled: its entry goes with it.
  struct Forget {
    ControlChannel& channel;
    std::uint64_t ask;
    ~Forget() { channel.pending_.erase(ask); }
  } forget{*this, ask};
  Pending& pending = *place;
  pending.text = std::move(*text);
  send(pending.text);
  while (!pending.answer) co_await pending.answered.wait();
  co_return std::move(*pending.answer);
}

Result<std::optional<control::ControlMessage>> ControlChannel::on_frame(const mux::Header& header,
                                                                        ByteView body, control::Sender from,
                                                                        control::Phase phase) {
  Result<std::optional<std::string>> text = assembler_.add(header, body);
  if (!text) return text.error();
  if (!*text) return std::optional<control::ControlMessage>();
  Result<control::ControlMessage> message = control::decode_control(**text);
  if (!message) return message.error();
  const Result<void> legal = control::check_sender(from, *message, phase);
  if (!legal) return legal.error();
  if (auto* answer = std::get_if<control::AnswerMsg>(&*message)) {
    const auto found = pending_.find(answer->ask);
    // Nobody waits any more, or it was answered before its tunnel went.
    if (found == pending_.end() || found->second->answer) return std::optional<control::ControlMessage>();
    found->second->answer = std::move(*answer);
    found->second->answered.set();
    return std::optional<control::ControlMessage>();
  }
  return std::optional<control::ControlMessage>(std::move(*message));
}

void ControlChannel::fail(const Error& error) {
  for (auto& [ask, pending] : pending_) {
    if (pending->answer) continue;
    pending->answer = control::AnswerMsg{ask, error};
    pending->answered.set();
  }
}

}  // namespace jump::endpoint
