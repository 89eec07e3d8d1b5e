#include "platform/local_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/bytes.h"

namespace jump::platform {
namespace {

Result<sockaddr_un> to_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return Error(Fault::invalid, "socket path '" + printable(path, 200) + "' has " +
                                     std::to_string(path.size()) + " bytes, 1 to " +
                                     std::to_string(sizeof address.sun_path - 1) + " are possible");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<Handle> new_socket() {
  Handle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return system_error("make a local socket");
  return socket;
}

// The lock file stays when the server ends: removing it would let two servers hold locks on two files.
Result<Handle> lock_beside(const std::string& path) {
  const std::string name = path + ".lock";
  Handle lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return system_error("open " + name);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(Fault::already_exists, "another process serves " + path);
    return system_error("lock " + name);
  }
  return lock;
}

Result<void> remove_stale(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return system_error("look at " + path);
  }
  if (!S_ISSOCK(info.st_mode)) return Error(Fault::already_exists, path + " is there and is no socket");
  if (::unlink(path.c_str()) != 0) return system_error("remove the old " + path);
  return {};
}

}  // namespace

Result<LocalListener> LocalListener::bind(const std::string& path, unsigned mode) {
  const Result<sockaddr_un> address = to_address(path);
  if (!address) return address.error();
  Result<Handle> lock = lock_beside(path);
  if (!lock) return lock.error();
  if (Result<void> removed = remove_stale(path); !removed) return removed.error();
  Result<Handle> socket = new_socket();
  if (!socket) return socket.error();
  const auto* generic = reinterpret_cast<const sockaddr*>(&*address);
  if (::bind(socket->get(), generic, sizeof(sockaddr_un)) != 0) return system_error("bind " + path);
  // Between bind and listen every connect is refused, so the mode is in force before anyone gets in.
  if (::chmod(path.c_str(), mode) != 0) return system_error("set the mode of " + path);
  if (::listen(socket->get(), SOMAXCONN) != 0) return system_error("listen on " + path);
  return LocalListener(std::move(*socket), std::move(*lock), path);
}

LocalListener& LocalListener::operator=(LocalListener&& other) noexcept {
  if (this != &other) {
    remove();
    socket_ = std::move(other.socket_);
    lock_ = std::move(other.lock_);
    path_ = std::move(other.path_);
  }
  return *this;
}

LocalListener::~LocalListener() {
  remove();
}

void LocalListener::remove() noexcept {
  if (!lock_.valid()) return;
  ::unlink(path_.c_str());
  socket_.close();
  lock_.close();
}

Result<Handle> connect_local(const std::string& path) {
  const Result<sockaddr_un> address = to_address(path);
  if (!address) return address.error();
  Result<Handle> socket = new_socket();
  if (!socket) return socket.error();
  const auto* generic = reinterpret_cast<const sockaddr*>(&*address);
  // A full backlog is EAGAIN: nobody accepts there any more, which is an answer too.
  if (::connect(socket->get(), generic, sizeof(sockaddr_un)) != 0) return system_error("connect " + path);
  return socket;
}

Result<std::pair<Handle, Handle>> local_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return system_error("make a pair of local sockets");
  }
  return std::pair<Handle, Handle>(Handle(ends[0]), Handle(ends[1]));
}

Result<PeerCredentials> peer_credentials(int socket) {
  ucred from{};
  socklen_t size = sizeof from;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &from, &size) != 0)
    return system_error("ask who the peer is");
  PeerCredentials peer;
  peer.pid = from.pid;
  peer.uid = from.uid;
  peer.gid = from.gid;
  return peer;
}

}  // namespace jump::platform
