#include "jumpoint/browse/sweep.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/wake/network.h"
#include "jumpoint/browse/dns_message.h"
#include "jumpoint/browse/frames.h"
#include "jumpoint/browse/hosts.h"
#include "jumpoint/browse/netbios.h"
#include "jumpoint/browse/pacer.h"
#include "jumpoint/browse/reverse_dns.h"
#include "jumpoint/browse/subnets.h"
#include "platform/link_socket.h"
#include "platform/net_interfaces.h"
#include "platform/raw_frame.h"

namespace jump::browse {
namespace {

constexpr auto kSweepMost = std::chrono::minutes(10);
constexpr auto kBetweenRounds = std::chrono::milliseconds(400);
constexpr auto kLastAnswers = std::chrono::milliseconds(1000);
constexpr auto kConnectLimit = std::chrono::milliseconds(1000);
constexpr auto kTableLook = std::chrono::milliseconds(250);
constexpr std::uint32_t kRounds = 2;      // of ARP
constexpr std::uint32_t kNodeRounds = 3;  // of questions to all nodes
constexpr std::size_t kConnectsAtOnce = 128;
// The kernel keeps an unanswered neighbour for 3 s, and 1,024 of them by default: more at once would be lost.
constexpr std::uint32_t kRateWithoutFrames = 200;
constexpr std::uint16_t kMdnsPort = 5353;
constexpr const char* kMdnsV4 = "224.0.0.251";
constexpr const char* kMdnsV6 = "ff02::fb";

using access::Address;
using access::Family;

bool is_link_local(const Address& address) {
  return address.family == Family::v6 && address.high >> 54 == 0xfe80ULL >> 6;
}

// One interface and what is open on it.
struct Site {
  platform::NetInterface interface;
  std::optional<platform::RawFrames> frames;
  std::optional<platform::LinkSocket> v4;  // names: mDNS and NetBIOS
  std::optional<platform::LinkSocket> v6;  // mDNS
  wake::Mac mac{};
  struct Own {
    Address address;
    std::optional<Subnet> subnet;  // to be swept from this address
  };
  std::vector<Own> own;
  std::vector<access::Prefix> prefixes;
};

class Sweep {
 public:
  Sweep(asio::any_io_executor executor, SweepOptions options,
        std::function<void(const wake::FoundHost&)> found)
      : executor_(executor),
        options_(std::move(options)),
        pacer_(options_.order.packets_per_second),
        progress_(executor),
        arrived_(executor),
        probe_due_(executor) {
    Result<Vendors> vendors = Vendors::load(options_.vendor_folder);
    if (vendors) {
      vendors_.emplace(std::move(*vendors));
    } else {
      end_.notes.push_back(vendors.error().message());
    }
    hosts_.emplace(
        vendors_ ? &*vendors_ : nullptr, std::move(found),
        [this](const std::string& interface, const Address& address) { take_arrival(interface, address); });
  }

  Task<wake::BrowseEnd> run() {
    const Instant begun = BootClock::now();
    end_.sweep = options_.order.sweep;
    const Result<void> opened = open();
    if (opened) {
      TaskGroup group(executor_);
      Task<Result<void>> work = work_in(group);
      Task<Result<void>> limited = with_timeout(kSweepMost, "the sweep", std::move(work));
      const Result<void> done = co_await and_stop(group, std::move(limited));
      if (!done) end_.notes.push_back(done.error().message());
    } else {
      end_.error = opened.error().message();
    }
    end_.hosts = static_cast<std::uint32_t>(hosts_->size());
    end_.packets = pacer_.packets();
    end_.milliseconds = static_cast<std::uint32_t>(milliseconds(BootClock::now() - begun));
    end_.notes.insert(end_.notes.end(), hosts_->notes().begin(), hosts_->notes().end());
    co_return std::move(end_);
  }

 private:
  // --- before anything is sent --------------------------------------------------------------------------

