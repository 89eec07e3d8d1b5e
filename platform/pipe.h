// Pipe: one end of a pipe, a pseudo-terminal or an inherited standard handle, read and written without
// blocking the thread.
//
// One thread. At most one read() and one write() at a time. The first Pipe makes the process ignore
// SIGPIPE: a write to a reader that has gone is an error, not a death.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/base/task_group.h"
#include "platform/handle.h"

namespace jump::platform {

class Pipe {
 public:
  // Makes the handle non-blocking: for a terminal shared with other programs give a handle of its own.
  // Regular files work too; they never wait.
  Pipe(asio::any_io_executor executor, Handle handle);
  Pipe(Pipe&&) noexcept;
  Pipe& operator=(Pipe&&) noexcept;
  ~Pipe();

  // Waits for bytes. 0 = the other end is closed (for a pseudo-terminal: nobody has it open any more).
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into);
  // Waits until all of it is with the operating system. Fault::closed when the reader has gone.
  Task<Result<void>> write(ByteView bytes);
  // At once, idempotent; read() and write() that wait end with Fault::closed.
  void close() noexcept;

  bool is_open() const;
  int native() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Both ends of a new pipe: first = the end to read, second = the end to write. Blocking until given to a
// Pipe.
Result<std::pair<Handle, Handle>> make_pipe();

// From now on a write to who has gone is an error of this process, not its death. The first Pipe does it too.
void ignore_broken_pipes();

// For the start of a process, before it has a loop. Blocking; 0 = the end.
Result<std::size_t> read_blocking(int handle, std::span<std::uint8_t> into);
// All of it, to its end; Fault::too_large above `limit` bytes.
Result<Secret> read_to_end(int handle, std::size_t limit);

}  // namespace jump::platform
