// What the appliance asks of a helper (a Jump Client or a node near the sleeper), and what the helper answers
// (PRODUCT.md 4.3, 4.4).
//
// The way of a wake: the appliance chooses helpers (choice.h) and sends each a signed order whose body is
// WakeOrder; the helper's supervisor starts the helper process (`jump-client wake`, `jumpoint wake`) with a
// WakeJob on standard input; that gives up every right but CAP_NET_RAW, sends, writes one WakeReport as a
// line of JSON to standard output and ends. The report goes back to the appliance over the tunnel, which adds
// it up (attempt.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/base/secret.h"

namespace jump::wake {

inline constexpr std::size_t kMacsMost = 16;        // in one order
inline constexpr std::size_t kInterfacesMost = 16;  // in one order
inline constexpr std::uint32_t kTimes = 3;
inline constexpr std::size_t kWakeJobBytes = 16 * 1024;
inline constexpr std::size_t kWakeReportBytes = 32 * 1024;

struct WakeOrder {
  std::uint64_t attempt = 0;            // the appliance's number, given back in the report
  std::vector<std::string> macs;        // 1-16, of the target's cards
  std::vector<std::string> interfaces;  // 1-16, of the helper: where it is on the target's network
  std::optional<Secret> password;       // SecureOn, 4 or 6 bytes
};
BOOST_DESCRIBE_STRUCT(WakeOrder, (), (attempt, macs, interfaces, password))

// Every fault of an order from outside: macs, numbers, password.
Result<void> check(const WakeOrder& order);

// On the standard input of the helper process.
struct WakeJob {
  WakeOrder order;
  std::string user;  // becomes this user, and keeps CAP_NET_RAW alone; empty: stays
};
BOOST_DESCRIBE_STRUCT(WakeJob, (), (order, user))

// What went out on one interface.
struct WakeSending {
  std::string interface;
  std::vector<std::string> to;  // addresses of the datagrams: "10.77.1.255", "255.255.255.255", "ff02::1"
  bool raw = false;             // and as Ethernet frames of type 0x0842
  std::uint32_t packets = 0;    // datagrams and frames, all rounds
  std::vector<std::string> failures;  // sentences: what was tried and could not be sent
};
BOOST_DESCRIBE_STRUCT(WakeSending, (), (interface, to, raw, packets, failures))

struct WakeReport {
  std::uint64_t attempt = 0;
  std::vector<WakeSending> interfaces;
  std::string error;  // nothing was tried: why
};
BOOST_DESCRIBE_STRUCT(WakeReport, (), (attempt, interfaces, error))

// Did anything go out?
bool sent_something(const WakeReport& report);
// "on eth0: UDP to 10.77.1.255 and 255.255.255.255 (ports 7 and 9), Ethernet frames; 3 times", with what
// failed.
std::string describe(const WakeReport& report);

}  // namespace jump::wake
