#include "tools/bench/handshakes.h"

#include <openssl/evp.h>

#include <array>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

using asio::ip::tcp;
using tunnel::TlsServer;

Task<> serve_one(tcp::socket socket, std::shared_ptr<const TlsServer> context) {
  Result<StreamPtr> stream = co_await tunnel::TlsStream::accept(std::move(socket), std::move(context));
  // Until the client has seen that it was let in.
  if (stream) (void)co_await (*stream)->readable();
}

Task<bool> serve(tcp::acceptor& acceptor, std::shared_ptr<const TlsServer> context, TaskGroup& connections,
                 std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    boost::system::error_code failed;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return false;
    connections.spawn("handshake", serve_one(std::move(socket), context));
  }
  co_await connections.join();
  co_return true;
}

Task<bool> dial_some(std::shared_ptr<const tunnel::TlsClient> context, DialTo to, std::size_t& left) {
  while (left > 0) {
    --left;
    const Result<StreamPtr> stream = co_await dial(context, to);
    if (!stream) co_return false;
  }
  co_return true;
}

// Seconds of CPU for one call.
template <typename F>
double cost_of(F work) {
  constexpr int kTimes = 300;
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    const double start = thread_cpu();
    for (int i = 0; i < kTimes; ++i) work();
    rounds.push_back((thread_cpu() - start) / kTimes);
  }
  return median(rounds);
}

using KeyContext = std::unique_ptr<EVP_PKEY_CTX, identity::FreeBy<EVP_PKEY_CTX_free>>;

identity::KeyPtr make_x25519() {
  EVP_PKEY* key = nullptr;
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, nullptr));
  CHECK(EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_keygen(context.get(), &key) == 1);
  return identity::KeyPtr(key);
}

}  // namespace

HandshakeCost shake_hands(const Site& site, Handshake kind, std::size_t count, std::size_t at_once) {
  Worker client;
  Worker server;
  const Credentials own = site.issue(17);
  tcp::acceptor acceptor(server.executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  TaskGroup connections(server.executor());
  DialTo to;
  to.port = acceptor.local_endpoint().port();
  if (kind == Handshake::psk) to.psk = site.offer(17, own);
  auto serving =
      server.start(serve(acceptor, site.server(kind != Handshake::full_uncached), connections, count));
  const double cpu = server.call([] { return thread_cpu(); });
  const double start = wall_time();
  const auto context = site.client(own);
  std::size_t left = count;
  std::vector<std::future<bool>> dialling;
  for (std::size_t i = 0; i < std::min(at_once, count); ++i) {
    dialling.push_back(client.start(dial_some(context, to, left)));
  }
  bool all = true;
  for (auto& one : dialling) all = one.get() && all;
  if (!all) give_up(Error(Fault::internal, "a bare handshake failed"));
  CHECK(serving.get());
  HandshakeCost cost;
  cost.seconds = wall_time() - start;
  cost.server_cpu = (server.call([] { return thread_cpu(); }) - cpu) / static_cast<double>(count);
  return cost;
}

double handshake_arithmetic() {
  const identity::PrivateKey key = identity::PrivateKey::generate();
  const Bytes message(64, 7);
  const Bytes signature = key.sign(message);
  const identity::KeyPtr peer = make_x25519();
  const double sign = cost_of([&] { CHECK(!key.sign(message).empty()); });
  // With the key read once, as a certificate's is.
  using Digest = std::unique_ptr<EVP_MD_CTX, identity::FreeBy<EVP_MD_CTX_free>>;
  const double verify = cost_of([&] {
    const Digest digest(EVP_MD_CTX_new());
    CHECK(EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, identity::borrow(key)) == 1);
    CHECK(EVP_DigestVerify(digest.get(), signature.data(), signature.size(), message.data(),
                           message.size()) == 1);
  });
  const double generate = cost_of([] { make_x25519(); });
  const identity::KeyPtr own = make_x25519();
  const double derive = cost_of([&] {
    const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
    std::array<std::uint8_t, 32> secret;
    std::size_t size = secret.size();
    CHECK(EVP_PKEY_derive_init(context.get()) == 1 &&
          EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
          EVP_PKEY_derive(context.get(), secret.data(), &size) == 1);
  });
  return sign + 2 * verify + generate + derive;
}

}  // namespace jump::bench
