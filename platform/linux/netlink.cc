#include "platform/linux/netlink.h"

#include <arpa/inet.h>
#include <sys/time.h>

#include <array>

namespace jump::platform::netlink {

Attributes::Attributes(ByteView bytes) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) return;
    found_[head.rta_type & NLA_TYPE_MASK] = bytes.subspan(RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0));
    bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
  }
}

ByteView Attributes::bytes(unsigned short type) const {
  const auto at = found_.find(type);
  return at == found_.end() ? ByteView() : at->second;
}

std::optional<std::uint32_t> Attributes::number(unsigned short type) const {
  const ByteView value = bytes(type);
  if (value.size() != sizeof(std::uint32_t)) return std::nullopt;
  std::uint32_t result = 0;
  std::memcpy(&result, value.data(), sizeof result);
  return result;
}

std::string Attributes::text(unsigned short type) const {
  const std::string_view all = as_text(bytes(type));
  return printable(all.substr(0, all.find('\0')), 64);
}

Result<Handle> open(std::uint32_t groups) {
  Handle socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return system_error("open rtnetlink");
  // The kernel answers at once; this only guards against a kernel that does not.
  timeval limit{};
  limit.tv_sec = 2;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (groups == 0) return socket;
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
    return system_error("listen to rtnetlink");
  }
  return socket;
}

Result<std::size_t> receive(int socket, std::vector<std::uint8_t>& buffer) {
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read rtnetlink");
    if (from.nl_pid == 0) return static_cast<std::size_t>(got);
  }
}

Result<void> ask(int socket, std::uint16_t type, ByteView body) {
  Bytes request(NLMSG_LENGTH(body.size()));
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(request.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header.nlmsg_seq = 1;
  std::memcpy(request.data(), &header, sizeof header);
  std::memcpy(request.data() + NLMSG_HDRLEN, body.data(), body.size());
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = ::sendto(socket, request.data(), request.size(), 0,
                                reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  if (sent < 0) return system_error("ask rtnetlink");
  return {};
}

std::string to_mac(ByteView bytes) {
  if (bytes.size() != 6) return {};
  if (std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; })) return {};
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += ':';
    text += to_hex(ByteView(&byte, 1));
  }
  return text;
}

std::string to_address(ByteView bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bytes.size() == 4) ::inet_ntop(AF_INET, bytes.data(), text.data(), text.size());
  if (bytes.size() == 16) ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace jump::platform::netlink
