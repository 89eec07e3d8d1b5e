// Conversation: what a bridge and the person at the console say to each other beside the streams: streams
// that are opened, sizes and signals, questions that only the person can answer. One reader for all of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/codec.h"
#include "common/session/stream_io.h"
#include "jumpoint/bridge/bell.h"

namespace jump::bridge {

class Conversation {
 public:
  Conversation(asio::any_io_executor executor, session::Session& session);

  // Reads until the session is over; a task of whoever owns this.
  Task<> run();

  // The next stream that the console opened: adopted when it was announced, so that a console that takes over
  // in the middle of a question finds it. Fault::closed when the person has left or the session is over.
  struct Opened {
    session::StreamOpen open;
    std::unique_ptr<session::Stream> stream;
  };
  Task<Result<Opened>> next_open();

  // One answer for each field. A console that takes over is asked again. Fault::refused when the person
  // cancelled, timed_out after five minutes; closed as above.
  Task<Result<std::vector<Secret>>> ask(session::Prompt prompt);
  // `quiet`: for the events; the person is told in other words.
  void remark(bool warning, std::string_view text, bool quiet = false);

  // The last size that was said since the start, if any.
  const std::optional<session::Resize>& size() const { return size_; }
  std::function<void(const session::Resize&)> on_resize;
  std::function<void(const session::Signal&)> on_signal;

  // The person said hangup, or the session is over: Fault::closed with the reason.
  const std::optional<Error>& gone() const { return gone_; }
  bool left() const { return left_; }
  // Ends when one of these holds.
  Task<> until_gone();

 private:
  void act(session::Message message);
  void open(session::StreamOpen wanted);
  void asked_no_more();
  void leave(Error reason);

  asio::any_io_executor executor_;
  session::Session& session_;
  Bell bell_;
  std::deque<Opened> opened_;
  std::optional<session::Resize> size_;
  std::optional<session::PromptAnswer> answer_;
  std::uint32_t asked_ = 0;  // the prompt that waits for its answer; 0: none
  std::string question_;     // the same, as it was sent
  std::uint32_t last_prompt_ = 0;
  bool left_ = false;
  std::optional<Error> gone_;
};

}  // namespace jump::bridge