  Result<void> open() {
    if (Result<void> checked = wake::check(options_.order); !checked) return checked;
    const Result<std::vector<platform::NetInterface>> interfaces = platform::net_interfaces();
    if (!interfaces) return interfaces.error();
    for (const platform::NetInterface& interface : *interfaces) {
      if (is_wanted(interface)) open_site(interface);
    }
    for (const std::string& name : options_.order.interfaces) {
      if (std::ranges::none_of(sites_, [&](const auto& site) { return site->interface.name == name; })) {
        note(printable(name, 64) +
             " is not swept: there is no such interface, or it is down or has no address");
      }
    }
    if (sites_.empty())
      return Error(Fault::unavailable, "no interface leads to a network that could be swept");
    if (!options_.name_servers.empty()) {
      Result<ReverseDns> names = ReverseDns::open(executor_, options_.name_servers.front());
      if (names) {
        names_.emplace(std::move(*names));
      } else {
        note(names.error().message());
      }
    }
    return {};
  }

  bool is_wanted(const platform::NetInterface& interface) const {
    if (!interface.up || interface.loopback || interface.addresses.empty()) return false;
    const std::vector<std::string>& names = options_.order.interfaces;
    if (!names.empty()) return std::ranges::find(names, interface.name) != names.end();
    wake::Link link;
    link.name = interface.name;
    link.kind = interface.kind;
    return !wake::is_artificial(link) && !interface.mac.empty();
  }

  void open_site(const platform::NetInterface& interface) {
    auto site = std::make_unique<Site>();
    site->interface = interface;
    site->mac = wake::parse_mac(interface.mac).value_or(wake::Mac{});
    open_frames(*site);
    for (const platform::InterfaceAddress& told : interface.addresses) {
      const std::optional<Address> address = access::parse_address(told.address);
      if (!address) continue;
      site->prefixes.push_back({masked(*address, told.prefix), told.prefix});
      take_subnet(*site, *address, told.prefix);
      // IPv6: the link-local address, which every responder can answer to.
      std::optional<platform::LinkSocket>& socket = told.ipv6 ? site->v6 : site->v4;
      if (socket || (told.ipv6 && !is_link_local(*address))) continue;
      Result<platform::LinkSocket> opened = platform::LinkSocket::open(executor_, interface, told);
      if (opened) {
        socket.emplace(std::move(*opened));
      } else {
        note(opened.error().message());
      }
    }
    sites_.push_back(std::move(site));
  }

  void open_frames(Site& site) {
    Result<platform::RawFrames> frames =
        options_.frames ? platform::RawFrames::open(executor_, site.interface.name, kFrameFilter)
                        : Result<platform::RawFrames>(Error(
                              Fault::refused, "Ethernet frames on " + site.interface.name + ": not used"));
    if (frames) {
      site.frames.emplace(std::move(*frames));
    } else {
      note(frames.error().message() +
           "; machines are found by the neighbour table, and those with IPv6 alone by multicast DNS only");
    }
  }

  static Address masked(Address address, std::uint8_t bits) {
    const auto mask = [](int kept) { return kept <= 0 ? 0 : kept >= 64 ? ~0ULL : ~0ULL << (64 - kept); };
    address.high &= mask(bits);
    address.low &= mask(int{bits} - 64);
    return address;
  }

  // Each subnet once, whatever number of interfaces and addresses are in it.
  void take_subnet(Site& site, const Address& address, std::uint8_t bits) {
    Site::Own own{address, subnet_to_sweep(address, bits)};
    if (own.subnet) {
      const std::string text = access::to_text(own.subnet->prefix);
      if (!swept_.insert(text).second) {
        own.subnet.reset();
      } else {
        end_.swept.push_back(text + " on " + site.interface.name);
        if (own.subnet->cut) {
          note("the subnet of " + access::to_text(address) + "/" + std::to_string(bits) +
               " is larger than /" + std::to_string(kLargestSubnet) + ": only " + text + " is swept");
        }
      }
    }
    site.own.push_back(std::move(own));
  }

  void note(std::string text) {
    if (std::ranges::find(end_.notes, text) == end_.notes.end() && end_.notes.size() < 32) {
      end_.notes.push_back(std::move(text));
    }
  }

  // --- the whole ----------------------------------------------------------------------------------------

