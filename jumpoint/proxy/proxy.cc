#include "jumpoint/proxy/proxy.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "platform/byte_mover.h"

namespace jump::proxy {
namespace {

using asio::ip::tcp;
using std::chrono::seconds;

constexpr auto kLookAgain = seconds(30);  // names may lead elsewhere
constexpr auto kTryAgain = seconds(5);    // while the appliance is out of reach
constexpr auto kReachLimit = seconds(5);  // for one address
constexpr auto kTellEvery = seconds(60);
// The system does not tell when it has room for another connection again.
constexpr auto kNoFilesPause = std::chrono::milliseconds(100);
constexpr int kBacklog = 4096;
constexpr int kAcceptsAtOnce = 64;  // then the rest of the loop has its turn
constexpr std::size_t kAddressesMost = 8;

access::Address address_of(const asio::ip::address& address) {
  return address.is_v4() ? access::Address::v4(address.to_v4().to_uint())
                         : access::Address::v6(address.to_v6().to_bytes());
}

asio::ip::address to_asio(const access::Address& address) {
  if (address.family == access::Family::v4) {
    return asio::ip::address_v4(static_cast<std::uint32_t>(address.high >> 32));
  }
  asio::ip::address_v6::bytes_type bytes;
  put_u64(bytes.data(), address.high);
  put_u64(bytes.data() + 8, address.low);
  return asio::ip::address_v6(bytes);
}

// After an accept that gave nothing: its peer has left already, or the system has no room for it.
bool can_go_on(const boost::system::error_code& failed) {
  if (failed == asio::error::connection_aborted || failed == asio::error::connection_reset) return true;
  log::warning("proxy", "cannot accept", {{"reason", failed.message()}});
  return false;
}

// What no name of an appliance can stand for: this host itself, everybody, nobody.
bool is_nowhere(const access::Address& address) {
  const asio::ip::address plain = to_asio(address);
  return plain.is_loopback() || plain.is_multicast() || plain.is_unspecified() || address.high >> 56 == 0;
}

bool names_this_host(const std::string& name) {
  return name == "localhost" || name.ends_with(".localhost");
}

Target literal(const Authority& authority) {
  Target target{authority, {}, {}};
  if (authority.host.address) {
    target.addresses.emplace_back(to_asio(*authority.host.address), authority.port);
  } else {
    target.why_none = "the name '" + authority.host.name + "' has not been looked up yet";
  }
  return target;
}

Task<Result<Target>> look_up(asio::any_io_executor executor, Authority authority) {
  Target target = literal(authority);
  if (!target.addresses.empty()) co_return target;
  tcp::resolver resolver(executor);
  boost::system::error_code failed;
  const tcp::resolver::results_type found = co_await resolver.async_resolve(
      authority.host.name, std::to_string(authority.port), tcp::resolver::numeric_service,
      asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "look '" + authority.host.name + "' up");
  bool nowhere = false;
  for (const auto& entry : found) {
    const access::Address address = address_of(entry.endpoint().address());
    if (is_nowhere(address) && !names_this_host(authority.host.name)) {
      nowhere = true;
    } else if (target.addresses.size() < kAddressesMost) {
      target.addresses.emplace_back(to_asio(address), authority.port);
    }
  }
  target.why_none = nowhere ? "the name '" + authority.host.name + "' leads to this host itself"
                            : "the name '" + authority.host.name + "' has no address";
  co_return target;
}

// This host's own address on the way there.
Task<Result<std::string>> reach(asio::any_io_executor executor, tcp::endpoint to) {
  tcp::socket socket(executor);
  boost::system::error_code failed;
  co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) {
    std::ostringstream text;
    text << "connect " << to;
    co_return Error(failed, std::move(text).str());
  }
  const tcp::endpoint own = socket.local_endpoint(failed);
  if (failed) co_return Error(failed, "own address");
  co_return access::to_text(address_of(own.address()));
}

bool same_state(const control::ZoneProxyState& a, const control::ZoneProxyState& b) {
  return a.listening == b.listening && a.address == b.address && a.reason == b.reason &&
         a.warnings == b.warnings;
}

}  // namespace

struct Proxy::Listener {
  tcp::acceptor acceptor;
  std::uint16_t wanted_port;
  std::string listen;
  std::uint16_t port;  // the one that it has
};

