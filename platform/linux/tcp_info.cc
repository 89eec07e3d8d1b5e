#include "platform/linux/tcp_info.h"

// Not <netinet/tcp.h>: its tcp_info ends before the delivery rate.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace jump::platform {

TcpInfo read_tcp_info(int socket) noexcept {
  // An older kernel fills a shorter structure; the rest stays zero.
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  TcpInfo result;
  // A sample while we had nothing to send says nothing about the path.
  if (info.tcpi_delivery_rate_app_limited == 0) result.delivery_rate = info.tcpi_delivery_rate;
  result.unsent = info.tcpi_notsent_bytes;
  result.round_trip_us = info.tcpi_rtt;
  return result;
}

}  // namespace jump::platform
