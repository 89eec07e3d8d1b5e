#include "common/endpoint/supervisor.h"

#include <filesystem>

#include "common/base/alarm.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/endpoint/absence.h"
#include "common/endpoint/new_identity.h"
#include "common/identity/random.h"
#include "platform/files.h"
#include "platform/independent.h"
#include "platform/local_stream.h"
#include "platform/machine.h"
#include "platform/ownership.h"
#include "platform/program.h"

namespace jump::endpoint {
namespace {

constexpr auto kRestartLeast = std::chrono::milliseconds(200);
constexpr auto kRestartMost = std::chrono::seconds(30);
constexpr auto kHealthy =
    std::chrono::seconds(60);  // a tunnel process that lived so long starts again at once
constexpr auto kStopLimit = std::chrono::seconds(8);
constexpr int kSilentLooks = 4;
constexpr std::uint64_t kTunnelMemory =
    1024ULL * 1024 * 1024;  // Windows; on Linux the unit has a limit for all
constexpr std::size_t kZoneProxiesMost = 64;

std::string unit_name(const std::string& program, const control::SessionId& session) {
  return program + "-session-" + to_hex(session).substr(0, 12);
}

}  // namespace

Supervisor::Supervisor(asio::any_io_executor executor, SupervisorOptions options, EndpointState state)
    : executor_(executor),
      options_(std::move(options)),
      state_(std::move(state)),
      tasks_(executor),
      over_(executor),
      start_nonce_(identity::random_array<16>()),
      instance_(identity::random_array<16>()),
      helpers_(executor, {options_.own_path, options_.rules.tunnel_user},
               [this](control::JobReport report) { return tell_job(std::move(report)); }) {}

Supervisor::~Supervisor() = default;

Task<Result<SupervisorEnd>> Supervisor::run() {
  const Result<std::string> boot = platform::boot_id();
  if (!boot) co_return boot.error();
  boot_id_ = *boot;
  Result<std::string> program = platform::independent_program(options_.own_path, options_.data + "/programs");
  if (!program) co_return program.error();
  session_program_ = std::move(*program);
  verifier_ =
      std::make_unique<identity::OrderVerifier>(state_.trust.order_keys(), state_.peer_id, start_nonce_);
  tasks_.spawn("tunnel process", keep_tunnel());
  if (notify_.watchdog_interval()) tasks_.spawn("watchdog", watchdog());
  tasks_.spawn("absence", count_absence());
  if (options_.proxy) {
    proxy_ = std::make_unique<ProxyKeeper>(executor_, options_.own_path, *options_.proxy);
    proxy_->set(proxy_input());
    tasks_.spawn("zone proxy", proxy_->run());
    tasks_.spawn("zone proxy state", tell_proxy_state());
  }
  notify_.ready();
  Alarm settled(executor_, platform::trim_memory);
  settled.set(BootClock::now() + platform::kSettled);
  while (!end_ && !fatal_) co_await over_.wait();
  notify_.stopping();
  if (channel_ && end_) {
    const FamilyMessage stop =
        Stop{end_ == SupervisorEnd::stopped ? "the service is stopping" : "the service is uninstalled"};
    // The tunnel process says goodbye and exits; sessions stay, their processes wait for the next one.
    co_await channel_->send(stop);
  }
  if (end_) {
    const Instant until = BootClock::now() + kStopLimit;
    while (channel_ && BootClock::now() < until) co_await sleep_for(std::chrono::milliseconds(20));
  }
  co_await tasks_.stop();
  if (fatal_) co_return *fatal_;
  co_return *end_;
}

void Supervisor::stop() {
  if (!end_) end_ = SupervisorEnd::stopped;
  over_.set();
}

Task<> Supervisor::watchdog() {
  while (true) {
    notify_.watchdog();
    co_await sleep_for(*notify_.watchdog_interval());
  }
}

Task<> Supervisor::count_absence() {
  Absence absence(state_.absent_seconds);
  Instant last = BootClock::now();
  while (true) {
    co_await sleep_for(Absence::kLook);
    const Instant now = BootClock::now();
    absence.look(reached_, now - last);
    last = now;
    state_.absent_seconds = absence.seconds();
    if (absence.unsaved() && save_state(options_.data, state_)) absence.saved();
    if (!absence.over(state_.absence_minutes)) continue;
    log::warning("supervisor", "the appliance was not reached for too long: this machine is given up",
                 {{"minutes", state_.absence_minutes}});
    end_ = SupervisorEnd::uninstalled;
    over_.set();
    co_return;
  }
}

Begin Supervisor::begin() const {
  Begin begin;
  begin.role = options_.role;
  begin.peer_id = state_.peer_id;
  begin.software = options_.software;
  begin.boot_id = boot_id_;
  begin.start_nonce = start_nonce_;
  begin.instance = instance_;
  // Of the machine as it is now: a copied disk has brought its state along.
  if (const Result<Bytes> salt = from_hex(state_.site_salt); salt && !salt->empty()) {
    begin.fingerprint_parts = identity::hash_parts(platform::fingerprint_parts(), *salt);
    begin.fingerprint = identity::summary(*begin.fingerprint_parts);
  }
  begin.identity_folder = identity_folder(options_.data);
  begin.session_socket = session_socket(options_.run);
  begin.status_socket = status_socket(options_.run);
  begin.session_user = session_user_of(options_.rules, state_);
  begin.kinds = options_.rules.kinds;
  begin.abilities = options_.abilities;
  begin.trust = state_.trust;
  begin.routes = options_.routes;
  begin.routes.addresses = state_.addresses;
  for (const std::string& address : options_.routes.addresses) {
    if (std::find(state_.addresses.begin(), state_.addresses.end(), address) == state_.addresses.end()) {
      begin.routes.addresses.push_back(address);
    }
  }
  for (const std::string& proxy : state_.zone_proxies) begin.routes.zone_proxies.push_back(proxy);
  begin.addresses_serial = state_.addresses_serial;
  begin.absence_minutes = state_.absence_minutes;
  return begin;
}

Task<> Supervisor::keep_tunnel() {
  Duration pause = kRestartLeast;
  while (!end_) {
    const Instant started = BootClock::now();
    const Result<void> ended = co_await run_tunnel();
    channel_.reset();
    if (end_) co_return;
    log::warning(
        "supervisor", "the tunnel process ended; it is started again",
        {{"reason", ended ? std::string("exit") : ended.error().message()}, {"in_ms", milliseconds(pause)}});
    co_await sleep_for(pause);
    pause = BootClock::now() - started > kHealthy ? Duration(kRestartLeast)
                                                  : std::min<Duration>(pause * 2, kRestartMost);
  }
}

Task<Result<void>> Supervisor::run_tunnel() {
  Result<std::pair<platform::Handle, platform::Handle>> pair = platform::local_pair();
  if (!pair) co_return pair.error();
  platform::ProcessSpec spec;
  spec.argv = {options_.own_path, "tunnel"};
  spec.env = platform::service_environment();
  spec.confined = true;
  spec.memory_bytes = kTunnelMemory;
  spec.input = pair->second.get();
  spec.output = platform::standard_error();
  spec.error_output = platform::standard_error();
  Result<std::optional<platform::User>> user = prepare_tunnel_user();
  if (!user) co_return user.error();
  spec.user = *user;
  Result<platform::Process> process = platform::Process::start(executor_, spec);
  if (!process) co_return wrap(process.error(), "start the tunnel process");
  pair->second.close();
  channel_ = std::make_unique<FamilyChannel>(executor_, std::move(pair->first));
  const FamilyMessage first = begin();
  Result<void> sent = co_await channel_->send(first);
  if (!sent) co_return sent.error();
  if (proxy_) proxy_->changed().set();
  TaskGroup beside(executor_);
  beside.spawn("silence of the tunnel process", end_when_silent(*process));
  Task<Result<void>> listening = listen_to_tunnel();
  Result<void> heard = co_await and_stop(beside, std::move(listening));
  if (!heard) co_return heard.error();
  process->kill();
  const Result<platform::ExitStatus> exit = co_await process->wait();
  if (!exit) co_return exit.error();
  if (exit->signal) co_return Error(Fault::closed, "killed by SIG" + *exit->signal);
  co_return Error(Fault::closed, "exit status " + std::to_string(exit->status.value_or(0)));
}

// Its folders are its own; ours stay ours. nullopt: it runs as we do.
Result<std::optional<platform::User>> Supervisor::prepare_tunnel_user() const {
  const std::string sockets = tunnel_folder(options_.run);
  const std::string& name = options_.rules.tunnel_user;
  const std::optional<platform::User> made_for_it = name.empty() ? platform::network_user() : std::nullopt;
  Result<platform::User> user = made_for_it    ? Result<platform::User>(*made_for_it)
                                : name.empty() ? platform::current_user()
                                               : platform::find_user(name);
  if (!user) return user.error();
  std::error_code failed;
  const Result<platform::User> before = platform::owner_of(sockets);
  if (before && before->uid != user->uid) std::filesystem::remove_all(sockets, failed);
  const bool missing = !before || before->uid != user->uid;
  Result<void> done = missing ? platform::make_folder(sockets) : Result<void>();
  if (done) done = platform::give_folder(sockets, *user);
  if (done && !name.empty()) done = platform::make_folder(options_.data);
  if (done) done = platform::give_folder(identity_folder(options_.data), *user);
  if (!done) return done.error();
  if (name.empty() && !made_for_it) return std::optional<platform::User>();
  return std::optional<platform::User>(std::move(*user));
}

// It tells its status every kAliveEvery, whatever happens to the network. Looks are counted and not time:
// after standby nothing is late.
Task<> Supervisor::end_when_silent(platform::Process& process) {
  for (int silent = 0; silent < kSilentLooks; ++silent) {
    heard_ = false;
    co_await sleep_for(kAliveEvery);
    if (heard_) silent = -1;
  }
  log::warning("supervisor", "the tunnel process says nothing any more: it is ended");
  process.kill();
}

Task<Result<void>> Supervisor::listen_to_tunnel() {
  while (true) {
    Result<FamilyMessage> message = co_await channel_->receive();
    if (!message) co_return Result<void>();
    heard_ = true;
    if (auto* order = std::get_if<OrderArrived>(&*message)) {
      tasks_.spawn("order", on_order(std::move(order->order)));
    } else if (const auto* identity = std::get_if<NewIdentity>(&*message)) {
      const Result<void> taken = take_identity(*identity);
      if (taken) co_return Result<void>();
      log::warning("supervisor", "a new identity was refused", {{"reason", taken.error().message()}});
    } else if (const auto* status = std::get_if<TunnelStatus>(&*message)) {
      show(*status);
    } else {
      co_return Error(Fault::malformed, "the tunnel process sent what only the supervisor may send");
    }
  }
}

void Supervisor::show(const TunnelStatus& status) {
  live_sessions_ = status.sessions;
  // A refusal is an answer too. While it dials again, what was true last holds.
  if (status.state == TunnelState::online || status.state == TunnelState::refused) reached_ = true;
  if (status.state == TunnelState::waiting) reached_ = false;
  switch (status.state) {
    case TunnelState::online:
      notify_.status("online as " + status.peer_id + " by " + status.route + ", " +
                     std::to_string(status.sessions) + " sessions");
      break;
    case TunnelState::connecting:
      notify_.status("connecting to " + status.appliance);
      break;
    case TunnelState::waiting:
      notify_.status("offline, will try again: " + status.reason);
      break;
    case TunnelState::refused:
      notify_.status("refused: " + status.reason);
      break;
  }
}

// Whatever comes here may be forged: the tunnel process faces the network.
Task<> Supervisor::on_order(Bytes bytes) {
  Result<identity::Order> order = verifier_->accept(bytes);
  if (!order) {
    ++refused_orders_;
    log::warning("supervisor", "an order was refused",
                 {{"reason", order.error().message()}, {"refused", refused_orders_}});
    co_return;
  }
  Result<void> done;
  switch (order->kind) {
    case identity::OrderKind::start_session:
      co_await start_session(std::move(*order));
      co_return;
    case identity::OrderKind::uninstall:
      log::info("supervisor", "the appliance orders to uninstall");
      end_ = SupervisorEnd::uninstalled;
      over_.set();
      co_return;
    case identity::OrderKind::trust_bundle:
      done = take_bundle(*order);
      break;
    case identity::OrderKind::addresses:
      done = take_addresses(*order);
      break;
    case identity::OrderKind::settings:
      done = take_settings(*order);
      break;
    case identity::OrderKind::wake:
      co_await start_wake(std::move(*order));
      co_return;
    case identity::OrderKind::browse:
      co_await start_browse(std::move(*order));
      co_return;
  }
  if (!done) {
    log::warning("supervisor", "an order could not be carried out", {{"reason", done.error().message()}});
    co_return;
  }
  Renewed renewed;
  renewed.trust = state_.trust;
  renewed.addresses = state_.addresses;
  renewed.addresses_serial = state_.addresses_serial;
  renewed.zone_proxies = state_.zone_proxies;
  renewed.absence_minutes = state_.absence_minutes;
  if (channel_) {
    const FamilyMessage message = std::move(renewed);
    co_await channel_->send(message);
  }
}

Task<> Supervisor::start_session(identity::Order order) {
  Result<identity::Ticket> ticket = from_json<identity::Ticket>(order.body);
  OrderResult result;
  if (ticket) {
    result.start.session = ticket->session;
    Result<void> started = co_await start_session_process(std::move(*ticket));
    result.start.started = started.has_value();
    if (!started) {
      result.start.text = started.error().message();
      log::warning("supervisor", "a session could not start", {{"reason", result.start.text}});
    }
  } else {
    log::warning("supervisor", "a ticket makes no sense", {{"reason", ticket.error().message()}});
    co_return;
  }
  if (!channel_) co_return;
  const FamilyMessage message = std::move(result);
  co_await channel_->send(message);
}

std::string Supervisor::refusal_of(std::string_view kind) const {
  const std::vector<std::string>& allowed = options_.rules.kinds;
  if (std::find(allowed.begin(), allowed.end(), kind) != allowed.end()) return "";
  return "'" + std::string(kind) + "' is not allowed by this endpoint's configuration";
}

Task<> Supervisor::start_wake(identity::Order order) {
  Result<wake::WakeOrder> job = from_json<wake::WakeOrder>(order.body);
  if (!job) {
    log::warning("supervisor", "an order to wake makes no sense", {{"reason", job.error().message()}});
    co_return;
  }
  Task<> working = helpers_.wake(std::move(*job), refusal_of("wake"));
  co_await std::move(working);
}

Task<> Supervisor::start_browse(identity::Order order) {
  Result<wake::BrowseOrder> job = from_json<wake::BrowseOrder>(order.body);
  if (!job) {
    log::warning("supervisor", "an order to browse makes no sense", {{"reason", job.error().message()}});
    co_return;
  }
  Task<> working = helpers_.browse(std::move(*job), refusal_of("browse"));
  co_await std::move(working);
}

Task<> Supervisor::tell_job(control::JobReport report) {
  if (!channel_) co_return;  // the appliance has seen that the tunnel is gone
  const FamilyMessage message = std::move(report);
  co_await channel_->send(message);
}

Task<Result<void>> Supervisor::start_session_process(identity::Ticket ticket) {
  const std::string kind = boost::describe::enum_to_string(ticket.kind, "?");
  if (std::find(options_.rules.kinds.begin(), options_.rules.kinds.end(), kind) ==
      options_.rules.kinds.end()) {
    co_return Error(Fault::refused,
                    "sessions of kind '" + kind + "' are not allowed by this endpoint's configuration");
  }
  if (ticket.endpoint_secret.size() != 32)
    co_return Error(Fault::malformed, "the ticket's secret has not 32 bytes");
  // As the tunnel process counts those that are attached: a limit on what the appliance asks for, not on a
  // liar.
  if (live_sessions_ >= options_.rules.most_sessions) {
    co_return Error(Fault::refused, "this endpoint runs " + std::to_string(options_.rules.most_sessions) +
                                        " sessions already, its limit");
  }
  SessionSetup setup;
  const std::string& session_user = session_user_of(options_.rules, state_);
  setup.socket = session_socket(options_.run);
  setup.session_user = session_user;
  setup.forward_allow = options_.rules.forward_allow;
  setup.memory_bytes = options_.rules.session_memory_bytes;
  setup.shell = options_.rules.shell;
  platform::IndependentSpec spec;
  spec.name = unit_name(options_.program, ticket.session);
  spec.description = "session of " + printable(ticket.representative, 64) + " (" + kind + ")";
  spec.argv = {session_program_, "session"};
  spec.env = platform::service_environment();
  spec.private_folder = options_.data + "/private";
  spec.slice = "jump-sessions.slice";
  if (options_.rules.session_memory_bytes > 0) spec.memory_bytes = options_.rules.session_memory_bytes;
  if (!session_user.empty()) {
    Result<platform::User> user = platform::find_user(session_user);
    if (!user) co_return user.error();
    const Result<platform::User> own = platform::current_user();
    if (!own || own->uid != user->uid) spec.user = *user;
  }
  log::info("supervisor", "a session starts",
            {{"session", to_hex(ticket.session)}, {"kind", kind}, {"representative", ticket.representative}});
  setup.ticket = std::move(ticket);
  spec.input = Secret(to_json_text(setup));
  co_return co_await platform::start_independent(std::move(spec));
}

Result<void> Supervisor::take_identity(const NewIdentity& message) {
  const Result<std::string> name = believe_new_identity(message, state_, start_nonce_);
  if (!name) return name.error();
  log::info("supervisor", "this machine was a copy of another and is an asset of its own now",
            {{"was", state_.peer_id}, {"is", *name}});
  EndpointState state = state_;
  state.peer_id = *name;
  state.enrolled = wall_seconds();
  Result<void> saved = save_state(options_.data, state);
  if (!saved) return saved;
  state_ = std::move(state);
  verifier_ =
      std::make_unique<identity::OrderVerifier>(state_.trust.order_keys(), state_.peer_id, start_nonce_);
  return {};
}

Result<void> Supervisor::take_bundle(const identity::Order& order) {
  const Result<identity::TrustBundleOrder> body = from_json<identity::TrustBundleOrder>(order.body);
  if (!body) return body.error();
  Result<identity::TrustBundle> bundle = identity::open_bundle(body->bundle, state_.trust);
  if (!bundle) return bundle.error();
  state_.trust = std::move(*bundle);
  verifier_->set_keys(state_.trust.order_keys());
  log::info("supervisor", "a new trust bundle", {{"serial", state_.trust.serial}});
  return save_state(options_.data, state_);
}

Result<void> Supervisor::take_addresses(const identity::Order& order) {
  const Result<identity::AddressesOrder> body = from_json<identity::AddressesOrder>(order.body);
  if (!body) return body.error();
  if (body->addresses.empty() || body->addresses.size() > 16)
    return Error(Fault::invalid, "1 to 16 addresses are possible");
  if (body->serial <= state_.addresses_serial) return {};
  state_.addresses = body->addresses;
  state_.addresses_serial = body->serial;
  log::info("supervisor", "new addresses of the appliance", {{"serial", body->serial}});
  if (proxy_) proxy_->set(proxy_input());
  return save_state(options_.data, state_);
}

Result<void> Supervisor::take_settings(const identity::Order& order) {
  Result<identity::SettingsOrder> body = from_json<identity::SettingsOrder>(order.body);
  if (!body) return body.error();
  if (body->zone_proxies.size() > kZoneProxiesMost) {
    return Error(Fault::too_large, std::to_string(body->zone_proxies.size()) + " zone proxies, at most " +
                                       std::to_string(kZoneProxiesMost) + " are taken");
  }
  // None listens now: when one does again it is most likely where it was, and nobody could tell us then.
  if (!body->zone_proxies.empty()) state_.zone_proxies = std::move(body->zone_proxies);
  state_.zone_proxy = std::move(body->zone_proxy);
  state_.absence_minutes = body->absence_minutes;
  if (proxy_) proxy_->set(proxy_input());
  return save_state(options_.data, state_);
}

std::optional<ProxyInput> Supervisor::proxy_input() const {
  if (!state_.zone_proxy) return std::nullopt;
  ProxyInput input;
  input.settings = *state_.zone_proxy;
  input.targets = state_.addresses;
  return input;
}

// To the tunnel process that runs now; one that starts later is told with its beginning.
Task<> Supervisor::tell_proxy_state() {
  while (true) {
    co_await proxy_->changed().wait();
    if (!channel_ || !proxy_->state()) continue;
    const FamilyMessage message = *proxy_->state();
    co_await channel_->send(message);
  }
}

}  // namespace jump::endpoint
