#include "platform/tied_socket.h"

#include <winsock2.h>

#include <ws2tcpip.h>

#include "platform/windows/native.h"

namespace jump::platform {

Result<int> open_tied_socket(const NetInterface& interface, bool ipv6, const std::string& what) {
  const SOCKET socket = ::WSASocketW(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (socket == INVALID_SOCKET) return windows_error(static_cast<unsigned long>(::WSAGetLastError()), what);
  const auto set = [&](int option, DWORD value) {
    ::setsockopt(socket, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, option, reinterpret_cast<const char*>(&value),
                 sizeof value);
  };
  // In network order where an index takes the place of an address. Where these options are not known (Wine),
  // the address that the socket is bound to still names the interface.
  const DWORD index = interface.index;
  set(ipv6 ? IPV6_UNICAST_IF : IP_UNICAST_IF, ::htonl(index));
  set(ipv6 ? IPV6_MULTICAST_IF : IP_MULTICAST_IF, ipv6 ? index : ::htonl(index));
  return static_cast<int>(socket);
}

}  // namespace jump::platform
