// A UDP socket tied to one interface and one of its addresses: broadcasts and multicasts leave there and
// nowhere else, whatever the routes say. Needs no rights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/net_interfaces.h"

namespace jump::platform {

class LinkSocket {
 public:
  // From this address of the interface; port chosen by the system. Broadcast is allowed, multicast reaches
  // the link only.
  static Result<LinkSocket> open(asio::any_io_executor executor, const NetInterface& interface,
                                 const InterfaceAddress& address);
  LinkSocket(LinkSocket&&) noexcept;
  LinkSocket& operator=(LinkSocket&&) noexcept;
  ~LinkSocket();

  // To a numeric address of the same family. Never waits. "send to 10.77.1.255: network is down".
  Result<void> send(const std::string& to, std::uint16_t port, ByteView bytes);

  struct Datagram {
    std::string from;  // without zone
    std::uint16_t port = 0;
    Bytes bytes;  // at most 9,000 are kept
  };
  // One waiter. Refusals of earlier receivers (ICMP) are skipped. Throws operation_aborted when cancelled.
  Task<Result<Datagram>> receive();

 private:
  struct Impl;
  explicit LinkSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::platform
