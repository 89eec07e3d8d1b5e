// Magic packets: what makes a network card switch its machine on (AMD, Magic Packet Technology, publication
// 20213): six bytes 0xff, sixteen times the card's address, then the SecureOn password of 4 or 6 bytes if it
// wants one. The same bytes go in a UDP datagram or behind an Ethernet header with type 0x0842.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/secret.h"
#include "common/wake/mac.h"

namespace jump::wake {

inline constexpr std::uint16_t kWakeEtherType = 0x0842;
inline constexpr std::uint16_t kWakePorts[] = {7, 9};  // UDP echo and discard

// Four or six bytes, each as a decimal number between dots ("192.168.1.1", "1.2.3.4.5.6") or as two hex
// digits between colons or hyphens ("01:02:03:04"), or any spelling of parse_mac(). Blanks and line ends
// around it are ignored. The error does not repeat the password.
Result<Secret> parse_password(std::string_view text);

// 102, 106 or 108 bytes. `password`: empty, or 4 or 6 bytes.
Bytes magic_packet(const Mac& target, const Secret& password);

// The packet as a whole Ethernet frame, to everybody: a switch has forgotten by now where the sleeper is.
Bytes magic_frame(const Mac& source, const Mac& target, const Secret& password);

// What is asked for, when these bytes are a magic packet and nothing else.
struct Magic {
  Mac target{};
  Secret password;
};
std::optional<Magic> read_magic_packet(ByteView bytes);

}  // namespace jump::wake
