// SessionIo: mux::SessionEnd for coroutines. What the code of a session kind, and the console, hold in their
// hands: streams to read and write, messages, and whether the other end is there. It outlives links: attach()
// gives it one, and it goes on where it stopped.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "common/mux/session_end.h"
#include "common/session/stream_io.h"

namespace jump::endpoint {

class SessionIo : public session::Session, private mux::SessionListener {
 public:
  // `stream_options`: of every stream but 0; a shell keeps its last output for a takeover.
  SessionIo(asio::any_io_executor executor, mux::SessionEnd::Options options,
            mux::StreamOptions stream_options);
  ~SessionIo() override;

  // --- session::Session ---
  void send(std::string message) override;
  void send_lasting(std::string message) override;
  void forget_lasting(const std::string& message) override;
  Task<Result<std::string>> receive() override;
  Result<std::unique_ptr<session::Stream>> open_stream() override;
  Result<std::unique_ptr<session::Stream>> adopt_stream(std::uint32_t number) override;
  Task<Result<void>> flushed() override;

  // A console that takes over: the stream that the endpoint has told of.
  Result<std::unique_ptr<session::Stream>> learnt_stream(std::uint32_t number);
  // --- links ---
  mux::SessionEnd& end() { return end_; }
  const mux::SessionEnd& end() const { return end_; }
  // Something about the connection changed; one waiter.
  Event& state_changed() { return state_changed_; }
  // True when another console has come since the last call.
  bool was_taken_over() { return std::exchange(taken_over_, false); }

  // Ends the session on both sides; waits until the appliance knows or `limit` is over.
  Task<> leave(mux::Reason reason, std::string text, Duration limit);
  // Watches the wait limit; ends when the session is over.
  Task<> watch();

 private:
  class StreamHandle;
  struct Waiters {
    explicit Waiters(const asio::any_io_executor& executor) : readable(executor), writable(executor) {}
    Event readable;
    Event writable;
  };

  void on_stream(std::uint32_t stream) override;
  void on_state() override;
  void take_messages();
  void repeat_lasting();
  std::unique_ptr<session::Stream> handle(std::uint32_t number);
  Error over_error() const;

  asio::any_io_executor executor_;
  mux::StreamOptions stream_options_;
  Event state_changed_;
  Event watch_changed_;
  Event message_came_;
  Event progress_;  // for flushed()
  std::map<std::uint32_t, std::unique_ptr<Waiters>> waiters_;
  std::string partial_;
  std::deque<std::string> messages_;
  std::vector<std::string> lasting_;
  mux::Id16 peer_{};
  bool peer_known_ = false;
  bool taken_over_ = false;
  bool repeat_due_ = false;
  std::optional<Error> broken_;
  mux::SessionEnd end_;
};

}  // namespace jump::endpoint
