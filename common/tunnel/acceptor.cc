#include "common/tunnel/acceptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/log.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/endpoint_text.h"

namespace jump::tunnel {
namespace {

using asio::ip::tcp;

constexpr auto kFailuresCount = std::chrono::minutes(1);
constexpr int kBacklog = 4096;

Result<tcp::endpoint> parse(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? std::string() : text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  boost::system::error_code bad;
  const asio::ip::address address = asio::ip::make_address(host, bad);
  if (colon == std::string::npos || bad || begin == end || std::from_chars(begin, end, port).ptr != end) {
    return Error(Fault::invalid, "listen address '" + printable(text, 80) + "': expected ADDRESS:PORT, such as 0.0.0.0:443 or [::]:443");
  }
  return tcp::endpoint(address, port);
}

Task<Result<std::unique_ptr<TlsStream>>> until_evicted(Event& evicted) {
  co_await evicted.wait();
  co_return Error(Fault::unavailable, "too many handshakes at once");
}

}  // namespace

std::string source_of(const asio::ip::address& address) {
  const asio::ip::address plain = plain_address(address);
  if (plain.is_v4()) return plain.to_string();
  auto bytes = plain.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::make_address_v6(bytes).to_string() + "/64";
}

bool SourceLimits::begin(const std::string& source, Instant now) {
  forget_old(now);
  Source& counts = sources_[source];
  if (now - counts.failed_since > kFailuresCount) counts.failed = 0;
  if (counts.unfinished + counts.failed >= limits::kUnfinishedPerSource) return false;
  ++counts.unfinished;
  return true;
}

void SourceLimits::finished(const std::string& source, bool succeeded, Instant now) {
  const auto found = sources_.find(source);
  if (found == sources_.end()) return;
  Source& counts = found->second;
  if (counts.unfinished > 0) --counts.unfinished;
  if (!succeeded) {
    if (counts.failed++ == 0) counts.failed_since = now;
  } else if (counts.unfinished == 0 && counts.failed == 0) {
    sources_.erase(found);
  }
}

void SourceLimits::forget_old(Instant now) {
  if (now - swept_ < kFailuresCount) return;
  swept_ = now;
  std::erase_if(sources_, [&](const auto& entry) {
    return entry.second.unfinished == 0 && now - entry.second.failed_since > kFailuresCount;
  });
}

Acceptor::Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler)
    : executor_(executor),
      context_(std::move(context)),
      handler_(std::move(handler)),
      tasks_(executor),
      gate_(executor),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

Acceptor::~Acceptor() {
  if (reserve_ >= 0) ::close(reserve_);
}

Result<void> Acceptor::listen(const std::string& address) {
  const Result<tcp::endpoint> endpoint = parse(address);
  if (!endpoint) return endpoint.error();
  tcp::acceptor socket(executor_);
  boost::system::error_code error;
  socket.open(endpoint->protocol(), error);
  if (!error) socket.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint->address().is_v6()) socket.set_option(asio::ip::v6_only(true), error);
  if (!error) socket.bind(*endpoint, error);
  if (!error) socket.listen(kBacklog, error);
  if (error) return Error(error, "listen on " + address);
  sockets_.push_back(std::move(socket));
  return {};
}

std::vector<std::string> Acceptor::addresses() const {
  std::vector<std::string> all;
  for (const tcp::acceptor& socket : sockets_) all.push_back(to_text(socket.local_endpoint()));
  return all;
}

Task<> Acceptor::run() {
  tasks_.spawn("handshake gate", gate_.run());
  for (tcp::acceptor& socket : sockets_) tasks_.spawn("accept", accept_loop(socket));
  Event never(executor_);
  try {
    co_await never.wait();
  } catch (const boost::system::system_error&) {
    // Cancelled: what is under way ends first.
  }
  co_await tasks_.stop();
}

Task<> Acceptor::accept_loop(tcp::acceptor& listening) {
  while (true) {
    auto [error, socket] = co_await listening.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    if (error == asio::error::no_descriptors || error.value() == ENFILE) {
      take_back_descriptor(listening);
      continue;
    }
    if (error) {
      // The peer went between its SYN and now, or the kernel is short of something for a moment.
      co_await sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    ++counters_.accepted;
    boost::system::error_code gone;
    const tcp::endpoint remote = socket.remote_endpoint(gone);
    if (gone) continue;
    std::string source = source_of(remote.address());
    if (!sources_.begin(source, BootClock::now())) {
      ++counters_.source_limited;
      if (counters_.source_limited == 1 || counters_.source_limited % 10000 == 0) {
        log::warning("acceptor", "a source has too many unfinished or failed handshakes",
                     {{"source", source}, {"limit", limits::kUnfinishedPerSource}, {"closed", counters_.source_limited}});
      }
      continue;
    }
    if (unfinished_.size() >= limits::kHandshakesAtOnce) {
      ++counters_.evicted;
      unfinished_.front()->evicted.set();
      unfinished_.pop_front();
    }
    tasks_.spawn("handshake", shake_hands(std::move(socket), std::move(source)));
  }
}

// Without a descriptor a connection can neither be taken nor refused, and the loop would spin on it.
void Acceptor::take_back_descriptor(tcp::acceptor& listening) {
  ++counters_.out_of_descriptors;
  if (counters_.out_of_descriptors == 1 || counters_.out_of_descriptors % 10000 == 0) {
    log::error("acceptor", "no file descriptors left; connections are closed",
               {{"times", counters_.out_of_descriptors}});
  }
  if (reserve_ >= 0) ::close(reserve_);
  const int taken = ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
  if (taken >= 0) ::close(taken);
  reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Task<> Acceptor::shake_hands(tcp::socket socket, std::string source) {
  Unfinished self(executor_);
  unfinished_.push_back(&self);
  struct Leave {
    std::list<Unfinished*>& all;
    Unfinished* self;
    ~Leave() { all.remove(self); }
  } leave{unfinished_, &self};
  using namespace asio::experimental::awaitable_operators;
  Task<Result<std::unique_ptr<TlsStream>>> accepting = TlsStream::accept(std::move(socket), context_, &gate_);
  Task<Result<std::unique_ptr<TlsStream>>> limited = with_timeout(limits::kTlsTimeout, "TLS handshake", std::move(accepting));
  std::variant<Result<std::unique_ptr<TlsStream>>, Result<std::unique_ptr<TlsStream>>> first(
      std::in_place_index<0>, Error());
  try {
    first = co_await (std::move(limited) || until_evicted(self.evicted));
  } catch (const asio::multiple_exceptions& both) {
    std::rethrow_exception(both.first_exception());
  }
  Result<std::unique_ptr<TlsStream>> stream =
      first.index() == 0 ? std::move(std::get<0>(first)) : std::move(std::get<1>(first));
  sources_.finished(source, stream.has_value(), BootClock::now());
  if (!stream) {
    ++counters_.failed;
    log::debug("acceptor", "handshake failed", {{"source", source}, {"reason", stream.error().message()}});
    co_return;
  }
  ++counters_.finished;
  handler_(std::move(*stream));
}

}  // namespace jump::tunnel
