// The local status socket: whoever may open it (mode 0600, so its owner and root) reads one JSON document and
// it closes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "platform/local_stream.h"

namespace jump::endpoint {

class StatusSocket {
 public:
  // `describe` makes the document, at each connection.
  static Result<std::unique_ptr<StatusSocket>> open(asio::any_io_executor executor, const std::string& path,
                                                    std::function<std::string()> describe);
  // Until cancelled.
  Task<> run();

 private:
  StatusSocket(asio::any_io_executor executor, platform::LocalListener listener,
               std::function<std::string()> describe);
  asio::any_io_executor executor_;
  platform::LocalListener listener_;
  std::function<std::string()> describe_;
};

// The other half: the document, or why there is none (the service does not run, no permission).
Result<std::string> read_status(const std::string& path);

}  // namespace jump::endpoint
