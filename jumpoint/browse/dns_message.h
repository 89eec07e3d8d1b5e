// DNS messages as far as browsing needs them: questions for pointers, and what answers say of names and
// addresses. Serves DNS (RFC 1035) and multicast DNS (RFC 6762).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/access/address.h"
#include "common/base/bytes.h"

namespace jump::browse {

inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypePtr = 12;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::size_t kQuestionsMost = 16;  // in one message: it fits into 1,400 bytes

// "7.0.77.10.in-addr.arpa" (RFC 1035 section 3.5), "…ip6.arpa" (RFC 3596 section 2.5)
std::string reverse_name(const access::Address& address);

// Questions for pointers. Names of ours: labels of 1-63 bytes, no escapes.
Bytes pointer_query(std::uint16_t id, bool recursion, const std::vector<std::string>& names);

struct DnsRecord {
  std::string name;  // lower case, without the last dot
  std::uint16_t type = 0;
  std::string pointer;                     // PTR: as it is written
  std::optional<access::Address> address;  // A, AAAA
};

struct DnsAnswer {
  std::uint16_t id = 0;
  std::uint8_t code = 0;           // 0: no error
  std::vector<DnsRecord> records;  // PTR, A and AAAA of all sections; at most 64
};
// Nothing for a question, or for what makes no sense. Names with control characters are kept as they are:
// they are escaped where they are shown.
std::optional<DnsAnswer> read_answer(ByteView bytes);

}  // namespace jump::browse
