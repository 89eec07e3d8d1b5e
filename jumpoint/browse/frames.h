// The Ethernet frames of a sweep: questions that every machine of a link answers (ARP, RFC 826; ICMPv6, RFC
// 4443), and what is heard.
#pragma once

#include <optional>

#include "common/access/address.h"
#include "common/base/bytes.h"
#include "common/wake/mac.h"

namespace jump::browse {

// What of the link's traffic is listened to, as in pcap-filter(7).
inline constexpr const char* kFrameFilter = "arp or icmp6";

// Who asks: a card and one of its addresses.
struct Asker {
  wake::Mac mac{};
  access::Address address;
};

// Who has `target`? Both IPv4.
Bytes arp_request(const Asker& asker, const access::Address& target);

// Two questions to all nodes of the link, for an IPv6 asker. Answers come to the asker's address, from an
// address of the same scope. Windows is silent to the first; nobody may be silent to the second, whose option
// is unknown to all and marked so that it must be complained about even when it came by multicast (RFC 8200
// section 4.2).
Bytes echo_to_all_nodes(const Asker& asker, std::uint16_t sequence);
Bytes unknown_option_to_all_nodes(const Asker& asker, std::uint16_t sequence);

struct Heard {
  wake::Mac mac{};
  access::Address address;
  bool router = false;
  bool answer = false;  // ARP: an answer, not a question of its own
};
// Who sent this frame, when it tells that: ARP, and ICMPv6 of neighbours. Nothing for addresses that no
// machine can have.
std::optional<Heard> read_frame(ByteView frame);

}  // namespace jump::browse