Proxy::Proxy(asio::any_io_executor executor, ProxyOptions options)
    : executor_(executor),
      options_(std::move(options)),
      tasks_(executor),
      changed_(executor),
      self_(std::make_shared<Proxy*>(this)) {
  std::size_t count = options_.workers != 0 ? options_.workers : std::thread::hardware_concurrency();
  count = std::clamp<std::size_t>(count, 1, 64);
  const std::weak_ptr<Proxy*> self = self_;
  const auto ended = [executor, self](Report report) {
    asio::post(executor, [self, report = std::move(report)] {
      if (const std::shared_ptr<Proxy*> me = self.lock()) (*me)->ended(report);
    });
  };
  while (workers_.size() < count) workers_.push_back(std::make_unique<Worker>(policy_, ended));
}

Proxy::~Proxy() = default;

// --- settings ---------------------------------------------------------------------------------------

void Proxy::set(const Result<Settings>& settings) {
  fault_ = settings ? "" : settings.error().message();
  if (settings) {
    settings_ = *settings;
    settings_->limits.connections = std::min(settings_->limits.connections, platform::relayed_pairs_most());
    publish();
  } else {
    log::warning("proxy", "settings refused", {{"reason", fault_}});
    if (!settings_) reason_ = fault_;
  }
  changed_.set();
  shown_.reset();  // an answer to each settings
  show();
}

void Proxy::publish() {
  auto policy = std::make_shared<Policy>();
  policy->rules = settings_->rules;
  policy->allow_get = settings_->allow_get;
  policy->limits = settings_->limits;
  for (const Authority& authority : settings_->targets) {
    const auto known = std::find_if(targets_.begin(), targets_.end(),
                                    [&](const auto& one) { return one->authority == authority; });
    policy->targets.push_back(known != targets_.end() ? *known
                                                      : std::make_shared<const Target>(literal(authority)));
  }
  policy_ = std::move(policy);
  for (const std::unique_ptr<Worker>& worker : workers_) worker->set_policy(policy_);
}

Task<> Proxy::run() {
  tasks_.spawn("zone proxy tells", tell_each_minute());
  Task<bool> work = look_after();
  co_await and_stop(tasks_, std::move(work));
}

Task<bool> Proxy::look_after() {
  while (true) {
    if (settings_) {
      co_await look_up_targets();
      const bool fits = listener_ != nullptr && listener_->wanted_port == settings_->port &&
                        listener_->listen == settings_->listen;
      if (listener_ == nullptr || !reach_warning_.empty()) {
        const Result<void> reached = co_await reach_appliance();
        reach_warning_ = reached || listener_ == nullptr ? "" : reached.error().message();
        if (listener_ == nullptr) reason_ = reached ? "" : reached.error().message();
      }
      if (!fits && reason_.empty()) {
        const Result<void> listening = listen();
        if (!listening && listener_ == nullptr) reason_ = listening.error().message();
        if (!listening) log::warning("proxy", listening.error().message());
        fault_ = listening ? "" : listening.error().message();
      }
      if (settings_->host.empty()) co_await find_own_name();
      show();
    }
    const bool well = listener_ != nullptr && reach_warning_.empty();
    co_await changed_.wait_for(well ? kLookAgain : kTryAgain);
  }
}

Task<> Proxy::look_up_targets() {
  const std::vector<Authority> wanted = settings_->targets;
  std::vector<std::shared_ptr<const Target>> found;
  bool changed = false;
  for (const Authority& authority : wanted) {
    Task<Result<Target>> one = look_up(executor_, authority);
    const Result<Target> target = co_await std::move(one);
    const auto known = std::find_if(targets_.begin(), targets_.end(),
                                    [&](const auto& old) { return old->authority == authority; });
    if (!target && known != targets_.end() && !(*known)->addresses.empty()) {
      found.push_back(*known);  // a name service that is away takes nothing from us
      continue;
    }
    Target fresh = target ? *target : Target{authority, {}, target.error().message()};
    if (known != targets_.end() && (*known)->addresses == fresh.addresses &&
        (*known)->why_none == fresh.why_none) {
      found.push_back(*known);
      continue;
    }
    found.push_back(std::make_shared<const Target>(std::move(fresh)));
    changed = true;
  }
  targets_ = std::move(found);
  if (changed) publish();
}

