#include "common/endpoint/reports.h"

#include <algorithm>

#include "common/base/scoped_group.h"

namespace jump::endpoint {
namespace {

constexpr auto kLook = std::chrono::seconds(60);                  // for changes that nobody told of
constexpr auto kGatewayAnswers = std::chrono::milliseconds(500);  // for gateways whose MAC is not known yet
constexpr auto kNameLook = std::chrono::milliseconds(20);         // for the resolver, so often
constexpr int kNameLooks = 15;
constexpr auto kLateName = std::chrono::seconds(2);
constexpr std::size_t kGatewaysMost = 8;  // of one interface
constexpr std::uint32_t kIntervalLeast = 5;

bool wanted(const control::ReportSettings& settings, std::string_view what) {
  return std::find(settings.statistics.begin(), settings.statistics.end(), what) != settings.statistics.end();
}

}  // namespace

Reports::Reports(asio::any_io_executor executor, const Begin& begin)
    : executor_(executor), begin_(begin), changed_(executor) {
  settings_.interval_seconds = 0;
  cpu_.sample();
}

void Reports::again() {
  inventory_due_ = true;
  changed_.set();
}

void Reports::set(const control::ReportSettings& settings) {
  settings_ = settings;
  changed_.set();
}

Task<> Reports::run(ControlChannel& channel) {
  TaskGroup beside(executor_);
  beside.spawn("network changes", watch_network());
  Task<bool> telling = tell_all(channel);
  (void)co_await and_stop(beside, std::move(telling));
}

// Where the system tells of no changes, run() looks every minute all the same.
Task<> Reports::watch_network() {
  Result<platform::NetworkWatch> watch = platform::NetworkWatch::create(executor_);
  while (watch) {
    const Result<void> changed = co_await watch->changed();
    if (!changed) break;
    network_changed_ = true;
    changed_.set();
    if (on_network_change) on_network_change();
  }
}

Task<bool> Reports::tell_all(ControlChannel& channel) {
  Instant statistics_due = BootClock::now();
  Instant look_due = BootClock::now();
  while (true) {
    const Instant now = BootClock::now();
    if (channel.attached()) {
      if (inventory_due_ || network_changed_ || now >= look_due) {
        look_due = now + kLook;
        network_changed_ = false;
        control::Inventory present = co_await inventory();
        std::string text = to_json_text(present);
        if (channel.attached() && (inventory_due_ || text != inventory_told_)) {
          channel.tell(present);
          inventory_told_ = std::move(text);
          inventory_due_ = false;
        }
      }
      if (channel.attached() && settings_.interval_seconds > 0 && now >= statistics_due) {
        channel.tell(statistics());
        statistics_due = now + std::chrono::seconds(std::max(settings_.interval_seconds, kIntervalLeast));
      }
    }
    Duration wait = kLook;
    if (channel.attached() && settings_.interval_seconds > 0) {
      wait = std::clamp<Duration>(statistics_due - now, std::chrono::seconds(1), kLook);
    }
    if (name_due_) wait = std::min<Duration>(wait, kLateName);
    co_await changed_.wait_for(wait);
    // A name server that answered late: the name is told when it is known.
    if (name_due_ && !names_.looking()) network_changed_ = true;
  }
}

Task<control::Inventory> Reports::inventory() {
  platform::MachineName name = names_.now();
  for (int looks = 0; looks < kNameLooks && names_.looking(); ++looks) co_await sleep_for(kNameLook);
  name_due_ = names_.looking();
  if (!name_due_) name = names_.now();
  const platform::OperatingSystem system = platform::operating_system();
  control::Inventory inventory;
  inventory.hostname = name.hostname;
  inventory.fqdn = name.fqdn;
  inventory.operating_system = system.name;
  inventory.architecture = system.architecture;
  // "jump-client 0.1.0 (linux x86_64)": the version alone is what assets are compared by.
  const std::size_t name_end = begin_.software.find(' ');
  const std::size_t version_end = begin_.software.find(' ', name_end + 1);
  inventory.software_version = name_end == std::string::npos
                                   ? begin_.software
                                   : begin_.software.substr(name_end + 1, version_end - name_end - 1);
  if (!begin_.session_user.empty()) inventory.session_user = begin_.session_user;
  inventory.kinds = begin_.kinds;
  inventory.abilities = begin_.abilities;
  const Result<std::vector<platform::NetInterface>> interfaces = platform::net_interfaces();
  if (!interfaces) co_return inventory;
  const Result<std::vector<platform::Gateway>> gateways =
      co_await platform::gateways_with_macs(kGatewayAnswers);
  const auto name_of = [&](const std::optional<std::uint32_t>& index) -> std::optional<std::string> {
    for (const platform::NetInterface& one : *interfaces) {
      if (index && one.index == *index) return one.name;
    }
    return std::nullopt;
  };
  for (const platform::NetInterface& one : *interfaces) {
    control::Interface shown;
    shown.name = one.name;
    shown.mac = one.mac;
    shown.up = one.up;
    if (!one.kind.empty()) shown.kind = one.kind;
    shown.member_of = name_of(one.member_of);
    shown.below = name_of(one.parent);
    for (const platform::InterfaceAddress& address : one.addresses) {
      const control::Address told{address.address, address.prefix};
      shown.addresses.push_back(told);
    }
    if (gateways) {
      for (const platform::Gateway& gateway : *gateways) {
        if (gateway.interface_index != one.index || shown.gateways.size() >= kGatewaysMost) continue;
        const control::Gateway told{gateway.address, gateway.mac};
        shown.gateways.push_back(told);
        if (shown.gateway) continue;
        shown.gateway = gateway.address;
        shown.gateway_mac = gateway.mac;
      }
    }
    // The address that the machine speaks with; without a default route, the first that is up.
    const bool better = shown.gateway.has_value() || inventory.private_ip.empty();
    if (better && one.up && !one.loopback && !one.addresses.empty())
      inventory.private_ip = one.addresses.front().address;
    inventory.interfaces.push_back(std::move(shown));
  }
  co_return inventory;
}

control::Statistics Reports::statistics() {
  control::Statistics now;
  if (wanted(settings_, "cpu")) now.cpu_percent = cpu_.sample();
  if (wanted(settings_, "console_user")) now.console_user = platform::console_user().value_or("");
  if (wanted(settings_, "uptime")) now.uptime_seconds = platform::uptime_seconds();
  if (wanted(settings_, "disk")) {
    for (const platform::DiskUse& disk : platform::disks())
      now.disks.push_back({disk.mount, disk.total, disk.used});
  }
  return now;
}

}  // namespace jump::endpoint