  Task<Result<void>> work_in(TaskGroup& group) {
    for (const auto& site : sites_) {
      if (site->frames) group.spawn("frames", listen_frames(*site));
      if (site->v4) group.spawn("names", listen_names(*site, *site->v4));
      if (site->v6) group.spawn("names", listen_names(*site, *site->v6));
    }
    if (names_) group.spawn("reverse DNS", listen_dns());
    group.spawn("neighbours", watch_table());
    group.spawn("inquiries", inquire());
    for (std::size_t i = 0; i < kConnectsAtOnce && !options_.order.ports.empty(); ++i)
      group.spawn("connects", probe());
    for (const auto& site : sites_) {
      ++asking_;
      group.spawn("questions", ask(*site));
      ++asking_;
      group.spawn("nodes", ask_nodes(*site));
    }
    while (asking_ > 0) co_await progress_.wait();
    inquire_about_ipv6();
    co_await all_answered();
    if (names_ && names_->answered() && names_->waiting() > 0) {
      Task<> again = names_->ask_again(pacer_);
      co_await std::move(again);
      co_await all_answered();
    }
    if (names_ && !names_->answered() && hosts_->size() > 0) {
      note("reverse DNS: " + names_->server() + " does not answer");
    }
    mark_gateways();
    co_return Result<void>();
  }

  // What was found late brings questions of its own.
  Task<> all_answered() {
    do {
      while (!arrivals_.empty() || !probes_.empty() || busy_ > 0) co_await progress_.wait();
      co_await sleep_for(kLastAnswers);
    } while (!arrivals_.empty() || !probes_.empty() || busy_ > 0);
  }

  void mark_gateways() {
    const Result<std::vector<platform::Gateway>> gateways = platform::default_gateways();
    if (!gateways) return;
    for (const platform::Gateway& gateway : *gateways) {
      const std::optional<Address> address = access::parse_address(gateway.address);
      if (address && hosts_->knows(*address))
        hosts_->seen(gateway.interface_name, *address, std::nullopt, true);
    }
  }

  // --- questions to everybody
  // -------------------------------------------------------------------------------

  Task<> ask(Site& site) {
    for (const Site::Own& own : site.own) {
      if (!own.subnet) continue;
      const std::vector<Address> addresses = addresses_to_sweep(*own.subnet, own.address);
      if (site.frames) {
        co_await ask_by_frames(site, own.address, addresses);
      } else if (site.v4) {
        co_await ask_by_datagrams(site, addresses);
      }
    }
    --asking_;
    progress_.set();
  }

  Task<> ask_by_frames(Site& site, Address own, const std::vector<Address>& addresses) {
    const Asker asker{site.mac, own};
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      for (const Address& address : addresses) {
        if (hosts_->knows(address)) continue;
        co_await pacer_.turn();
        const Result<void> sent = site.frames->send(arp_request(asker, address));
        if (!sent) note(sent.error().message());
      }
      co_await sleep_for(kBetweenRounds);
    }
  }

  Task<> ask_by_datagrams(Site& site, const std::vector<Address>& addresses) {
    Pacer slow(std::min(options_.order.packets_per_second, kRateWithoutFrames));
    for (const Address& address : addresses) {
      if (hosts_->knows(address)) continue;
      co_await slow.turn();
      co_await pacer_.turn();
      send_name_query(*site.v4, address);
    }
    // The kernel asks three times, a second apart.
    co_await sleep_for(kBetweenRounds + std::chrono::seconds(1));
  }

  Task<> ask_nodes(Site& site) {
    const std::vector<std::string> services = {"_services._dns-sd._udp.local",
                                               "_workstation._tcp.local",
                                               "_ssh._tcp.local",
                                               "_rfb._tcp.local",
                                               "_smb._tcp.local",
                                               "_http._tcp.local"};
    for (std::uint32_t round = 0; round < kNodeRounds; ++round) {
      if (round > 0) co_await sleep_for(kBetweenRounds);
      for (const Site::Own& own : site.own) {
        if (!site.frames || own.address.family != Family::v6) continue;
        const Asker asker{site.mac, own.address};
        const auto sequence = static_cast<std::uint16_t>(round);
        co_await pacer_.turn();
        static_cast<void>(site.frames->send(echo_to_all_nodes(asker, sequence)));
        co_await pacer_.turn();
        static_cast<void>(site.frames->send(unknown_option_to_all_nodes(asker, sequence)));
      }
      co_await ask_responders(site, services);
    }
    --asking_;
    progress_.set();
  }

