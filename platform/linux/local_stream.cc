#include "platform/local_stream.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace jump::platform {

using Socket = asio::local::stream_protocol::socket;

// --- one end ------------------------------------------------------------------------------------------

struct LocalStream::Impl {
  explicit Impl(asio::any_io_executor executor) : socket(executor) {}

  Task<Result<void>> wait(Socket::wait_type type);
  Task<Result<void>> wait_readable();
  Task<Result<void>> wait_writable();
  Task<Result<void>> end_orderly();
  Result<void> flush();
  bool backlog() const { return kept.size() > sent; }
  void close() noexcept;

  Socket socket;
  bool may_receive = true;
  bool closed = false;
  std::size_t sent = 0;  // of kept
  Bytes kept;            // what the kernel did not take
};

namespace {

constexpr std::size_t kPiecesAtOnce = 64;

Error closed_here() {
  return {Fault::closed, "the local connection was closed here"};
}

bool later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// As many of the pieces, without the first `skip` bytes, as one call takes. Bytes gone; 0 = nothing now.
Result<std::size_t> send_pieces(int socket, std::span<const ByteView> parts, std::size_t skip) {
  std::array<iovec, kPiecesAtOnce> pieces;
  std::size_t count = 0;
  for (ByteView part : parts) {
    if (count == pieces.size()) break;
    part = part.subspan(std::exchange(skip, 0));
    // The kernel only reads what iov_base names; its type says otherwise.
    if (!part.empty()) pieces[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
  }
  if (count == 0) return std::size_t{0};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  const ssize_t gone = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (gone >= 0) return static_cast<std::size_t>(gone);
  if (later(errno)) return std::size_t{0};
  return system_error("local connection: send");
}

}  // namespace

Task<Result<void>> LocalStream::Impl::wait(Socket::wait_type type) {
  boost::system::error_code failed;
  if (!closed) co_await socket.async_wait(type, asio::redirect_error(asio::use_awaitable, failed));
  if (closed) co_return closed_here();
  if (failed) co_return Error(failed, "local connection");
  co_return Result<void>();
}

Task<Result<void>> LocalStream::Impl::wait_readable() {
  Result<void> waited = co_await wait(Socket::wait_read);
  may_receive = true;
  co_return waited;
}

Result<void> LocalStream::Impl::flush() {
  while (backlog()) {
    const ByteView rest = ByteView(kept).subspan(sent);
    const Result<std::size_t> gone = send_pieces(socket.native_handle(), {&rest, 1}, 0);
    if (!gone) return gone.error();
    if (*gone == 0) return {};
    sent += *gone;
  }
  sent = 0;
  Bytes().swap(kept);
  return {};
}

Task<Result<void>> LocalStream::Impl::wait_writable() {
  do {
    const Result<void> waited = co_await wait(Socket::wait_write);
    if (!waited) co_return waited;
    const Result<void> flushed = flush();
    if (!flushed) co_return flushed;
  } while (backlog());
  co_return Result<void>();
}

Task<Result<void>> LocalStream::Impl::end_orderly() {
  if (closed) co_return Result<void>();
  while (backlog()) {
    const Result<void> flushed = co_await wait_writable();
    if (!flushed) co_return flushed;
  }
  boost::system::error_code failed;
  socket.shutdown(Socket::shutdown_send, failed);
  if (failed) co_return Error(failed, "local connection");
  co_return Result<void>();
}

void LocalStream::Impl::close() noexcept {
  if (std::exchange(closed, true)) return;
  boost::system::error_code ignored;
  socket.close(ignored);
}

LocalStream::LocalStream(asio::any_io_executor executor, Handle end)
    : impl_(std::make_unique<Impl>(executor)) {
  boost::system::error_code failed;
  impl_->socket.assign(asio::local::stream_protocol(), end.get(), failed);
  if (failed) {
    impl_->closed = true;
  } else {
    end.release();
  }
}
LocalStream::LocalStream(LocalStream&&) noexcept = default;
LocalStream& LocalStream::operator=(LocalStream&&) noexcept = default;
LocalStream::~LocalStream() {
  close();
}

Task<Result<void>> LocalStream::readable() {
  return impl_->wait_readable();
}

Result<std::size_t> LocalStream::read_now(std::span<std::uint8_t> into) {
  if (impl_->closed) return closed_here();
  if (!impl_->may_receive || into.empty()) return std::size_t{0};
  const ssize_t got = ::recv(impl_->socket.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  if (got == 0) return Error(Fault::closed, "local connection: the peer ended it");
  if (got < 0 && !later(errno)) return system_error("local connection: receive");
  const std::size_t size = got < 0 ? 0 : static_cast<std::size_t>(got);
  // A call that did not fill its buffer would be followed by one that says "nothing".
  impl_->may_receive = size == into.size();
  return size;
}

Result<void> LocalStream::write_now(std::span<const ByteView> parts) {
  if (impl_->closed) return closed_here();
  CHECK(!backlog());
  std::size_t part = 0;
  std::size_t skip = 0;  // bytes of parts[part] that are gone
  while (part < parts.size()) {
    const std::size_t first = part;
    const Result<std::size_t> sent = send_pieces(impl_->socket.native_handle(), parts.subspan(part), skip);
    if (!sent) return sent.error();
    std::size_t gone = *sent;
    while (part < parts.size() && gone >= parts[part].size() - skip) {
      gone -= parts[part].size() - skip;
      skip = 0;
      ++part;
    }
    skip += gone;
    if (part < parts.size() && part - first < kPiecesAtOnce) break;
  }
  for (; part < parts.size(); ++part, skip = 0) {
    const ByteView rest = parts[part].subspan(skip);
    impl_->kept.insert(impl_->kept.end(), rest.begin(), rest.end());
  }
  return {};
}

bool LocalStream::backlog() const {
  return impl_->backlog();
}
Task<Result<void>> LocalStream::writable() {
  return impl_->wait_writable();
}
Task<Result<void>> LocalStream::shutdown() {
  return impl_->end_orderly();
}
void LocalStream::close() noexcept {
  if (impl_) impl_->close();
}

// --- where others connect to ----------------------------------------------------------------------------

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

Result<Handle> listen_at(const std::string& path, unsigned mode) {
  const Result<sockaddr_un> address = to_address(path);
  if (!address) return address.error();
  if (Result<void> removed = remove_stale(path); !removed) return removed.error();
  Result<Handle> socket = new_socket();
  if (!socket) return socket;
  const auto* generic = reinterpret_cast<const sockaddr*>(&*address);
  if (::bind(socket->get(), generic, sizeof(sockaddr_un)) != 0) return system_error("bind " + path);
  // Between bind and listen every connect is refused, so the mode is in force before anyone gets in.
  if (::chmod(path.c_str(), mode) != 0) return system_error("set the mode of " + path);
  if (::listen(socket->get(), SOMAXCONN) != 0) return system_error("listen on " + path);
  return socket;
}

}  // namespace

struct LocalListener::Impl {
  Impl(asio::any_io_executor executor, Handle held, std::string where)
      : lock(std::move(held)), path(std::move(where)), acceptor(executor) {}
  ~Impl() { ::unlink(path.c_str()); }

