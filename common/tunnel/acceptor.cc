#include "common/tunnel/acceptor.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/address.h"
#include "common/tunnel/endpoint_text.h"

namespace jump::tunnel {
namespace {

using asio::ip::tcp;

constexpr int kBacklog = 4096;
constexpr auto kLookAround =
    std::chrono::milliseconds(250);  // for who may be evicted, or has become admissible
constexpr std::uint64_t kLogEvery = 10000;

bool worth_a_line(std::uint64_t count) {
  return count == 1 || count % kLogEvery == 0;
}

Result<tcp::endpoint> parse(const std::string& text) {
  boost::system::error_code bad;
  // Port 0, "any", is right here and wrong everywhere else.
  const bool any = text.size() > 2 && text.ends_with(":0");
  const Result<Address> parsed = parse_address(any ? text.substr(0, text.size() - 1) + "1" : text);
  const asio::ip::address address = parsed ? asio::ip::make_address(parsed->host, bad) : asio::ip::address();
  if (!parsed || bad) {
    return Error(Fault::invalid, "listen address '" + printable(text, 80) +
                                     "': expected ADDRESS:PORT, such as 0.0.0.0:443 or [::]:443");
  }
  return tcp::endpoint(address, any ? std::uint16_t{0} : parsed->port);
}

// Returns when cancelled, too: what throws on both sides of a race is no longer what the caller expects.
Task<Result<std::unique_ptr<TlsStream>>> until_evicted(Event& evicted) {
  try {
    co_await evicted.wait();
  } catch (const boost::system::system_error& cancelled) {
    co_return Error(cancelled.code(), "TLS handshake");
  }
  co_return Error(Fault::unavailable, "made place for others");
}

// Keeps `self` in `list` for as long as it lives.
template <typename T>
class Listed {
 public:
  Listed(std::list<T*>& list, T& self) : list_(list), at_(list.insert(list.end(), &self)) {}
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { list_.erase(at_); }

 private:
  std::list<T*>& list_;
  typename std::list<T*>::iterator at_;
};

}  // namespace

Acceptor::Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler)
    : Acceptor(executor, std::move(context), std::move(handler), Settings()) {}

Acceptor::Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler,
                   Settings settings)
    : executor_(executor),
      context_(std::move(context)),
      handler_(std::move(handler)),
      settings_(settings),
      tasks_(executor),
      gate_(executor) {}

Result<void> Acceptor::listen(const std::string& address) {
  const Result<tcp::endpoint> endpoint = parse(address);
  if (!endpoint) return endpoint.error();
  ports_.emplace_back(executor_, endpoint->protocol());
  tcp::acceptor& socket = ports_.back().socket;
  boost::system::error_code error;
  socket.open(endpoint->protocol(), error);
  if (!error) socket.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint->address().is_v6()) socket.set_option(asio::ip::v6_only(true), error);
  if (!error) socket.bind(*endpoint, error);
  if (!error) socket.listen(kBacklog, error);
  if (!error) return {};
  ports_.pop_back();
  return Error(error, "listen on " + address);
}

std::vector<std::string> Acceptor::addresses() const {
  std::vector<std::string> all;
  for (const Port& port : ports_) all.push_back(to_text(port.socket.local_endpoint()));
  return all;
}

Task<> Acceptor::run() {
  Task<Result<void>> accepting = accept_all();
  co_await and_stop(tasks_, std::move(accepting));
}

Task<Result<void>> Acceptor::accept_all() {
  tasks_.spawn("handshake gate", gate_.run());
  for (Port& port : ports_) tasks_.spawn("accept", accept_loop(port));
  Event never(executor_);
  co_await never.wait();
  co_return Result<void>();
}

// --- accepting
// ---------------------------------------------------------------------------------------------------

Task<> Acceptor::accept_loop(Port& port) {
  for (;;) {
    co_await wait_for_room(port);
    auto [failure, socket] = co_await port.socket.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!failure) {
      take(std::move(socket));
    } else if (platform::out_of_descriptors(failure)) {
      if (without_descriptors(port)) continue;
      // The kernel says so even when nobody is there: wait for somebody, or this would spin.
      co_await port.socket.async_wait(tcp::acceptor::wait_read, asio::as_tuple(asio::use_awaitable));
    } else {
      // The peer went between its SYN and now, or the kernel is short of something for a moment.
      co_await sleep_for(std::chrono::milliseconds(5));
    }
  }
}

void Acceptor::take(tcp::socket socket) {
  ++counters_.accepted;
  boost::system::error_code gone;
  const tcp::endpoint remote = socket.remote_endpoint(gone);
  if (!gone) tasks_.spawn("handshake", serve(std::move(socket), source_of(remote.address())));
}

