// Sockets between processes of one machine (Linux: Unix stream sockets), with the peer's identity from the
// kernel. The handles are non-blocking and close-on-exec; give them to asio::local::stream_protocol.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

// A listening socket at a path, removed with this object.
//
// PATH.lock is held for as long: while it is, a second server at this path is refused (already_exists), and a
// socket that a killed process left behind is replaced. Nothing but a socket is ever replaced. Nobody can
// connect before the mode is set.
class LocalListener {
 public:
  static Result<LocalListener> bind(const std::string& path, unsigned mode);
  LocalListener(LocalListener&&) noexcept = default;
  LocalListener& operator=(LocalListener&& other) noexcept;
  ~LocalListener();

  // Owned by this object until released to an acceptor.
  Handle& socket() { return socket_; }
  const std::string& path() const { return path_; }

 private:
  LocalListener(Handle socket, Handle lock, std::string path)
      : socket_(std::move(socket)), lock_(std::move(lock)), path_(std::move(path)) {}
  void remove() noexcept;
  Handle socket_;
  Handle lock_;
  std::string path_;
};

// Does not wait: refused and not_found are told at once.
Result<Handle> connect_local(const std::string& path);

// Two connected ends, to be inherited by a child for example.
Result<std::pair<Handle, Handle>> local_pair();

struct PeerCredentials {
  int pid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
// As they were at connect time.
Result<PeerCredentials> peer_credentials(int socket);

}  // namespace jump::platform
