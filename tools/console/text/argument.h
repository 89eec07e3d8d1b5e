// What people type for an asset, a file on one, and a forward; as plain values. Whether there is such an
// asset is for api/assets.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace jump::console {

// ASSET: an id, a name, or group/name. "17" may be an id or a name.
struct AssetArgument {
  std::optional<std::int64_t> id;
  std::optional<std::string> group;  // name or code name
  std::string name;                  // with `id`: its digits
};
// Refused: empty, above 300 bytes, an empty group or name, control characters.
Result<AssetArgument> parse_asset(std::string_view text);

// What is known of an asset when one is looked for.
struct AssetNames {
  std::int64_t id = 0;
  std::string name;
  std::string hostname;
  std::string group;
  std::string group_code;
};
// 0: no match. Larger is better: 1 the host name, 2 the name, 3 the id. Upper and lower case are the same.
int match(const AssetArgument& wanted, const AssetNames& asset);

// One side of `cp`: a path here, or ASSET:PATH. As with scp, a ':' makes it remote unless a '/' stands before
// it:
// "./a:b" is a local file. An asset in a group, "servers/web-01:/etc", is told apart by the second rule: what
// stands before the ':' does not begin with '/' or '.'.
struct CopyPlace {
  std::optional<std::string> asset;
  std::string path;  // remote: "" is the home folder
};
CopyPlace parse_copy_place(std::string_view text);

// [ADDR:]PORT:HOST:PORT; IPv6 addresses in brackets. Local port 0: any free one.
struct ForwardSpec {
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 0;
  std::string host;
  std::uint16_t port = 0;
};
Result<ForwardSpec> parse_forward(std::string_view text);
// A tunnel jump's ports, local and remote in turn: "22;24;26;28" is 22→24 and 26→28. Local 0: any free one.
// At most 64 pairs.
struct PortPair {
  std::uint16_t local = 0;
  std::uint16_t remote = 0;
  friend bool operator==(const PortPair&, const PortPair&) = default;
};
Result<std::vector<PortPair>> parse_port_pairs(std::string_view text);
// 127.0.0.0/8 and ::1.
bool is_loopback(const std::string& address);

// 32 hex digits of a session id, in lower case; upper case is taken too.
Result<std::string> parse_session_id(std::string_view text);

// Equal but for the case of ASCII letters.
bool same_text(std::string_view a, std::string_view b);

}  // namespace jump::console
