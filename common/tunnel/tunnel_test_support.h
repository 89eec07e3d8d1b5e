// For the tests of this room: coroutines run to their end, connected sockets, a site with its certificates.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/base/task_group.h"
#include "common/identity/authority.h"
#include "common/identity/psk.h"
#include "common/tunnel/tls_context.h"
#include "common/tunnel/tls_stream.h"

namespace jump::tunnel::test {

using asio::ip::tcp;
using namespace std::chrono_literals;

inline constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15
inline constexpr auto kPatience = 20s;

template <typename T>
Task<> keep(Task<T> task, std::optional<T>& into) {
  into.emplace(co_await std::move(task));
}

// From a handler of the loop, as TaskGroup::cancel() asks.
inline void cancel(asio::io_context& io, TaskGroup& group) {
  bool done = false;
  asio::post(io, [&] {
    group.cancel();
    done = true;
  });
  io.restart();
  while (!done) io.poll_one();
}

// Runs the loop until the group is empty; what hangs fails the test instead of the machine.
inline bool finish(asio::io_context& io, TaskGroup& group, std::chrono::nanoseconds limit = kPatience) {
  const auto until = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!group.empty() && std::chrono::steady_clock::now() < until) io.run_one_for(100ms);
  const bool over = group.empty();
  if (!over) {
    ADD_FAILURE() << "a task hangs";
    cancel(io, group);
    io.run_for(1s);
  }
  return over;
}

template <typename T>
T run(asio::io_context& io, Task<T> task) {
  std::optional<T> result;
  TaskGroup group(io.get_executor());
  group.spawn("run", keep(std::move(task), result));
  finish(io, group);
  return std::move(result).value();
}

struct SocketPair {
  tcp::socket client;
  tcp::socket server;
};
inline SocketPair connected_pair(asio::io_context& io) {
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  tcp::socket server = acceptor.accept();
  return {std::move(client), std::move(server)};
}

struct TestRevocations : Revocations {
  std::uint64_t count = 0;
  std::set<std::string> serials;
  void revoke(const std::string& serial) {
    serials.insert(serial);
    ++count;
  }
  std::uint64_t generation() const override { return count; }
  Result<void> check(const identity::PeerIdentity& peer, const std::string& serial) const override {
    if (serials.contains(serial)) return Error(Fault::refused, peer.name() + ": certificate revoked");
    return {};
  }
};

struct Credentials {
  identity::PrivateKey key = identity::PrivateKey::generate();
  std::vector<identity::Certificate> chain;
};

// An appliance with its authority. Everybody's clock is `now`.
struct Site {
  identity::Authority authority = identity::Authority::create(kNow).value();
  std::int64_t now = kNow;
  TestRevocations revocations;
  identity::PskMaster psk;

  WallClock clock() {
    return [this] { return now; };
  }
  Credentials issue(const identity::PeerIdentity& identity, identity::Seconds life = identity::kPeerLife) {
    Credentials made;
    made.chain = {authority.issue(made.key.make_request(), identity, now, life).value()};
    return made;
  }
  TlsServerSettings server_settings() {
    psk.rotate(now);
    return {authority.issue_appliance({"localhost"}, now).value(), std::nullopt,
            std::make_shared<ClientVerifier>(authority.authorities(), revocations, clock()),
            std::make_shared<MasterPskSource>(psk, revocations, clock())};
  }
  std::shared_ptr<const TlsServer> server() { return TlsServer::create(server_settings()).value(); }
  std::shared_ptr<PeerVerifier> bundle_verifier() {
    return std::make_shared<BundleVerifier>(authority.authorities(), clock());
  }
  std::shared_ptr<PeerVerifier> pin_verifier() {
    return std::make_shared<PinVerifier>(authority.pin(), clock());
  }
  std::shared_ptr<const TlsClient> client(const Credentials& own) {
    return TlsClient::create({bundle_verifier(), own.key, own.chain}).value();
  }
  // Consoles and first contact: the pin, no certificate.
  std::shared_ptr<const TlsClient> stranger() {
    return TlsClient::create({pin_verifier(), std::nullopt, {}}).value();
  }
};

inline constexpr identity::PeerIdentity kAgent{identity::PeerRole::agent, 17};

using StreamResult = Result<std::unique_ptr<TlsStream>>;
struct Ends {
  StreamResult client = Error(Fault::internal, "not run");
  StreamResult server = Error(Fault::internal, "not run");
};

inline Task<> accept_side(tcp::socket socket, std::shared_ptr<const TlsServer> context, Ends& ends,
                          Event& accepted) {
  ends.server = co_await TlsStream::accept(std::move(socket), std::move(context));
  if (ends.server) accepted.set();
}

// A client learns that it was refused only after its own end of the handshake: so it reads until it knows.
inline Task<> connect_side(tcp::socket socket, std::shared_ptr<const TlsClient> context,
                           TlsConnectOptions options, Ends& ends, Event& accepted) {
  using namespace asio::experimental::awaitable_operators;
  ends.client = co_await TlsStream::connect(std::move(socket), std::move(context), std::move(options));
  if (!ends.client) co_return;
  const auto first = co_await ((*ends.client)->readable() || accepted.wait());
  if (first.index() == 1) co_return;
  const Result<std::size_t> got = (*ends.client)->read_now({});
  if (!got) ends.client = got.error();
}

// Both handshakes over one loopback connection.
inline Ends shake_hands(asio::io_context& io, std::shared_ptr<const TlsClient> client,
                        std::shared_ptr<const TlsServer> server, TlsConnectOptions options = {}) {
  Ends ends;
  SocketPair pair = connected_pair(io);
  TaskGroup group(io.get_executor());
  Event accepted(io.get_executor());
  group.spawn("client",
              connect_side(std::move(pair.client), std::move(client), std::move(options), ends, accepted));
  group.spawn("server", accept_side(std::move(pair.server), std::move(server), ends, accepted));
  finish(io, group);
  return ends;
}

// All that arrives until `bytes` are there or the stream ends.
inline Task<Result<Bytes>> read_bytes(Transport& from, std::size_t bytes) {
  Bytes all;
  Bytes buffer(16384);
  while (all.size() < bytes) {
    const Result<void> ready = co_await from.readable();
    if (!ready) co_return ready.error();
    while (all.size() < bytes) {
      const Result<std::size_t> got = from.read_now(buffer);
      if (!got) co_return got.error();
      if (*got == 0) break;
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    }
  }
  co_return all;
}

inline Task<Result<void>> write_bytes(Transport& to, ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min<std::size_t>(bytes.size(), 64 * 1024));
    const Result<void> written = to.write_now({&part, 1});
    if (!written) co_return written.error();
    bytes = bytes.subspan(part.size());
    if (!to.backlog()) continue;
    const Result<void> ready = co_await to.writable();
    if (!ready) co_return ready.error();
  }
  co_return Result<void>();
}

inline Result<Bytes> receive(asio::io_context& io, Transport& from, std::size_t bytes) {
  return run(io, read_bytes(from, bytes));
}

inline Bytes pattern(std::size_t size, std::uint32_t seed = 1) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return bytes;
}

}  // namespace jump::tunnel::test
