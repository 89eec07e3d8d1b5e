#include "platform/tied_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "platform/handle.h"

namespace jump::platform {

Result<int> open_tied_socket(const NetInterface& interface, bool ipv6, const std::string& what) {
  Handle socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return system_error(what);
  const int level = ipv6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP};
  // Before Linux 5.7 binding to an interface needs a right; the option beside it does not.
  const std::uint32_t index = htonl(interface.index);
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.name.c_str(),
                   static_cast<socklen_t>(interface.name.size())) != 0 &&
      ::setsockopt(socket.get(), level, ipv6 ? IPV6_UNICAST_IF : IP_UNICAST_IF, &index, sizeof index) != 0) {
    return system_error(what);
  }
  const auto number = static_cast<int>(interface.index);
  if (ipv6) {
    ::setsockopt(socket.get(), level, IPV6_MULTICAST_IF, &number, sizeof number);
  } else {
    ip_mreqn here{};
    here.imr_ifindex = number;
    ::setsockopt(socket.get(), level, IP_MULTICAST_IF, &here, sizeof here);
  }
  return socket.release();
}

}  // namespace jump::platform