Task<Result<void>> Proxy::reach_appliance() {
  const std::vector<std::shared_ptr<const Target>> targets = policy_->targets;
  std::string why;
  for (const std::shared_ptr<const Target>& target : targets) {
    if (target->addresses.empty()) why += (why.empty() ? "" : "; ") + target->why_none;
    for (const tcp::endpoint& address : target->addresses) {
      Task<Result<std::string>> one = reach(executor_, address);
      Task<Result<std::string>> limited = with_timeout(kReachLimit, "connect", std::move(one));
      const Result<std::string> own = co_await std::move(limited);
      if (own) {
        own_address_ = *own;
        co_return Result<void>();
      }
      why += (why.empty() ? "" : "; ") + own.error().message();
    }
  }
  co_return Error(Fault::unavailable, "the appliance cannot be reached from here without a proxy: " + why);
}

// By this name clients find the node: its own where that leads to another address than loopback, else the
// address that it has towards the appliance.
Task<> Proxy::find_own_name() {
  boost::system::error_code failed;
  const std::string host = asio::ip::host_name(failed);
  own_name_.clear();
  if (!failed && !host.empty()) {
    tcp::resolver resolver(executor_);
    const tcp::resolver::results_type found = co_await resolver.async_resolve(
        host, "", tcp::resolver::canonical_name, asio::redirect_error(asio::use_awaitable, failed));
    for (const auto& entry : found) {
      const std::optional<Host> name = parse_host(entry.host_name());
      if (!failed && name && !name->address && !is_nowhere(address_of(entry.endpoint().address()))) {
        own_name_ = name->name;
      }
    }
  }
  name_warning_ = own_name_.empty()
                      ? "this host's name '" + host +
                            "' does not lead to it: clients are told its address; set a proxy host"
                      : "";
}

std::string Proxy::own_host() const {
  if (!settings_->host.empty()) return settings_->host;
  if (!own_name_.empty()) return own_name_;
  const std::optional<access::Address> address = access::parse_address(own_address_);
  return address ? to_text(Host{address, {}}) : "";
}

// --- listening --------------------------------------------------------------------------------------

Result<void> Proxy::listen() {
  const bool any = settings_->listen.empty();
  tcp::endpoint at(any ? asio::ip::address(asio::ip::address_v6::any())
                       : to_asio(*access::parse_address(settings_->listen)),
                   settings_->port);
  tcp::acceptor acceptor(executor_);
  boost::system::error_code failed;
  acceptor.open(at.protocol(), failed);
  if (failed && any) {  // a host without IPv6
    at.address(asio::ip::address_v4::any());
    acceptor.open(at.protocol(), failed);
  }
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed && any && at.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), failed);
  if (!failed) platform::tune_relayed(acceptor.native_handle());
  if (!failed) acceptor.bind(at, failed);
  if (!failed) acceptor.listen(kBacklog, failed);
  if (!failed) acceptor.non_blocking(true, failed);
  if (failed) {
    std::ostringstream text;
    text << "listen on " << at;
    return Error(failed, std::move(text).str());
  }
  const std::uint16_t port = acceptor.local_endpoint(failed).port();
  auto listener =
      std::make_unique<Listener>(Listener{std::move(acceptor), settings_->port, settings_->listen, port});
  if (listener_ != nullptr) listener_->acceptor.close(failed);  // its tunnels go on
  listener_ = listener.get();
  log::info("proxy", "listens", {{"port", port}});
  tasks_.spawn("zone proxy accepts", accept(std::move(listener)));
  return {};
}

// One is waited for by accepting it: that a listener is readable cannot be waited for on Windows.
Task<> Proxy::accept(std::unique_ptr<Listener> listener) {
  while (listener->acceptor.is_open()) {
    Worker& worker = idlest_worker();
    tcp::endpoint source;
    boost::system::error_code failed;
    Socket socket = co_await listener->acceptor.async_accept(
        worker.context(), source, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted || failed == asio::error::bad_descriptor) break;
    if (!failed) arrived(worker, std::move(socket), source);
    const bool room = failed ? can_go_on(failed) : accept_more(*listener);
    if (!room) co_await sleep_for(kNoFilesPause);
  }
  if (listener_ == listener.get()) listener_ = nullptr;
}

