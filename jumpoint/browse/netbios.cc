#include "jumpoint/browse/netbios.h"

namespace jump::browse {
namespace {

constexpr std::uint16_t kNodeStatus = 0x21;
constexpr std::size_t kHeader = 12;
constexpr std::size_t kEncodedName = 34;  // a length, 32 letters, the root
constexpr std::size_t kEntry = 18;        // 15 of name, its kind, two of flags
constexpr std::uint8_t kWorkstation = 0;  // kind of the machine's and of the group's name
constexpr std::uint16_t kGroup = 0x8000;

std::string trim(std::string_view name) {
  const std::size_t end = name.find_last_not_of(std::string_view(" \0", 2));
  return std::string(name.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

}  // namespace

Bytes node_status_query(std::uint16_t id) {
  Bytes query(kHeader);
  put_u16(query.data(), id);
  put_u16(query.data() + 4, 1);
  // "*" and fifteen zeros, each half byte as a letter from A on (RFC 1001 section 14.1).
  query.push_back(32);
  query.push_back('C');
  query.push_back('K');
  query.insert(query.end(), 30, 'A');
  query.push_back(0);
  query.insert(query.end(), {0, kNodeStatus, 0, 1});
  return query;
}

std::optional<NodeStatus> read_node_status(ByteView bytes) {
  constexpr std::size_t kNames = kHeader + kEncodedName + 10;
  if (bytes.size() <= kNames) return std::nullopt;
  const std::uint16_t flags = get_u16(bytes.data() + 2);
  const bool answer = (flags & 0x800f) == 0x8000 && get_u16(bytes.data() + 6) == 1;
  if (!answer || bytes[kHeader] != 32 || get_u16(bytes.data() + kHeader + kEncodedName) != kNodeStatus) {
    return std::nullopt;
  }
  NodeStatus status;
  status.id = get_u16(bytes.data());
  const std::size_t count = bytes[kNames];
  ByteView entries = bytes.subspan(kNames + 1);
  if (entries.size() < count * kEntry) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView entry = entries.subspan(i * kEntry, kEntry);
    if (entry[15] != kWorkstation) continue;
    const bool group = (get_u16(entry.data() + 16) & kGroup) != 0;
    std::string& to = group ? status.group : status.name;
    if (to.empty()) to = trim(as_text(entry.first(15)));
  }
  return status;
}

}  // namespace jump::browse
