// rtnetlink(7), as far as this folder needs it: a question whose answer is a dump, messages and their
// attributes.
#pragma once

// Before the kernel's headers, which then leave out what both declare.
#include <net/if.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "platform/handle.h"

namespace jump::platform::netlink {

inline constexpr std::size_t kMessagesMost =
    100'000;  // of one dump; a router with a full table has more, and is cut
inline constexpr std::size_t kReceiveBytes = 65536;

// The attributes of one message, by type. Views into the receive buffer.
class Attributes {
 public:
  explicit Attributes(ByteView bytes);

  ByteView bytes(unsigned short type) const;  // empty when it is not there
  std::optional<std::uint32_t> number(unsigned short type) const;
  std::string text(unsigned short type) const;

 private:
  std::map<unsigned short, ByteView> found_;
};

// A blocking socket that hears of `groups` (RTMGRP_…) besides answers; 0: of none.
Result<Handle> open(std::uint32_t groups);
// The next datagram of the kernel's; those of other processes are skipped. 0: none now (non-blocking).
Result<std::size_t> receive(int socket, std::vector<std::uint8_t>& buffer);
// Asks for a dump; `body` is the fixed head of a message of that type.
Result<void> ask(int socket, std::uint16_t type, ByteView body);

// "02:77:01:00:00:11"; empty where it is no Ethernet address or all zero.
std::string to_mac(ByteView bytes);
// "10.0.0.7", "fe80::1"; empty where it is neither.
std::string to_address(ByteView bytes);

// Gives (header, rest) of each message of a datagram to `take`, until that says false.
template <typename Take>
bool each_message(ByteView datagram, Take take) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) return true;
    if (!take(header, datagram.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN))) return false;
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return true;
}

// The fixed head of a message, and what follows it.
template <typename Head>
std::optional<std::pair<Head, Attributes>> split(ByteView message) {
  if (message.size() < sizeof(Head)) return std::nullopt;
  Head head;
  std::memcpy(&head, message.data(), sizeof head);
  const std::size_t skip = std::min<std::size_t>(NLMSG_ALIGN(sizeof(Head)), message.size());
  return std::pair(head, Attributes(message.subspan(skip)));
}

// Gives (head, attributes) of each message of a dump to `take`.
template <typename Head, typename Take>
Result<void> dump(std::uint16_t type, const Head& body, Take take) {
  const Result<Handle> socket = open(0);
  if (!socket) return socket.error();
  const ByteView asked(reinterpret_cast<const std::uint8_t*>(&body), sizeof body);
  if (Result<void> sent = ask(socket->get(), type, asked); !sent) return sent;
  std::vector<std::uint8_t> buffer(kReceiveBytes);
  std::size_t messages = 0;
  Result<void> result;
  bool more = true;
  while (more) {
    const Result<std::size_t> got = receive(socket->get(), buffer);
    if (!got) return got.error();
    more = each_message(ByteView(buffer).first(*got), [&](const nlmsghdr& header, ByteView rest) {
      if (header.nlmsg_type == NLMSG_ERROR) {
        result = Error(Fault::unavailable, "rtnetlink refused the question");
      }
      if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) return false;
      if (++messages > kMessagesMost) return false;
      if (const auto parts = split<Head>(rest)) take(parts->first, parts->second);
      return true;
    });
  }
  return result;
}

}  // namespace jump::platform::netlink