Worker& Proxy::idlest_worker() {
  std::size_t chosen = next_worker_ % workers_.size();
  for (std::size_t at = 0; at < workers_.size(); ++at) {
    if (workers_[at]->tunnels() < workers_[chosen]->tunnels()) chosen = at;
  }
  ++next_worker_;
  return *workers_[chosen];
}

// What came besides. False: the system may have nothing left for another connection.
bool Proxy::accept_more(Listener& listener) {
  for (int i = 1; i < kAcceptsAtOnce; ++i) {
    Worker& worker = idlest_worker();
    tcp::endpoint source;
    boost::system::error_code failed;
    Socket socket = listener.acceptor.accept(worker.context(), source, failed);
    if (failed == asio::error::would_block || failed == asio::error::try_again) return true;
    if (failed && !can_go_on(failed)) return false;
    if (!failed) arrived(worker, std::move(socket), source);
  }
  return true;
}

void Proxy::arrived(Worker& worker, Socket socket, const tcp::endpoint& source) {
  Arrival arrival{std::move(socket), Source{address_of(source.address()), source.port()}, 0, {}};
  const Limits& limits = policy_->limits;
  const access::Verdict verdict = policy_->rules->check(arrival.source.address);
  const std::size_t of_source = sources_.add(arrival.source.address);
  arrival.rule = verdict.line;
  if (!verdict.allowed) {
    arrival.refusal = {403, "the network restrictions do not let " + access::to_text(arrival.source.address) +
                                " in" +
                                (verdict.line == 0 ? "" : " (line " + std::to_string(verdict.line) + ")")};
  } else if (sources_.total() > limits.connections) {
    arrival.refusal = {429, "this proxy has its " + std::to_string(limits.connections) + " connections"};
  } else if (of_source > limits.connections_per_source) {
    arrival.refusal = {429, access::to_text(arrival.source.address) + " has its " +
                                std::to_string(limits.connections_per_source) + " connections"};
  }
  if (arrival.refusal) sources_.remove(arrival.source.address);
  worker.take(std::move(arrival));
}

// --- what became of them ----------------------------------------------------------------------------

void Proxy::ended(const Report& report) {
  if (report.counted) sources_.remove(report.source.address);
  switch (report.verdict) {
    case Verdict::tunnel:
      ++counters_.accepted;
      break;
    case Verdict::redirect:
      ++counters_.redirected;
      break;
    case Verdict::refused:
    case Verdict::failed:
      ++counters_.refused;
      break;
    case Verdict::left:
      ++counters_.left;
      break;
  }
  if (report.status != 0) ++counters_.by_status[report.status];
  if (report.verdict == Verdict::failed && reach_warning_.empty()) {
    reach_warning_ = report.reason;
    changed_.set();
  }
  if (options_.log) options_.log->write(log_line(report, wall_seconds()));
}

control::ZoneProxyState Proxy::state() const {
  control::ZoneProxyState state;
  state.listening = listener_ != nullptr;
  if (settings_ && listener_ != nullptr) state.address = own_host() + ":" + std::to_string(listener_->port);
  if (!state.listening) state.reason = reason_;
  state.refused = counters_.refused;
  state.accepted = counters_.accepted;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    state.tunnels += worker->tunnels();
    state.bytes += worker->bytes();
  }
  state.accepted += state.tunnels;  // counted at their end
  if (settings_) state.warnings = settings_->warnings;
  if (!fault_.empty() && state.listening)
    state.warnings.push_back("the last settings are not in use: " + fault_);
  if (settings_ && settings_->host.empty() && !name_warning_.empty()) state.warnings.push_back(name_warning_);
  if (!reach_warning_.empty()) state.warnings.push_back(reach_warning_);
  return state;
}

void Proxy::show() {
  control::ZoneProxyState now = state();
  if (shown_ && same_state(*shown_, now)) return;
  if (options_.show) options_.show(now);
  shown_ = std::move(now);
}

Task<> Proxy::tell_each_minute() {
  while (true) {
    co_await sleep_for(kTellEvery);
    if (listener_ != nullptr && options_.show) options_.show(state());
  }
}

void Proxy::reopen_log() {
  if (options_.log) options_.log->reopen();
}

}  // namespace jump::proxy
