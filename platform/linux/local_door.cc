#include "platform/local_door.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "platform/local_stream.h"
#include "platform/privileges.h"
#include "platform/sandbox.h"

namespace jump::platform {
namespace {

constexpr std::size_t kPathMost = 100;
constexpr int kPatience = 1000;  // milliseconds
constexpr int kLine = 3;         // of the process beside

// One byte (an errno, 0: fine) and the descriptor, if any.
void hand_over(int line, unsigned char failed, int descriptor) {
  iovec part{&failed, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  while (::sendmsg(line, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// The process beside. First the path, ended by NUL; then a connection for each byte; ends at the end.
[[noreturn]] void serve() {
  std::string path;
  bool known = false;
  char byte = 0;
  while (::read(kLine, &byte, 1) == 1) {
    if (!known) {
      if (byte != '\0') path += byte;
      known = byte == '\0';
      if (path.size() > kPathMost) ::_exit(1);
      continue;
    }
    errno = 0;
    const Result<Handle> made = connect_local(path);
    const auto failed = static_cast<unsigned char>(errno == 0 ? EIO : errno);
    hand_over(kLine, made ? 0 : failed, made ? made->get() : -1);
  }
  ::_exit(0);
}

}  // namespace

Result<LocalDoor> LocalDoor::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("make a pair of local sockets");
  Handle ours(ends[0]);
  Handle theirs(ends[1]);
  const int parent = ::getpid();
  const int child = ::fork();
  if (child < 0) return system_error("start the process that makes local connections");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != parent) ::_exit(0);
    ::prctl(PR_SET_NAME, "jump-door", 0, 0, 0);
    for (const int number : {SIGINT, SIGHUP, SIGTERM}) ::signal(number, SIG_IGN);
    if (::dup2(theirs.get(), kLine) < 0) ::_exit(1);
    ::close(0);
    ::close(1);
    close_from(kLine + 1);
    Confinement none;
    if (!confine(none)) ::_exit(1);
    // Where there is no sandbox it goes without: it does nothing with what it could do.
    static_cast<void>(enter_sandbox(Sandbox::connections_only));
    serve();
  }
  ::signal(SIGCHLD, SIG_IGN);  // nobody waits for it
  return LocalDoor(std::move(ours));
}

Result<void> LocalDoor::lead_to(const std::string& path) {
  if (path.empty() || path.size() > kPathMost)
    return Error(Fault::invalid, "the path of a local socket has 1 to 100 bytes");
  const ssize_t size = static_cast<ssize_t>(path.size() + 1);
  if (::send(line_.get(), path.c_str(), path.size() + 1, MSG_NOSIGNAL) != size)
    return system_error("tell the local socket");
  return {};
}

Result<Handle> LocalDoor::connect() {
  const char ask = 1;
  if (::send(line_.get(), &ask, 1, MSG_NOSIGNAL) != 1)
    return Error(Fault::closed, "the process that makes local connections is gone");
  pollfd watch{line_.get(), POLLIN, 0};
  if (::poll(&watch, 1, kPatience) != 1) return Error(Fault::timed_out, "no local connection within 1 s");
  unsigned char failed = 0;
  iovec part{&failed, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  if (::recvmsg(line_.get(), &message, MSG_CMSG_CLOEXEC) != 1)
    return Error(Fault::closed, "the process that makes local connections is gone");
  Handle got;
  if (const cmsghdr* head = CMSG_FIRSTHDR(&message);
      head != nullptr && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int))) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    got = Handle(descriptor);
  }
  if (!got.valid()) return system_error(failed, "connect to the tunnel process");
  return got;
}

}  // namespace jump::platform
