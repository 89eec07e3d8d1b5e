#include "common/endpoint/own_name.h"

#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/ip/host_name.hpp>

#include "common/base/bytes.h"

namespace jump::endpoint {

struct OwnName::Shared {
  mutable std::mutex mutex;
  bool running = false;
  std::optional<platform::MachineName> found;
};

OwnName::OwnName() : shared_(std::make_shared<Shared>()) {}
OwnName::~OwnName() = default;

bool OwnName::looking() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->running;
}

platform::MachineName OwnName::now() {
  boost::system::error_code failed;
  const std::string host = printable(boost::asio::ip::host_name(failed), 255);
  const Instant time = BootClock::now();
  const std::lock_guard lock(shared_->mutex);
  if (shared_->found) known_ = *std::exchange(shared_->found, std::nullopt);
  const bool renamed = known_.hostname != host;
  if (renamed) known_ = {host, host};
  const bool old = asked_ == Instant{} || time - asked_ >= kAge;
  if (shared_->running || !(old || renamed)) return known_;
  asked_ = time;
  try {
    std::thread([shared = shared_] {
      platform::MachineName name = platform::machine_name();
      const std::lock_guard done(shared->mutex);
      shared->found = std::move(name);
      shared->running = false;
    }).detach();
    shared_->running = true;
  } catch (const std::system_error&) {
    // No thread to be had: the host name alone will do until the next time.
  }
  return known_;
}

}  // namespace jump::endpoint
