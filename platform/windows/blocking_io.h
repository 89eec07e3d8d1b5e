// Reading and writing handles of Windows that can only wait: what a program inherited, a console, a file. A
// thread for each direction does it.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "common/base/bytes.h"
#include "common/base/task_group.h"
#include "platform/handle.h"

namespace jump::platform {

// One direction. One task at a time. The thread outlives this where the system does not let it go.
class BlockingIo {
 public:
  struct Done {
    unsigned long failed = 0;  // of Windows; 0: none
    Bytes bytes;               // that were read
  };

  BlockingIo(asio::any_io_executor executor, std::shared_ptr<Handle> handle);
  BlockingIo(const BlockingIo&) = delete;
  BlockingIo& operator=(const BlockingIo&) = delete;
  ~BlockingIo();

  // At most `most` bytes; none: the end. Cancelled, what it reads nevertheless is the next one's.
  Task<Done> read(std::size_t most);
  Task<Done> write(ByteView bytes);
  // Who waits ends with ERROR_OPERATION_ABORTED.
  void stop() noexcept;

 private:
  struct Worker;
  struct Answer;
  Task<Done> run(Bytes bytes, bool writing);

  std::shared_ptr<Worker> worker_;
  std::shared_ptr<Answer> answer_;
  bool asked_ = false;
  bool stopped_ = false;
};

}  // namespace jump::platform
