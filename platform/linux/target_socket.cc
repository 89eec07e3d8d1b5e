#include "platform/target_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace jump::platform {
namespace {

constexpr int kSignsMost = 3;

void set_number(int socket, int level, int option, int value) {
  static_cast<void>(::setsockopt(socket, level, option, &value, sizeof value));
}

}  // namespace

bool urgent_ahead(int socket) {
  pollfd look{socket, POLLPRI, 0};
  if (::poll(&look, 1, 0) <= 0 || (look.revents & POLLPRI) == 0) return false;
  return ::sockatmark(socket) == 0;
}

void ask_for_signs_of_life(int socket, std::chrono::seconds interval) {
  const int seconds = static_cast<int>(interval.count());
  set_number(socket, SOL_SOCKET, SO_KEEPALIVE, seconds > 0 ? 1 : 0);
  if (seconds <= 0) return;
  set_number(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set_number(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
  set_number(socket, IPPROTO_TCP, TCP_KEEPCNT, kSignsMost);
  // tcp(7): in milliseconds, and for the silence too.
  set_number(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * (kSignsMost + 1) * 1000);
}

}  // namespace jump::platform
