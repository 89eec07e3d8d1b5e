#include "common/tunnel/race.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/endpoint_text.h"

namespace jump::tunnel {
namespace {

using asio::ip::tcp;

constexpr std::size_t kMostAddresses = 16;  // of one name; the rest is not tried

Task<Result<tcp::socket>> open_and_connect(tcp::endpoint endpoint, std::string what) {
  tcp::socket socket(co_await asio::this_coro::executor);
  boost::system::error_code failed;
  co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, what);
  co_return std::move(socket);
}

// --- look-up
// ------------------------------------------------------------------------------------------------

// Outlives whoever waits for it: the thread's answer may come long after.
struct LookUp {
  explicit LookUp(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
  tcp::resolver resolver;
  Event done;
  boost::system::error_code failed;
  std::vector<asio::ip::address> found;
};

Task<Result<std::vector<asio::ip::address>>> resolve_name(asio::any_io_executor executor, std::string host,
                                                          std::chrono::nanoseconds limit) {
  auto look_up = std::make_shared<LookUp>(executor);
  look_up->resolver.async_resolve(
      host, "", tcp::resolver::address_configured,
      [look_up](const boost::system::error_code& failed, const tcp::resolver::results_type& results) {
        look_up->failed = failed;
        for (const auto& entry : results) look_up->found.push_back(entry.endpoint().address());
        look_up->done.set();
      });
  struct Leave {
    std::shared_ptr<LookUp> look_up;
    ~Leave() { look_up->resolver.cancel(); }
  } leave{look_up};
  const bool in_time = co_await look_up->done.wait_for(limit);
  if (!in_time) co_return Error(Fault::timed_out, "look up " + host + ": no answer");
  if (look_up->failed) co_return Error(look_up->failed, "look up " + host);
  co_return std::move(look_up->found);
}

}  // namespace

Resolve make_resolve(asio::any_io_executor executor, std::chrono::nanoseconds limit) {
  return [executor, limit](std::string host) { return resolve_name(executor, std::move(host), limit); };
}

// --- race
// ------------------------------------------------------------------------------------------------------

Race::Race(asio::any_io_executor executor, Resolve resolve, RaceTimes times, std::vector<Address> targets)
    : executor_(executor),
      resolve_(std::move(resolve)),
      times_(times),
      targets_(std::move(targets)),
      changed_(executor) {
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    boost::system::error_code is_name;
    const auto address = asio::ip::make_address(targets_[i].host, is_name);
    if (is_name) {
      unresolved_.push_back(i);
    } else {
      add(i, {address});
    }
  }
}

// IPv6 first, then in turn; within a family in the order that the system prefers (RFC 6724).
void Race::add(std::size_t target, const std::vector<asio::ip::address>& addresses) {
  std::deque<asio::ip::address> v6, v4;
  for (const asio::ip::address& address : addresses) (address.is_v6() ? v6 : v4).push_back(address);
  const std::size_t most = std::min(addresses.size(), kMostAddresses);
  for (std::size_t i = 0; i < most; ++i) {
    std::deque<asio::ip::address>& from = v4.empty() || (i % 2 == 0 && !v6.empty()) ? v6 : v4;
    waiting_.push_back({tcp::endpoint(from.front(), targets_[target].port), target});
    from.pop_front();
  }
}

void Race::again(const tcp::endpoint& endpoint, std::size_t target) {
  waiting_.push_front({endpoint, target});
}

std::vector<std::string> Race::take_failures() {
  return std::exchange(failures_, {});
}

void Race::failed(std::string text) {
  failures_.push_back(std::move(text));
  failed_ = true;
  changed_.set();
}

Task<std::optional<Race::Connected>> Race::next() {
  winner_.reset();
  TaskGroup group(executor_);
  Task<Result<void>> driving = drive(group);
  co_await and_stop(group, std::move(driving));
  // Given up for the winner: they have not failed.
  waiting_.insert(waiting_.begin(), running_.begin(), running_.end());
  running_.clear();
  co_return std::exchange(winner_, std::nullopt);
}

Task<Result<void>> Race::drive(TaskGroup& group) {
  for (const std::size_t target : unresolved_) group.spawn("look up", look_up(target));
  bool due = true;
  while (!winner_) {
    if (!waiting_.empty() && (due || running_.empty())) {
      running_.push_back(waiting_.front());
      waiting_.pop_front();
      group.spawn("connect", attempt(running_.back()));
      due = false;
    }
    if (waiting_.empty() && running_.empty() && unresolved_.empty()) break;
    if (waiting_.empty()) {
      co_await changed_.wait();
    } else {
      due = !co_await changed_.wait_for(times_.stagger);
    }
    if (std::exchange(failed_, false)) due = true;
  }
  co_return Result<void>();
}

Task<> Race::look_up(std::size_t target) {
  const std::string host = targets_[target].host;
  Task<Result<std::vector<asio::ip::address>>> looking = resolve_(host);
  const Result<std::vector<asio::ip::address>> found = co_await std::move(looking);
  std::erase(unresolved_, target);
  if (!found) {
    failed(found.error().message());
  } else if (found->empty()) {
    failed("look up " + host + ": no address");
  } else {
    add(target, *found);
    changed_.set();
  }
}

Task<> Race::attempt(Candidate candidate) {
  const Address& target = targets_[candidate.target];
  std::string what = "connect " + to_text(candidate.endpoint);
  if (!is_literal(target)) what = "connect " + target.host + " (" + to_text(candidate.endpoint) + ")";
  Task<Result<tcp::socket>> connecting = open_and_connect(candidate.endpoint, what);
  Result<tcp::socket> socket = co_await with_timeout(times_.attempt, what, std::move(connecting));
  // Cancelled for another's sake; still running_, from where it is taken up again.
  if (!socket && socket.error().code == asio::error::operation_aborted) co_return;
  std::erase(running_, candidate);
  if (!socket) {
    failed(socket.error().message());
  } else if (!winner_) {
    winner_.emplace(Connected{std::move(*socket), candidate.endpoint, candidate.target});
    changed_.set();
  }
}

}  // namespace jump::tunnel
