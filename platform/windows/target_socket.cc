#include "platform/target_socket.h"

#include <winsock2.h>

#include <mstcpip.h>

namespace jump::platform {

bool urgent_ahead(int socket) {
  // TRUE: all that is urgent has been read.
  u_long passed = 1;
  return ::ioctlsocket(static_cast<SOCKET>(socket), SIOCATMARK, &passed) == 0 && passed == 0;
}

void ask_for_signs_of_life(int socket, std::chrono::seconds interval) {
  constexpr long kProbes = 10;  // before Windows gives up, whatever is set
  constexpr long kSilencesMost = 3;
  tcp_keepalive alive{};
  alive.onoff = interval.count() > 0 ? 1 : 0;
  alive.keepalivetime = static_cast<ULONG>(interval.count() * 1000);
  alive.keepaliveinterval = static_cast<ULONG>(interval.count() * 1000 * kSilencesMost / kProbes);
  DWORD got = 0;
  static_cast<void>(::WSAIoctl(static_cast<SOCKET>(socket), SIO_KEEPALIVE_VALS, &alive, sizeof alive, nullptr,
                               0, &got, nullptr, nullptr));
  constexpr int kMaxRetransmitSeconds = 5;  // TCP_MAXRT, which mingw-w64 does not name
  const auto seconds = static_cast<DWORD>(interval.count() * (kSilencesMost + 1));
  if (seconds > 0)
    static_cast<void>(::setsockopt(static_cast<SOCKET>(socket), IPPROTO_TCP, kMaxRetransmitSeconds,
                                   reinterpret_cast<const char*>(&seconds), sizeof seconds));
}

}  // namespace jump::platform
