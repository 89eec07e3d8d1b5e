// Worker: a thread with its own connections, which never change it. Arrivals, the policy and the end are
// posted to it; what it has to say is posted back by the function that it was given.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "jumpoint/proxy/connection.h"
#include "jumpoint/proxy/policy.h"
#include "platform/byte_mover.h"

namespace jump::proxy {

class Worker {
 public:
  // `ended` is called on the worker's thread, once for each connection that was taken.
  Worker(std::shared_ptr<const Policy> policy, std::function<void(Report)> ended);
  // Closes what is open and joins the thread.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // --- from any thread; in the order of the calls
  void take(Arrival arrival);
  // Connections that it forbids are closed.
  void set_policy(std::shared_ptr<const Policy> policy);
  // A socket accepted for this worker belongs to this.
  asio::io_context& context() { return io_; }
  // Counters with one writer, read from outside: the order of reads does not matter.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint32_t tunnels() const { return tunnels_.load(std::memory_order_relaxed); }

  // --- for its connections, on its thread
  asio::io_context::executor_type executor() { return io_.get_executor(); }
  const Policy& policy() const { return *policy_; }
  platform::ByteMover& mover() { return mover_; }
  std::span<char> buffer() { return buffer_; }
  void count_bytes(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void tunnel_begins(Connection& connection);
  void tunnel_ends() { tunnels_.fetch_sub(1, std::memory_order_relaxed); }
  // Whether one more refused client may stay for a moment; lingered() when it has gone, or was not let.
  bool may_linger() { return ++lingering_ <= policy_->limits.farewells; }
  void lingered() { --lingering_; }
  // Which address of a target is tried first: the one that worked last.
  std::size_t good_address(const Target& target) const;
  void remember_good_address(const Target& target, const asio::ip::tcp::endpoint& address);
  void bury_if_gone(Connection& connection);

 private:
  void settle();  // after a change from outside: forget the gone, wind the clock
  void wind();
  void tick(const boost::system::error_code& stopped);

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                             asio::io_context::executor_type>
      clock_;
  bool clock_runs_ = false;
  std::shared_ptr<const Policy> policy_;
  std::function<void(Report)> ended_;
  platform::ByteMover mover_;
  std::vector<char> buffer_;
  std::list<Connection> young_;  // no tunnels yet, or refused
  std::list<Connection> old_;    // tunnels
  std::size_t lingering_ = 0;
  std::map<std::string, asio::ip::tcp::endpoint> good_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint32_t> tunnels_{0};
  std::thread thread_;
};

}  // namespace jump::proxy
