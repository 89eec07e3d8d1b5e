// Acceptor: the appliance's port. Takes connections, does their handshakes, and hands over what came through.
//
// Strangers cost little (limits.h):
//   in all         kHandshakesAtOnce handshakes; at that many nothing is accepted, and new connections wait
//   in the
//                  kernel's queue. One that has let us wait for its bytes for 2 s makes place for them
//   of one source  (/32, /64) kUnfinishedPerSource unfinished, or failed within the last minute; one more
//   waits here for its
//                  turn, at most kTlsTimeout; more than kParked of all sources together are closed. Who
//                  finishes is not counted: thousands may sit behind one address
//   our time       HandshakeGate
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/task_group.h"
#include "common/tunnel/handshake_gate.h"
#include "common/tunnel/tls_stream.h"
#include "platform/sockets.h"

namespace jump::tunnel {

inline constexpr std::size_t kParked = 1024;

// What a source (an address, or a /64 of IPv6) has open or spoilt. Pure.
class SourceLimits {
 public:
  // False: over the limit now. True counts one as unfinished.
  bool begin(const std::string& source, Instant now);
  void finished(const std::string& source, bool succeeded, Instant now);
  std::size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    std::size_t unfinished = 0;
    std::size_t failed = 0;  // since failed_since, which counts for a minute
    Instant failed_since{};
  };
  void forget_old(Instant now);
  std::unordered_map<std::string, Source> sources_;
  Instant swept_{};
};

// "10.0.0.5", "2001:db8:0:1::/64".
std::string source_of(const asio::ip::address& address);

class Acceptor {
 public:
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t finished = 0;
    std::uint64_t failed = 0;   // those below included
    std::uint64_t evicted = 0;  // let us wait while others had no place
    std::uint64_t timed_out = 0;
    std::uint64_t source_limited = 0;  // closed: too many of too few sources
    std::uint64_t out_of_descriptors = 0;
  };
  struct Settings {
    std::size_t handshakes_at_once = limits::kHandshakesAtOnce;
    std::chrono::nanoseconds handshake_time = limits::kTlsTimeout;
    std::chrono::nanoseconds patience = std::chrono::seconds(2);  // before one may be evicted
  };
  // Called for each connection whose handshake is done; it takes the stream and must not wait.
  using Handler = std::function<void(std::unique_ptr<TlsStream>)>;

  Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler);
  Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler,
           Settings settings);
  ~Acceptor() = default;

  // "0.0.0.0:443", "[::]:443". Fault names the address and what is wrong with it. IPv6 sockets take IPv6
  // only.
  Result<void> listen(const std::string& address);
  // What is listened on, with ports that were chosen (0).
  std::vector<std::string> addresses() const;

  // Until cancelled.
  Task<> run();
  // New handshakes use this from now on: renewed certificate.
  void set_context(std::shared_ptr<const TlsServer> context) { context_ = std::move(context); }
  const Counters& counters() const { return counters_; }
  std::size_t handshakes() const { return unfinished_.size(); }
  std::size_t parked() const { return parked_.size(); }

 private:
  struct Port {
    Port(const asio::any_io_executor& executor, asio::ip::tcp family)
        : protocol(family), socket(executor), room(executor) {}
    asio::ip::tcp protocol;
    asio::ip::tcp::acceptor socket;
    Event room;  // a handshake ended
  };
  struct Unfinished {
    explicit Unfinished(const asio::any_io_executor& executor) : evicted(executor) {}
    HandshakeProgress progress;
    Event evicted;
  };
  struct Parked {
    Parked(const asio::any_io_executor& executor, const std::string& from) : source(from), turn(executor) {}
    const std::string& source;
    Event turn;
  };

  Task<Result<void>> accept_all();
  Task<> accept_loop(Port& port);
  Task<> wait_for_room(Port& port);
  void evict_one();
  void take(asio::ip::tcp::socket socket);
  bool without_descriptors(Port& port);
  Task<> serve(asio::ip::tcp::socket socket, std::string source);
  Task<Result<void>> wait_for_turn(const std::string& source);
  Task<Result<std::unique_ptr<TlsStream>>> shake_hands(asio::ip::tcp::socket socket);
  void ended(const std::string& source, bool succeeded);

  asio::any_io_executor executor_;
  std::shared_ptr<const TlsServer> context_;
  Handler handler_;
  Settings settings_;
  TaskGroup tasks_;
  HandshakeGate gate_;
  SourceLimits sources_;
  std::list<Port> ports_;
  std::list<Unfinished*> unfinished_;
  std::list<Parked*> parked_;  // the oldest first
  platform::AcceptReserve reserve_;
  Counters counters_;
};

}  // namespace jump::tunnel
