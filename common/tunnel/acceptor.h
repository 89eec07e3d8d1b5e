// Acceptor: the appliance's port. Takes connections, does their handshakes, and hands over what came through.
//
// Strangers cost little (limits.h): at most kHandshakesAtOnce handshakes run; one more and the oldest unfinished goes, which
// is hardly ever an honest one, those take milliseconds. Of one source (/32, /64) at most kUnfinishedPerSource may be
// unfinished or have failed within a minute; who finishes is not counted, since thousands may sit behind one address.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/clock.h"
#include "common/base/task_group.h"
#include "common/tunnel/handshake_gate.h"
#include "common/tunnel/tls_stream.h"

namespace jump::tunnel {

// What a source (an address, or a /64 of IPv6) has open or spoilt. Pure.
class SourceLimits {
 public:
  // False: over the limit, to be closed at once.
  bool begin(const std::string& source, Instant now);
  void finished(const std::string& source, bool succeeded, Instant now);
  std::size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    std::size_t unfinished = 0;
    std::size_t failed = 0;
    Instant failed_since{};
  };
  void forget_old(Instant now);
  std::map<std::string, Source> sources_;
  Instant swept_{};
};

std::string source_of(const asio::ip::address& address);

class Acceptor {
 public:
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t finished = 0;
    std::uint64_t failed = 0;
    std::uint64_t evicted = 0;         // the oldest, for a newer one
    std::uint64_t source_limited = 0;
    std::uint64_t out_of_descriptors = 0;
  };
  // Called for each connection whose handshake is done; it takes the stream and must not wait.
  using Handler = std::function<void(std::unique_ptr<TlsStream>)>;

  Acceptor(asio::any_io_executor executor, std::shared_ptr<const TlsServer> context, Handler handler);
  ~Acceptor();

  // "0.0.0.0:443", "[::]:443". Fault names the address and what is wrong with it. IPv6 sockets take IPv6 only.
  Result<void> listen(const std::string& address);
  // What is listened on, with ports that were chosen (0).
  std::vector<std::string> addresses() const;

  // Until cancelled.
  Task<> run();
  // New handshakes use this from now on: renewed certificate.
  void set_context(std::shared_ptr<const TlsServer> context) { context_ = std::move(context); }
  const Counters& counters() const { return counters_; }
  std::size_t handshakes() const { return unfinished_.size(); }

 private:
  struct Unfinished {
    explicit Unfinished(const asio::any_io_executor& executor) : evicted(executor) {}
    Event evicted;
  };
  Task<> accept_loop(asio::ip::tcp::acceptor& socket);
  Task<> shake_hands(asio::ip::tcp::socket socket, std::string source);
  void take_back_descriptor(asio::ip::tcp::acceptor& socket);

  asio::any_io_executor executor_;
  std::shared_ptr<const TlsServer> context_;
  Handler handler_;
  TaskGroup tasks_;
  HandshakeGate gate_;
  SourceLimits sources_;
  std::list<asio::ip::tcp::acceptor> sockets_;
  std::list<Unfinished*> unfinished_;  // the oldest first
  int reserve_ = -1;                   // given up to refuse a connection when there are no descriptors left
  Counters counters_;
};

}  // namespace jump::tunnel
