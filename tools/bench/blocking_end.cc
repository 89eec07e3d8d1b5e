#include "tools/bench/blocking_end.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"

namespace jump::bench {
namespace {

using identity::FreeBy;
using Context = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, FreeBy<SSL_free>>;

Context make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  CHECK(context != nullptr);
  // What our own connections agree on.
  CHECK(SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") == 1);
  return context;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

struct BlockingContext::Native {
  Context server = make_context(TLS_server_method());
  Context client = make_context(TLS_client_method());
};

BlockingContext::BlockingContext(const Site& site) : native_(std::make_unique<Native>()) {
  SSL_CTX_use_certificate(native_->server.get(), identity::borrow(site.appliance().certificate));
  SSL_CTX_use_PrivateKey(native_->server.get(), identity::borrow(site.appliance().key));
}
BlockingContext::~BlockingContext() = default;

struct BlockingEnd::Native {
  int socket = -1;
  Connection tls;
};

BlockingEnd::BlockingEnd(int socket, const BlockingContext* context, bool server)
    : native_(std::make_unique<Native>()) {
  native_->socket = socket;
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (context == nullptr) return;
  native_->tls.reset(SSL_new((server ? context->native().server : context->native().client).get()));
  SSL_set_fd(native_->tls.get(), socket);
  if ((server ? SSL_accept(native_->tls.get()) : SSL_connect(native_->tls.get())) != 1) {
    give_up(Error(Fault::internal, "a handshake of plain OpenSSL failed"));
  }
}

BlockingEnd::~BlockingEnd() {
  ::close(native_->socket);
}

void BlockingEnd::write(ByteView bytes) {
  while (!bytes.empty()) {
    std::size_t put = 0;
    if (native_->tls) {
      if (SSL_write_ex(native_->tls.get(), bytes.data(), bytes.size(), &put) != 1) return shut();
    } else {
      const ssize_t sent = ::send(native_->socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return shut();
      put = static_cast<std::size_t>(sent);
    }
    bytes = bytes.subspan(put);
  }
}

std::size_t BlockingEnd::read(std::span<std::uint8_t> into) {
  if (native_->tls) {
    std::size_t got = 0;
    return SSL_read_ex(native_->tls.get(), into.data(), into.size(), &got) == 1 ? got : 0;
  }
  const ssize_t got = ::recv(native_->socket, into.data(), into.size(), 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

void BlockingEnd::shut() {
  ::shutdown(native_->socket, SHUT_RDWR);
}

BlockingListener::BlockingListener() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  CHECK(::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK(::listen(socket, 16) == 0);
  CHECK(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
}

BlockingListener::~BlockingListener() {
  ::close(socket);
}

int BlockingListener::accept() const {
  return ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
}

int connect_blocking(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    give_up(system_error("connect 127.0.0.1:" + std::to_string(port)));
  }
  return socket;
}

}  // namespace jump::bench
