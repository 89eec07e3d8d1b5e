// Link: runs the frames of common/mux over one Transport. One reader, one writer, one watch over silence; the
// only code that touches the transport. It knows pings and go-away; every other frame is its handler's.
//
// An appliance has many thousands that are idle: such a link is one waiting coroutine, the reader, and a
// timer. The writer is there while there is something to wait for, and as long as a session runs.
//
// What a link has to write because of what another, or itself, has read is written when that one's turn is
// over, and not in a turn of the loop of its own: of the time that a relay adds, turns are the largest part.
#pragma once

#include <memory>

#include <boost/intrusive/list.hpp>

#include "common/base/alarm.h"
#include "common/base/task_group.h"
#include "common/mux/frame_reader.h"
#include "common/mux/outbox.h"
#include "common/tunnel/transport.h"

namespace jump::tunnel {

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // Any frame but ping, pong and go-away. An error is the peer's fault: the link tells it (go-away
  // "protocol") and ends. The frame lives until this returns.
  virtual Result<void> on_frame(const mux::FrameView& frame, Instant now) = 0;
  // The peer asked to be left. The link goes on until the handler, or the peer, closes it.
  virtual void on_go_away(const mux::GoAwayBody& body) = 0;
};

class Link
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  // What is being moved, for statistics and tests.
  struct Counters {
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t writes = 0;
  };

  // Both must outlive run().
  Link(asio::any_io_executor executor, Transport& transport, LinkHandler& handler);
  ~Link();

  mux::Outbox& outbox() { return outbox_; }

  // Reads, writes and watches until the connection ends, one way or the other; always says why. Orderly ends
  // of the peer are Fault::closed. The transport is closed when this returns.
  Task<Error> run();
  // run() ends soon with this reason. Idempotent; the first reason counts.
  void close(Error reason);
  // Sends `body`, waits until it is with the kernel (at most limits::kShutdownLimit), then closes.
  void go_away(mux::GoAwayBody body, Error reason);

  // A session runs: silence is noticed sooner, and the writer stays.
  void set_busy(bool busy);
  Instant last_heard() const { return last_heard_; }
  const Counters& counters() const { return counters_; }

 private:
  enum class Turn { empty, more, over };
  class Round;
  Task<Error> read_loop();
  Turn read_turn();
  Task<> wait_for_reason();
  void write_what_waits(bool lazy_too);
  bool flush();
  Task<> write_loop();
  Task<> drain();
  void watch();
  void on_work();
  void wake_writer();
  Result<void> on_frame(const mux::FrameView& frame, Instant now);
  void pace();

  Transport& transport_;
  LinkHandler& handler_;
  TaskGroup tasks_;
  Event work_;  // the outbox has something
  Alarm silence_;
  mux::Outbox outbox_;
  mux::FrameReader reader_;
  Instant last_heard_;
  std::optional<Instant> asked_;  // a ping went then, and nothing has been heard since
  std::uint64_t pings_ = 0;
  bool busy_ = false;
  bool running_ = false;
  bool writing_ = false;       // there is a writer
  bool blocked_ = false;       // nothing more is written before it is writable
  bool acknowledges_ = false;  // the writer waits for company for acknowledgements
  // Nearly always empty. A go-away is queued: close with this when it is written; and why it is over.
  std::unique_ptr<const Error> draining_, reason_;
  Event* over_ = nullptr;  // while the reader waits for the reason
  std::size_t batch_limit_;
  std::size_t frame_limit_ = limits::kFrameBytes;
  Instant paced_at_{};
  Counters counters_;
};

}  // namespace jump::tunnel
