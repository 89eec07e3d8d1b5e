// ControlChannel: the control messages of one peer, over whatever tunnel there is at the moment. Questions
// are asked again after a reconnect until they are answered; a notice that meets no tunnel is dropped (who
// sends it tells anew).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "common/control/codec.h"
#include "common/mux/control_frames.h"
#include "common/mux/outbox.h"

namespace jump::endpoint {

class ControlChannel {
 public:
  explicit ControlChannel(asio::any_io_executor executor) : executor_(executor) {}

  // The tunnel is up and welcomed: questions without an answer are asked again.
  void attach(mux::Outbox& outbox);
  void detach();
  bool attached() const { return outbox_ != nullptr; }

  void tell(const control::Notice& notice);
  void answer(std::uint64_t ask, const control::Answer& answer);

  // Waits for the answer, over as many tunnels as it takes. Give it a limit by with_timeout.
  template <typename Q>
  Task<Result<control::AnswerTo<Q>>> ask(Q question) {
    control::Question typed(std::move(question));
    Result<control::AnswerMsg> message = co_await ask_any(std::move(typed));
    if (!message) co_return message.error();
    co_return control::read_answer<Q>(*message);
  }

  // A control frame: what it completes, if anything. Answers go to who asked and are not returned.
  Result<std::optional<control::ControlMessage>> on_frame(const mux::Header& header, ByteView body,
                                                          control::Sender from, control::Phase phase);
  // No tunnel will come any more: what is asked ends with this.
  void fail(const Error& error);

 private:
  struct Pending {
    explicit Pending(const asio::any_io_executor& executor) : answered(executor) {}
    std::string text;
    Event answered;
    std::optional<control::AnswerMsg> answer;
  };
  Task<Result<control::AnswerMsg>> ask_any(control::Question question);
  void send(const std::string& text);

  asio::any_io_executor executor_;
  mux::Outbox* outbox_ = nullptr;
  mux::ControlAssembler assembler_;
  std::uint64_t last_ask_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Pending>> pending_;
};

}  // namespace jump::endpoint