// False: nobody was there.
bool Acceptor::without_descriptors(Port& port) {
  using Outcome = platform::AcceptReserve::Outcome;
  int connection = -1;
  const Outcome outcome = reserve_.accept(static_cast<int>(port.socket.native_handle()), connection);
  if (outcome == Outcome::taken) {
    tcp::socket socket(executor_);
    boost::system::error_code failed;
    socket.assign(port.protocol, connection, failed);
    if (failed) {
      platform::close_socket(connection);
    } else {
      take(std::move(socket));
    }
  }
  if (outcome == Outcome::refused && worth_a_line(++counters_.out_of_descriptors)) {
    log::error("acceptor", "no file descriptors left; connections are closed",
               {{"times", counters_.out_of_descriptors}});
  }
  return outcome != Outcome::nobody;
}

Task<> Acceptor::wait_for_room(Port& port) {
  while (unfinished_.size() >= settings_.handshakes_at_once) {
    evict_one();
    co_await port.room.wait_for(kLookAround);
  }
}

// The one that has let us wait longest. Nobody who waits for our own slowness goes.
void Acceptor::evict_one() {
  const Instant now = BootClock::now();
  Unfinished* slowest = nullptr;
  for (Unfinished* one : unfinished_) {
    if (!one->progress.waiting_since) continue;
    if (slowest == nullptr || *one->progress.waiting_since < *slowest->progress.waiting_since) slowest = one;
  }
  if (slowest == nullptr || now - *slowest->progress.waiting_since < settings_.patience) return;
  ++counters_.evicted;
  slowest->progress.waiting_since.reset();
  slowest->evicted.set();
}

// --- one connection
// ------------------------------------------------------------------------------------------------

Task<> Acceptor::serve(tcp::socket socket, std::string source) {
  Task<Result<void>> waiting = wait_for_turn(source);
  const Result<void> admitted = co_await std::move(waiting);
  if (!admitted) {
    ++counters_.failed;
    if (worth_a_line(++counters_.source_limited)) {
      log::warning("acceptor", "too many unfinished or failed handshakes of one source",
                   {{"source", source},
                    {"limit", limits::kUnfinishedPerSource},
                    {"closed", counters_.source_limited}});
    }
    co_return;
  }
  // Also when this is cancelled.
  struct Ended {
    Acceptor& acceptor;
    const std::string& source;
    bool succeeded = false;
    ~Ended() { acceptor.ended(source, succeeded); }
  } end{*this, source};
  Task<Result<std::unique_ptr<TlsStream>>> shaking = shake_hands(std::move(socket));
  Result<std::unique_ptr<TlsStream>> stream =
      co_await with_timeout(settings_.handshake_time, "TLS handshake", std::move(shaking));
  if (!stream) {
    ++counters_.failed;
    if (stream.error().is(Fault::timed_out)) ++counters_.timed_out;
    log::debug("acceptor", "handshake failed", {{"source", source}, {"reason", stream.error().message()}});
    co_return;
  }
  ++counters_.finished;
  end.succeeded = true;
  handler_(std::move(*stream));
}

Task<Result<void>> Acceptor::wait_for_turn(const std::string& source) {
  if (sources_.begin(source, BootClock::now())) co_return Result<void>();
  const Instant until = BootClock::now() + settings_.handshake_time;
  if (parked_.size() < kParked) {
    Parked self(executor_, source);
    const Listed<Parked> listed(parked_, self);
    while (BootClock::now() < until) {
      co_await self.turn.wait_for(kLookAround);
      if (sources_.begin(source, BootClock::now())) co_return Result<void>();
    }
  }
  co_return Error(Fault::too_large, "too many unfinished handshakes of " + source);
}

Task<Result<std::unique_ptr<TlsStream>>> Acceptor::shake_hands(tcp::socket socket) {
  using namespace asio::experimental::awaitable_operators;
  Unfinished self(executor_);
  const Listed<Unfinished> listed(unfinished_, self);
  Task<Result<std::unique_ptr<TlsStream>>> accepting =
      TlsStream::accept(std::move(socket), context_, &gate_, &self.progress);
  auto first = co_await (std::move(accepting) || until_evicted(self.evicted));
  co_return first.index() == 0 ? std::move(std::get<0>(first)) : std::move(std::get<1>(first));
}

void Acceptor::ended(const std::string& source, bool succeeded) {
  sources_.finished(source, succeeded, BootClock::now());
  for (Port& port : ports_) port.room.set();
  const auto next =
      std::find_if(parked_.begin(), parked_.end(), [&](const Parked* one) { return one->source == source; });
  if (next != parked_.end()) (*next)->turn.set();
}

}  // namespace jump::tunnel