  // From a port of our own, so that responders answer to us alone (RFC 6762 section 6.7).
  Task<> ask_responders(Site& site, std::vector<std::string> names) {
    const Bytes query = pointer_query(0, false, names);
    if (site.v4) {
      co_await pacer_.turn();
      static_cast<void>(site.v4->send(kMdnsV4, kMdnsPort, query));
    }
    if (site.v6) {
      co_await pacer_.turn();
      static_cast<void>(site.v6->send(kMdnsV6, kMdnsPort, query));
    }
  }

  // --- what is heard
  // ------------------------------------------------------------------------------------------

  Task<> listen_frames(Site& site) {
    const std::function<void(ByteView)> take = [this, &site](ByteView frame) {
      const std::optional<Heard> heard = read_frame(frame);
      if (heard && is_near(site, heard->address)) {
        hosts_->seen(site.interface.name, heard->address, heard->mac, heard->router);
      }
    };
    while (true) {
      const Result<void> got = co_await site.frames->receive(take);
      if (got) continue;
      note(got.error().message());
      co_return;
    }
  }

  // In a subnet of this interface; all else came through a router, or lies.
  static bool is_near(const Site& site, const Address& address) {
    return std::ranges::any_of(site.prefixes,
                               [&](const access::Prefix& prefix) { return prefix.contains(address); });
  }

  Task<> listen_names(Site& site, platform::LinkSocket& socket) {
    while (true) {
      const Result<platform::LinkSocket::Datagram> got = co_await socket.receive();
      if (!got) co_return;
      const std::optional<Address> from = access::parse_address(got->from);
      if (!from || !is_near(site, *from)) continue;
      if (got->port == kMdnsPort) take_mdns(site, *from, got->bytes);
      if (got->port == kNetbiosPort) take_netbios(site, *from, got->bytes);
    }
  }

  // A responder speaks for itself: names that lead to an address of its own, and the names of its addresses.
  void take_mdns(Site& site, const Address& from, ByteView bytes) {
    const std::optional<DnsAnswer> answer = read_answer(bytes);
    if (!answer || answer->code != 0) return;
    hosts_->seen(site.interface.name, from, std::nullopt);
    for (const DnsRecord& record : answer->records) {
      if (record.address) hosts_->named(from, record.name, wake::NameSource::mdns);
      const bool reverse = record.name.ends_with(".in-addr.arpa") || record.name.ends_with(".ip6.arpa");
      if (record.type == kTypePtr && reverse) hosts_->named(from, record.pointer, wake::NameSource::mdns);
    }
  }

  void take_netbios(Site& site, const Address& from, ByteView bytes) {
    const std::optional<NodeStatus> status = read_node_status(bytes);
    if (!status || status->id != netbios_id_) return;
    hosts_->seen(site.interface.name, from, std::nullopt);
    hosts_->named(from, status->name, wake::NameSource::netbios);
  }

  Task<> listen_dns() {
    while (true) {
      const Result<ReverseDns::Name> name = co_await names_->receive();
      if (!name) {
        note(name.error().message());
        co_return;
      }
      hosts_->named(name->address, name->name, wake::NameSource::dns);
    }
  }

  // Without frames the kernel's table is all there is; with them it knows nothing more.
  Task<> watch_table() {
    while (true) {
      const Result<std::vector<platform::Neighbour>> table = platform::neighbours();
      for (const auto& site : sites_) {
        if (!table || site->frames) continue;
        for (const platform::Neighbour& neighbour : *table) {
          const std::optional<Address> address = access::parse_address(neighbour.address);
          const std::optional<wake::Mac> mac = wake::parse_mac(neighbour.mac);
          if (neighbour.interface_index != site->interface.index || !address || !mac) continue;
          if (!wake::is_unicast(*mac) || !is_near(*site, *address)) continue;
          hosts_->seen(site->interface.name, *address, mac, neighbour.router);
        }
      }
      co_await sleep_for(kTableLook);
    }
  }

  // --- questions to one
  // -----------------------------------------------------------------------------------------

  struct Arrival {
    Site* site = nullptr;
    Address address;
  };
  struct Probe {
    Site* site = nullptr;
    Address address;
    std::uint16_t port = 0;
  };

  void take_arrival(const std::string& interface, const Address& address) {
    for (const auto& site : sites_) {
      if (site->interface.name != interface) continue;
      const Arrival arrival{site.get(), address};
      if (address.family == Family::v6 && asking_ > 0) {
        late_.push_back(arrival);  // until it is known whether that machine has IPv4 too
      } else {
        arrivals_.push_back(arrival);
        arrived_.set();
      }
    }
  }

