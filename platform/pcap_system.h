// What platform/raw_frame.cc needs of each system: the library (libpcap; Npcap on Windows), and how one waits
// for what it captures. Types of the library are void* here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform::pcap {

extern const char* const kLibrary;   // its name, for errors
extern const char* const kNoRights;  // what one lacks to use it

// A call of the library, which is loaded at the first time and stays; null where one of the two is missing.
void* find(const char* name);

// What the library calls an interface; nothing: there is no such interface.
std::optional<std::string> device(const std::string& interface);

// Of one open capture, which is closed after this.
class Wait {
 public:
  explicit Wait(asio::any_io_executor executor);
  ~Wait();

  Result<void> begin(void* capture);
  // Until there may be frames. Throws operation_aborted when cancelled.
  Task<Result<void>> frames();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::platform::pcap
