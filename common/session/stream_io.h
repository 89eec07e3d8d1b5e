// What the code of a session kind (shell, exec, files, forward) sees of its session: ordered byte streams
// and messages, that outlive tunnels. common/endpoint implements it over common/mux for the endpoint
// and the console alike; tests implement it in memory.
//
// A Stream that is destroyed before both directions are over is reset. One thread. All awaits end with
// Fault::closed when the session ended.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::session {

// One bidirectional byte stream. Reading and writing may run at the same time, each from one task.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::uint32_t number() const = 0;

  // Waits for bytes; 0 = the peer ended its direction (which is acknowledged with that answer). What is
  // read is not yet acknowledged.
  virtual Task<Result<std::size_t>> read(std::span<std::uint8_t> into) = 0;
  // Acknowledges bytes that read() gave: they are where they belong now (pty, disk, standard output).
  // Without it the sender keeps them, and after a takeover they come again.
  virtual void taken(std::size_t bytes) = 0;

  // Waits until there is room in the session's buffer for all of it, then queues it. At most 256 KiB.
  virtual Task<Result<void>> write(ByteView bytes) = 0;
  // Half-close: nothing more comes from here. Idempotent.
  virtual void end() = 0;
  // Waits until the peer has taken all that was written, the end included.
  virtual Task<Result<void>> flushed() = 0;
  // Both directions at once; the peer's awaits end with Fault::closed and this reason.
  virtual void reset(std::string reason) = 0;
};

// Messages of the session (stream 0), opening of streams, and the state of the connection.
class Session {
 public:
  virtual ~Session() = default;

  // Queues one message of at most 16,000 bytes (JSON of common/session/messages.h).
  virtual void send(std::string message) = 0;
  // The same, and again to every console that takes over: a question that waits for its answer, how the
  // program ended. Until it is forgotten.
  virtual void send_lasting(std::string message) { send(std::move(message)); }
  virtual void forget_lasting(const std::string& message) { static_cast<void>(message); }
  // The next message of the peer.
  virtual Task<Result<std::string>> receive() = 0;

  // A new stream of this end. The peer learns its number from a message that the caller sends; bytes may be
  // written at once and flow when the peer has adopted the number.
  virtual Result<std::unique_ptr<Stream>> open_stream() = 0;
  // The stream that the peer announced in a message; refused for a number of the wrong parity or one used
  // before.
  virtual Result<std::unique_ptr<Stream>> adopt_stream(std::uint32_t number) = 0;

  // Ends when everything that was sent has been taken by the peer. Then the session may be left.
  virtual Task<Result<void>> flushed() = 0;
};

}  // namespace jump::session