  // One address for each machine that has IPv6 alone, one with a wider scope if there is any.
  void inquire_about_ipv6() {
    for (const Arrival& arrival : late_) {
      const std::vector<Address> all = hosts_->addresses_of(arrival.address);
      const auto best = std::ranges::find_if(all, [](const Address& one) { return !is_link_local(one); });
      const Address chosen = best == all.end() ? arrival.address : *best;
      if (chosen.family == Family::v6 && chosen == arrival.address) arrivals_.push_back(arrival);
    }
    late_.clear();
    arrived_.set();
  }

  Task<> inquire() {
    while (true) {
      while (arrivals_.empty()) co_await arrived_.wait();
      ++busy_;
      std::vector<Arrival> batch;
      while (!arrivals_.empty() && batch.size() < kQuestionsMost) {
        batch.push_back(arrivals_.front());
        arrivals_.pop_front();
      }
      for (const Arrival& arrival : batch) co_await inquire_about(arrival);
      for (const auto& site : sites_) {
        std::vector<std::string> names;
        for (const Arrival& arrival : batch) {
          if (arrival.site == site.get()) names.push_back(reverse_name(arrival.address));
        }
        if (!names.empty()) co_await ask_responders(*site, std::move(names));
      }
      --busy_;
      progress_.set();
    }
  }

  Task<> inquire_about(const Arrival& arrival) {
    if (arrival.address.family == Family::v4 && arrival.site->v4) {
      co_await pacer_.turn();
      send_name_query(*arrival.site->v4, arrival.address);
    }
    if (names_ && !is_link_local(arrival.address)) {
      Task<> asking = names_->ask(arrival.address, pacer_);
      co_await std::move(asking);
    }
    for (const std::uint16_t port : options_.order.ports) {
      probes_.push_back({arrival.site, arrival.address, port});
      probe_due_.set();
    }
  }

  void send_name_query(platform::LinkSocket& socket, const Address& address) {
    static_cast<void>(socket.send(access::to_text(address), kNetbiosPort, node_status_query(netbios_id_)));
  }

  // One connection at a time; it is closed as soon as it stands.
  Task<> probe() {
    while (true) {
      while (probes_.empty()) co_await probe_due_.wait();
      const Probe probe = probes_.front();
      probes_.pop_front();
      if (!probes_.empty()) probe_due_.set();
      ++busy_;
      co_await pacer_.turn();
      Task<Result<void>> connecting = connect(probe);
      const Result<void> open = co_await with_timeout(kConnectLimit, "connect", std::move(connecting));
      if (open) hosts_->open_port(probe.address, probe.port);
      --busy_;
      progress_.set();
    }
  }

  Task<Result<void>> connect(Probe probe) {
    boost::system::error_code failed;
    asio::ip::address address = asio::ip::make_address(access::to_text(probe.address), failed);
    if (!failed && is_link_local(probe.address)) {
      address = asio::ip::address_v6(address.to_v6().to_bytes(), probe.site->interface.index);
    }
    asio::ip::tcp::socket socket(executor_);
    const asio::ip::tcp::endpoint to(address, probe.port);
    co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return Error(failed, "connect");
    co_return Result<void>();
  }

  asio::any_io_executor executor_;
  SweepOptions options_;
  wake::BrowseEnd end_;
  Pacer pacer_;
  std::optional<Vendors> vendors_;
  std::optional<Hosts> hosts_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::set<std::string> swept_;
  std::optional<ReverseDns> names_;
  std::uint16_t netbios_id_ = static_cast<std::uint16_t>(std::random_device()());
  std::uint32_t asking_ = 0;  // tasks that still ask everybody
  std::uint32_t busy_ = 0;    // inquiries and connects in the middle
  Event progress_;            // something came to an end; the sweep itself waits
  Event arrived_;
  Event probe_due_;
  std::deque<Arrival> arrivals_;
  std::vector<Arrival> late_;
  std::deque<Probe> probes_;
};

}  // namespace

Task<wake::BrowseEnd> sweep(asio::any_io_executor executor, SweepOptions options,
                            std::function<void(const wake::FoundHost&)> found) {
  Sweep sweep(executor, std::move(options), std::move(found));
  co_return co_await sweep.run();
}

}  // namespace jump::browse
