// Handles that can only be read and written by calls that wait (consoles, and whatever this program
// inherited): a thread waits for them. What it gets or gives stands in memory of its own, so that who awaits
// it may be cancelled at any time, and nothing is lost: the next read() gives what has come meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform {

class BlockingReader {
 public:
  // `get` waits for some bytes; none: the end. Called by the thread, which keeps it.
  using Get = std::function<Result<Bytes>()>;
  BlockingReader(asio::any_io_executor executor, Get get);
  BlockingReader(const BlockingReader&) = delete;
  BlockingReader& operator=(const BlockingReader&) = delete;
  ~BlockingReader();

  // 0 = the end.
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into);
  // At once; the call that waits is asked to end.
  void close() noexcept;

 private:
  struct State;
  Event arrived_;
  std::shared_ptr<State> state_;
};

class BlockingWriter {
 public:
  using Put = std::function<Result<void>(ByteView)>;
  BlockingWriter(asio::any_io_executor executor, Put put);
  BlockingWriter(const BlockingWriter&) = delete;
  BlockingWriter& operator=(const BlockingWriter&) = delete;
  ~BlockingWriter();

  Task<Result<void>> write(ByteView bytes);
  void close() noexcept;

 private:
  struct State;
  Event done_;
  std::shared_ptr<State> state_;
};

// Of a handle that stays open as long as this is called. A reader that has gone is Fault::closed.
Result<Bytes> get_bytes(void* handle);
Result<void> put_bytes(void* handle, ByteView bytes);

}  // namespace jump::platform
