#include "common/endpoint/wake/wake_helper.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/network_v4.hpp>

#include "common/endpoint/wake/helper_process.h"
#include "common/wake/magic_packet.h"
#include "platform/link_socket.h"
#include "platform/net_interfaces.h"
#include "platform/raw_frame.h"

namespace jump::endpoint {
namespace {

constexpr auto kBetweenRounds = std::chrono::milliseconds(150);
constexpr const char* kEverybody = "255.255.255.255";
constexpr const char* kAllNodes = "ff02::1";  // RFC 4291 section 2.7.1

// One way out: where to, through which socket.
struct Way {
  platform::LinkSocket socket;
  std::string to;
};

// Everything that is open on one interface, and what came of it.
struct Exit {
  wake::WakeSending sending;
  std::vector<Way> ways;
  std::optional<platform::RawFrames> frames;
  wake::Mac own{};
};

void add_failure(wake::WakeSending& sending, const std::string& text) {
  if (std::ranges::find(sending.failures, text) == sending.failures.end() && sending.failures.size() < 8) {
    sending.failures.push_back(text);
  }
}

// 10.77.1.255 for 10.77.1.7/24; nothing where a subnet has none.
std::optional<std::string> directed_broadcast(const platform::InterfaceAddress& address) {
  if (address.prefix >= 31) return std::nullopt;
  boost::system::error_code failed;
  const auto own = asio::ip::make_address_v4(address.address, failed);
  if (failed) return std::nullopt;
  return asio::ip::network_v4(own, address.prefix).broadcast().to_string();
}

void add_way(Exit& exit, asio::any_io_executor executor, const platform::NetInterface& interface,
             const platform::InterfaceAddress& from, const std::string& to) {
  if (std::ranges::any_of(exit.ways, [&](const Way& way) { return way.to == to; })) return;
  Result<platform::LinkSocket> socket = platform::LinkSocket::open(executor, interface, from);
  if (!socket) {
    add_failure(exit.sending, socket.error().message());
    return;
  }
  exit.ways.push_back({std::move(*socket), to});
}

void open_sockets(Exit& exit, asio::any_io_executor executor, const platform::NetInterface& interface) {
  const platform::InterfaceAddress* first = nullptr;
  for (const platform::InterfaceAddress& address : interface.addresses) {
    if (address.ipv6) continue;
    if (first == nullptr) first = &address;
    if (const auto to = directed_broadcast(address)) add_way(exit, executor, interface, address, *to);
  }
  if (first != nullptr) {
    add_way(exit, executor, interface, *first, kEverybody);
    return;
  }
  const auto six = std::ranges::find(interface.addresses, true, &platform::InterfaceAddress::ipv6);
  if (six != interface.addresses.end()) add_way(exit, executor, interface, *six, kAllNodes);
}

Exit open_exit(asio::any_io_executor executor, const std::string& name,
               const std::vector<platform::NetInterface>& interfaces) {
  Exit exit;
  exit.sending.interface = name;
  const auto at = std::ranges::find(interfaces, name, &platform::NetInterface::name);
  if (at == interfaces.end()) {
    add_failure(exit.sending, "there is no such interface");
    return exit;
  }
  if (!at->up) {
    add_failure(exit.sending, "the interface is down");
    return exit;
  }
  open_sockets(exit, executor, *at);
  const std::optional<wake::Mac> own = wake::parse_mac(at->mac);
  if (!own) {
    add_failure(exit.sending, "Ethernet frames: it is no Ethernet");
    return exit;
  }
  exit.own = *own;
  Result<platform::RawFrames> frames = platform::RawFrames::open(executor, name, "");
  if (frames) {
    exit.frames.emplace(std::move(*frames));
  } else {
    add_failure(exit.sending, frames.error().message());
  }
  return exit;
}

void send_round(Exit& exit, const wake::Mac& target, const Secret& password) {
  const Bytes packet = wake::magic_packet(target, password);
  for (Way& way : exit.ways) {
    for (const std::uint16_t port : wake::kWakePorts) {
      const Result<void> sent = way.socket.send(way.to, port, packet);
      if (!sent) {
        add_failure(exit.sending, sent.error().message());
        continue;
      }
      ++exit.sending.packets;
      if (std::ranges::find(exit.sending.to, way.to) == exit.sending.to.end())
        exit.sending.to.push_back(way.to);
    }
  }
  if (!exit.frames) return;
  const Result<void> sent = exit.frames->send(wake::magic_frame(exit.own, target, password));
  if (sent) {
    exit.sending.raw = true;
    ++exit.sending.packets;
  } else {
    add_failure(exit.sending, sent.error().message());
  }
}

Task<> keep_report(asio::any_io_executor executor, wake::WakeOrder order, wake::WakeReport& to) {
  Task<wake::WakeReport> sending = send_wake(executor, std::move(order));
  to = co_await std::move(sending);
}

wake::WakeReport do_job() {
  wake::WakeReport report;
  Result<wake::WakeJob> job = read_job<wake::WakeJob>(wake::kWakeJobBytes);
  if (!job) {
    report.error = job.error().message();
    return report;
  }
  report.attempt = job->order.attempt;
  if (const Result<void> given = keep_raw_network_alone(job->user); !given) {
    report.error = given.error().message();
    return report;
  }
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  group.spawn("wake", keep_report(io.get_executor(), std::move(job->order), report));
  io.run();
  return report;
}

}  // namespace

Task<wake::WakeReport> send_wake(asio::any_io_executor executor, wake::WakeOrder order) {
  wake::WakeReport report;
  report.attempt = order.attempt;
  if (const Result<void> checked = wake::check(order); !checked) {
    report.error = checked.error().message();
    co_return report;
  }
  const Result<std::vector<platform::NetInterface>> interfaces = platform::net_interfaces();
  if (!interfaces) {
    report.error = interfaces.error().message();
    co_return report;
  }
  std::vector<Exit> exits;
  for (const std::string& name : order.interfaces) exits.push_back(open_exit(executor, name, *interfaces));
  const Secret password = order.password.value_or(Secret());
  const bool any =
      std::ranges::any_of(exits, [](const Exit& exit) { return exit.frames || !exit.ways.empty(); });
  for (std::uint32_t round = 0; any && round < wake::kTimes; ++round) {
    if (round > 0) co_await sleep_for(kBetweenRounds);
    for (Exit& exit : exits) {
      for (const std::string& mac : order.macs) send_round(exit, *wake::parse_mac(mac), password);
    }
  }
  for (Exit& exit : exits) report.interfaces.push_back(std::move(exit.sending));
  co_return report;
}

int run_wake_process() {
  const wake::WakeReport report = do_job();
  std::printf("%s\n", to_json_text(report).c_str());
  return report.error.empty() ? 0 : 1;
}

}  // namespace jump::endpoint
