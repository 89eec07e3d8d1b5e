// Browsing the network of a Jumpoint's node (PRODUCT.md 5.6): what is asked and what is found.
//
// A sweep runs in a helper process (`jumpoint browse`): a BrowseJob on standard input, BrowseLines on
// standard output, one JSON document a line, as things are found; the last has `end`. A host comes again,
// with the same id, each time more is known of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"

namespace jump::wake {

inline constexpr std::uint32_t kRateLeast = 10;  // packets a second
inline constexpr std::uint32_t kRateMost = 5000;
inline constexpr std::size_t kBrowsePortsMost = 16;
inline constexpr std::size_t kHostsMost = 8192;  // of one sweep; a note says that there are more
inline constexpr std::size_t kBrowseJobBytes = 16 * 1024;
inline constexpr std::size_t kBrowseLineBytes = 16 * 1024;

struct BrowseOrder {
  std::uint64_t sweep = 0;                               // the appliance's number, given back at the end
  std::vector<std::string> interfaces;                   // of the node; empty: all that lead to a network
  std::uint32_t packets_per_second = 500;                // everything together; kRateLeast to kRateMost
  std::vector<std::uint16_t> ports{22, 23, 3389, 5900};  // connect tests; empty: none
};
BOOST_DESCRIBE_STRUCT(BrowseOrder, (), (sweep, interfaces, packets_per_second, ports))

Result<void> check(const BrowseOrder& order);

struct BrowseJob {
  BrowseOrder order;
  std::string user;  // becomes this user, and keeps CAP_NET_RAW alone; empty: stays
};
BOOST_DESCRIBE_STRUCT(BrowseJob, (), (order, user))

enum class NameSource { mdns, netbios, dns };
BOOST_DESCRIBE_ENUM(NameSource, mdns, netbios, dns)

struct FoundName {
  std::string name;  // "printer.local", "FILES", "db.example.org"; escaped, at most 255 bytes
  NameSource source = NameSource::dns;
  bool operator==(const FoundName&) const = default;
};
BOOST_DESCRIBE_STRUCT(FoundName, (), (name, source))

struct FoundHost {
  std::uint32_t id = 0;  // within the sweep
  std::string interface;
  std::vector<std::string> addresses;  // IPv4 first; at most 16
  std::string mac;                     // empty: not known
  std::string vendor;                  // of the card; empty: not known
  std::vector<FoundName> names;        // at most 8
  std::vector<std::uint16_t> ports;    // open ones of those that were asked for
  bool router = false;                 // said so itself (IPv6), or is a default gateway of the node
};
BOOST_DESCRIBE_STRUCT(FoundHost, (), (id, interface, addresses, mac, vendor, names, ports, router))

struct BrowseEnd {
  std::uint64_t sweep = 0;
  std::uint32_t hosts = 0;
  std::uint32_t milliseconds = 0;
  std::uint64_t packets = 0;       // sent
  std::vector<std::string> swept;  // "10.77.0.0/20 on eth0"
  std::vector<std::string> notes;  // sentences: what could not be done, and why
  std::string error;               // nothing was done: why
};
BOOST_DESCRIBE_STRUCT(BrowseEnd, (), (sweep, hosts, milliseconds, packets, swept, notes, error))

struct BrowseLine {
  std::optional<FoundHost> host;
  std::optional<BrowseEnd> end;
};
BOOST_DESCRIBE_STRUCT(BrowseLine, (), (host, end))

}  // namespace jump::wake
