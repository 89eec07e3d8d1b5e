// TCP_INFO alone, because the kernel's header for it and the one that Asio includes exclude each other.
#pragma once

#include <cstdint>

namespace jump::platform {

struct TcpInfo {
  std::uint64_t delivery_rate = 0;  // bytes a second
  std::uint32_t unsent = 0;         // bytes
  std::uint32_t round_trip_us = 0;
};
// Zeros where the system does not know.
TcpInfo read_tcp_info(int socket) noexcept;

}  // namespace jump::platform