  Task<Result<Handle>> accept() {
    boost::system::error_code failed;
    Socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return Error(failed, "accept at " + path);
    co_return Handle(socket.release());
  }

  Handle lock;
  std::string path;
  asio::local::stream_protocol::acceptor acceptor;
};

LocalListener::LocalListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalListener::LocalListener(LocalListener&&) noexcept = default;
LocalListener& LocalListener::operator=(LocalListener&&) noexcept = default;
LocalListener::~LocalListener() = default;

Result<LocalListener> LocalListener::bind(asio::any_io_executor executor, const std::string& path,
                                          unsigned mode) {
  if (const Result<sockaddr_un> address = to_address(path); !address) return address.error();
  Result<Handle> lock = lock_beside(path);
  if (!lock) return lock.error();
  Result<Handle> socket = listen_at(path, mode);
  if (!socket) return socket.error();
  auto impl = std::make_unique<Impl>(executor, std::move(*lock), path);
  boost::system::error_code failed;
  impl->acceptor.assign(asio::local::stream_protocol(), socket->get(), failed);
  if (failed) return Error(failed, "listen on " + path);
  socket->release();
  return LocalListener(std::move(impl));
}

Task<Result<Handle>> LocalListener::accept() {
  return impl_->accept();
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

}  // namespace jump::platform
