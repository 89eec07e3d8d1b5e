// The access log: one line of JSON for each connection, when it has ended. Written by a thread of its own, so
// that a slow disk holds nobody up; what does not fit into its queue is dropped and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/error.h"
#include "jumpoint/proxy/policy.h"

namespace jump::proxy {

// {"time":…,"source":"10.0.0.7:50112","request":"CONNECT a:443","verdict":"tunnel","status":200,"rule":3,
//  "reason":…,"address":"198.51.100.7:443","up":517,"down":4096,"ms":81}
std::string log_line(const Report& report, std::int64_t wall_now);

class AccessLog {
 public:
  static constexpr std::size_t kQueueBytes = 4 * 1024 * 1024;  // waiting for the disk

  // Opened here, so that a file which only root may make is made before rights are given up.
  static Result<AccessLog> open(std::string path, std::uint64_t most_bytes, unsigned kept);
  AccessLog(AccessLog&&) noexcept;
  AccessLog& operator=(AccessLog&&) noexcept;
  ~AccessLog();  // what is queued is written first

  void write(std::string line);
  // Another file may stand at the path now (logrotate). Rotates by itself at `most_bytes`.
  void reopen();
  std::uint64_t dropped() const;

 private:
  struct File;
  AccessLog(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

}  // namespace jump::proxy
