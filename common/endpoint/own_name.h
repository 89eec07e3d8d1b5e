// OwnName: how this machine calls itself. Its full name comes from the resolver, which can take as long as a
// silent name server likes: it is asked in a thread of its own, and nobody waits for it. One that hangs is
// left behind.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "platform/machine.h"

namespace jump::endpoint {

class OwnName {
 public:
  static constexpr auto kAge = std::chrono::minutes(10);  // then it is asked again

  OwnName();
  ~OwnName();

  // As far as it is known. Asks when it is too long ago, or the host has another name than then.
  platform::MachineName now();
  // The resolver has not answered yet.
  bool looking() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the thread
  platform::MachineName known_;
  Instant asked_{};
};

}  // namespace jump::endpoint
