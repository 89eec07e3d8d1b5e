#include "jumpoint/proxy/worker.h"

#include <algorithm>

namespace jump::proxy {
namespace {
constexpr auto kTick = std::chrono::milliseconds(100);  // how late a deadline may be noticed
}

Worker::Worker(std::shared_ptr<const Policy> policy, std::function<void(Report)> ended)
    : work_(io_.get_executor()),
      clock_(io_.get_executor()),
      policy_(std::move(policy)),
      ended_(std::move(ended)),
      buffer_(kHeaderBytes) {
  thread_ = std::thread([this] { io_.run(); });
}

Worker::~Worker() {
  asio::post(io_, [this] {
    for (std::list<Connection>* list : {&young_, &old_}) {
      for (Connection& connection : *list) connection.close("the proxy ends");
    }
    settle();
    clock_.cancel();
    work_.reset();
  });
  thread_.join();
}

void Worker::take(Arrival arrival) {
  asio::post(io_, [this, one = std::move(arrival)]() mutable {
    young_.emplace_front(*this, std::move(one), BootClock::now());
    Connection& connection = young_.front();
    connection.self = young_.begin();
    connection.start();
    bury_if_gone(connection);
    wind();
  });
}

void Worker::set_policy(std::shared_ptr<const Policy> policy) {
  asio::post(io_, [this, policy = std::move(policy)]() mutable {
    policy_ = std::move(policy);
    for (std::list<Connection>* list : {&young_, &old_}) {
      for (Connection& connection : *list) connection.judge_again();
    }
    settle();
  });
}

void Worker::tunnel_begins(Connection& connection) {
  old_.splice(old_.begin(), young_, connection.self);
  tunnels_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t Worker::good_address(const Target& target) const {
  const auto known = good_.find(to_text(target.authority));
  if (known == good_.end()) return 0;
  const auto at = std::find(target.addresses.begin(), target.addresses.end(), known->second);
  return at == target.addresses.end() ? 0 : static_cast<std::size_t>(at - target.addresses.begin());
}

void Worker::remember_good_address(const Target& target, const asio::ip::tcp::endpoint& address) {
  if (target.addresses.size() < 2) return;
  good_[to_text(target.authority)] = address;
}

void Worker::bury_if_gone(Connection& connection) {
  if (!connection.gone()) return;
  ended_(connection.report(BootClock::now()));
  (connection.was_tunnel() ? old_ : young_).erase(connection.self);
}

void Worker::settle() {
  for (std::list<Connection>* list : {&young_, &old_}) {
    for (auto at = list->begin(); at != list->end();) bury_if_gone(*at++);
  }
  if (policy_ && good_.size() > policy_->targets.size()) good_.clear();
}

void Worker::wind() {
  if (clock_runs_ || young_.empty()) return;
  clock_runs_ = true;
  clock_.expires_after(kTick);
  clock_.async_wait([this](const boost::system::error_code& stopped) { tick(stopped); });
}

void Worker::tick(const boost::system::error_code& stopped) {
  clock_runs_ = false;
  if (stopped) return;
  const Instant now = BootClock::now();
  for (auto at = young_.begin(); at != young_.end();) {
    Connection& connection = *at++;
    connection.look_at_clock(now);
    bury_if_gone(connection);
  }
  wind();
}

}  // namespace jump::proxy
