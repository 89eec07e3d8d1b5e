#include "tools/bench/site.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/clock.h"
#include "common/base/with_timeout.h"

namespace jump::bench {
namespace {

using asio::ip::tcp;
using Listener = tcp::acceptor;

Task<Result<StreamPtr>> accept_one(Listener& listener, std::shared_ptr<const tunnel::TlsServer> context) {
  boost::system::error_code failed;
  tcp::socket socket = co_await listener.async_accept(asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "accept");
  co_return co_await tunnel::TlsStream::accept(std::move(socket), std::move(context));
}

// Without IP_BIND_ADDRESS_NO_PORT a bound address would use up a port for all destinations.
Result<void> bind_to(tcp::socket& socket, std::uint32_t address) {
  const int yes = 1;
  if (::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) != 0) {
    return system_error("bind an address without a port");
  }
  boost::system::error_code failed;
  socket.bind({asio::ip::address_v4(address), 0}, failed);
  if (failed) return Error(failed, "bind " + asio::ip::address_v4(address).to_string());
  return {};
}

}  // namespace

Site::Site()
    : authority_(must(identity::Authority::create(wall_seconds()))),
      appliance_(must(authority_.issue_appliance({"localhost"}, wall_seconds()))) {
  psk_.rotate(wall_seconds());
}

Credentials Site::issue(std::uint64_t agent) const {
  Credentials made;
  const identity::PeerIdentity identity{identity::PeerRole::agent, agent};
  made.chain = {must(authority_.issue(made.key.make_request(), identity, wall_seconds()))};
  return made;
}

std::shared_ptr<const tunnel::TlsServer> Site::server(bool cached) const {
  // Asks the cache and remembers nobody.
  struct Forgetful : tunnel::ClientVerifier {
    using ClientVerifier::ClientVerifier;
    std::optional<Result<identity::VerifiedPeer>> known(const identity::Digest&) override { return {}; }
  };
  tunnel::TlsServerSettings settings{appliance_, {}, {}, {}};
  if (cached) {
    settings.peers =
        std::make_shared<tunnel::ClientVerifier>(authority_.authorities(), revocations_, &wall_seconds);
  } else {
    settings.peers = std::make_shared<Forgetful>(authority_.authorities(), revocations_, &wall_seconds);
  }
  settings.psk = std::make_shared<tunnel::MasterPskSource>(psk_, revocations_, &wall_seconds);
  return must(tunnel::TlsServer::create(std::move(settings)));
}

std::shared_ptr<const tunnel::TlsClient> Site::client(const Credentials& own) const {
  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::BundleVerifier>(authority_.authorities(), &wall_seconds);
  settings.key = own.key;
  settings.chain = own.chain;
  return must(tunnel::TlsClient::create(std::move(settings)));
}

std::shared_ptr<const tunnel::TlsClient> Site::stranger() const {
  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::BundleVerifier>(authority_.authorities(), &wall_seconds);
  return must(tunnel::TlsClient::create(std::move(settings)));
}

identity::Psk Site::offer(std::uint64_t agent, const Credentials& own) const {
  return psk_.offer({identity::PeerRole::agent, agent}, own.chain.front().serial());
}

Connected connect(Worker& client, std::shared_ptr<const tunnel::TlsClient> client_context, Worker& server,
                  std::shared_ptr<const tunnel::TlsServer> server_context, std::optional<identity::Psk> psk) {
  Listener listener(server.executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  DialTo to;
  to.port = listener.local_endpoint().port();
  to.psk = std::move(psk);
  auto accepted = server.start(accept_one(listener, std::move(server_context)));
  Connected both;
  both.client = must(client.run(dial(std::move(client_context), std::move(to))));
  both.server = must(accepted.get());
  return both;
}

Task<Result<StreamPtr>> dial(std::shared_ptr<const tunnel::TlsClient> context, DialTo to) {
  tcp::socket socket(co_await asio::this_coro::executor);
  boost::system::error_code failed;
  socket.open(tcp::v4(), failed);
  if (failed) co_return Error(failed, "socket");
  if (to.from != 0) {
    const Result<void> bound = bind_to(socket, to.from);
    if (!bound) co_return bound.error();
  }
  const tcp::endpoint there(asio::ip::address_v4::loopback(), to.port);
  co_await socket.async_connect(there, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "connect 127.0.0.1:" + std::to_string(to.port));
  tunnel::TlsConnectOptions options;
  options.alpn = std::move(to.alpn);
  options.psk = std::move(to.psk);
  auto shaking = tunnel::TlsStream::connect(std::move(socket), std::move(context), std::move(options));
  co_return co_await with_timeout(std::chrono::seconds(60), "TLS", std::move(shaking));
}

void give_up(const Error& error) {
  throw std::runtime_error(error.message());
}

}  // namespace jump::bench
