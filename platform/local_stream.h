// Byte streams between the processes of one machine. Linux: Unix stream sockets. Windows: named pipes, which
// nobody reaches from another machine.
//
// Readiness and work are apart, as a Transport of common/tunnel wants it: readable() and writable() wait,
// read_now() and write_now() never do. One thread. At most one readable() and one writable() at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/handle.h"

namespace jump::platform {

// One connected end.
class LocalStream {
 public:
  // Takes the end over that connect_local(), local_pair() or accept() gave, or one that was inherited. What
  // is no such end is found out by the first read or write.
  LocalStream(asio::any_io_executor executor, Handle end);
  LocalStream(LocalStream&&) noexcept;
  LocalStream& operator=(LocalStream&&) noexcept;
  ~LocalStream();

  // Ends when read_now() may give bytes, or with the error that ended the connection.
  Task<Result<void>> readable();
  // Bytes put into `into`, 0 when nothing is there now. Fault::closed at the end.
  Result<std::size_t> read_now(std::span<std::uint8_t> into);

  // Takes all of `parts`, in this order. What the system does not take now is kept here (and backlog() is
  // true); then writable() must have ended before the next write_now().
  Result<void> write_now(std::span<const ByteView> parts);
  bool backlog() const;
  // Sends what is kept; ends when all of it is with the system and more is wanted.
  Task<Result<void>> writable();

  // Sends what is kept, then the end. Nothing may be written afterwards, and where the system has no
  // half-open connections (Windows) nothing comes any more either.
  Task<Result<void>> shutdown();
  // At once, idempotent; who waits ends with Fault::closed.
  void close() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Where others connect to, as a path; gone with this object. One waiter in accept().
//
// Linux: PATH.lock is held for as long: while it is, a second server at this path is refused
// (already_exists), and a socket that a killed process left behind is replaced. Nothing but a socket is ever
// replaced. Nobody can connect before the mode is set. Windows: the path only makes the name of the pipe.
// Others may connect with a mode that lets others write, else the machine's administrators and the user of
// this process.
class LocalListener {
 public:
  static Result<LocalListener> bind(asio::any_io_executor executor, const std::string& path, unsigned mode);
  LocalListener(LocalListener&&) noexcept;
  LocalListener& operator=(LocalListener&&) noexcept;
  ~LocalListener();

  // The next connection. Cancelled, it harms nothing: who connects in the meantime waits.
  Task<Result<Handle>> accept();

 private:
  struct Impl;
  explicit LocalListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Does not wait: refused and not_found are told at once, as is a queue that nobody takes from.
Result<Handle> connect_local(const std::string& path);

// Two connected ends, to be inherited by a child for example.
Result<std::pair<Handle, Handle>> local_pair();

}  // namespace jump::platform
