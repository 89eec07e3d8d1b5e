#include "tools/appliance/tunnels/office.h"

#include <unistd.h>

#include "common/base/log.h"
#include "platform/files.h"
#include "tools/appliance/api/absence.h"
#include "tools/appliance/tunnels/peer.h"

namespace jump::appliance {
namespace {

constexpr auto kAnswerLook = std::chrono::milliseconds(50);

std::int64_t wall_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "jump-client 0.1.0 (linux x86_64)" → "0.1.0"
std::string version_of(const std::string& software) {
  const std::size_t begin = software.find(' ');
  if (begin == std::string::npos) return software;
  return software.substr(begin + 1, software.find(' ', begin + 1) - begin - 1);
}

}  // namespace

Office::Office(asio::any_io_executor executor, Database& database, Keys& keys, PresenceTable& presence,
               RevocationTable& revocations, OfficeOptions options)
    : executor_(executor),
      database_(database),
      keys_(keys),
      presence_(presence),
      revocations_(revocations),
      options_(std::move(options)),
      started_(BootClock::now()),
      tasks_(executor),
      hub_(executor, hub_events()),
      wakes_(executor, tasks_, presence,
             {[this](const store::Endpoint& to, identity::OrderKind kind, json::value body) {
                return order(to, kind, std::move(body));
              },
              [this](store::Event told) { event(std::move(told)); }}),
      sweeps_(executor, tasks_, presence,
              {[this](const store::Endpoint& to, identity::OrderKind kind, json::value body) {
                 return order(to, kind, std::move(body));
               },
               [this](store::Event told) { event(std::move(told)); }}) {}

Office::~Office() = default;

std::int64_t Office::run_seconds() const {
  return options_.run_before +
         std::chrono::duration_cast<std::chrono::seconds>(BootClock::now() - started_).count();
}

Task<Result<void>> Office::load() {
  struct Loaded {
    std::vector<store::Session> live;
    std::vector<store::Certificate> revoked;
    store::SiteSettings site;
  };
  const std::int64_t run = run_seconds();
  auto read = [run](Backend& backend) -> Result<Loaded> {
    const std::int64_t now = wall_seconds();
    Loaded loaded;
    Result<void> offline = backend.store->jump_clients.all_offline(run, now);
    if (offline) offline = backend.store->jumpoints.all_offline(now);
    if (!offline) return offline.error();
    Result<std::vector<store::Session>> live = backend.store->sessions.live();
    if (!live) return live.error();
    loaded.live = std::move(*live);
    Result<std::vector<store::Certificate>> revoked = backend.store->certificates.revoked(now);
    if (!revoked) return revoked.error();
    loaded.revoked = std::move(*revoked);
    Result<store::SiteSettings> site = backend.store->settings.site();
    if (!site) return site.error();
    loaded.site = std::move(*site);
    return loaded;
  };
  Result<Loaded> loaded = co_await database_.run(read);
  if (!loaded) co_return loaded.error();
  site_ = std::move(loaded->site);
  for (const store::Certificate& one : loaded->revoked) revocations_.add(one.serial, one.reason);
  const bool required = site_.recording == store::Recording::required;
  for (store::Session& row : loaded->live) {
    Result<std::unique_ptr<Recorder>> recorder =
        row.recording.empty() ? std::unique_ptr<Recorder>() : record(row);
    if (!recorder && required) {
      session_over(
          row,
          {mux::Reason::failed, "the recording could not be opened again: " + recorder.error().message()}, 0);
      continue;
    }
    hub_.add(std::move(row), recorder ? std::move(*recorder) : nullptr, required);
  }
  if (hub_.size() > 0) log::info("office", "sessions wait for their ends", {{"sessions", hub_.size()}});
  co_return Result<void>();
}

void Office::start(TaskGroup& tasks) {
  const auto sync = [this](std::vector<int> descriptors) {
    // On the database thread: a slow disk must not hold up a keystroke.
    tasks_.spawn("sync", run_quietly([descriptors = std::move(descriptors)](Backend&) -> Result<void> {
                   for (const int descriptor : descriptors) {
                     ::fdatasync(descriptor);
                     ::close(descriptor);
                   }
                   return {};
                 }));
  };
  tasks.spawn("hub", hub_.watch(sync));
  tasks.spawn("presence", write_presence());
  tasks.spawn("keys", keep_keys());
  tasks.spawn("recordings", keep_recordings());
  tasks.spawn("absence", apply_absence());
}

Task<> Office::run_quietly(std::function<Result<void>(Backend&)> work) {
  const Result<void> done = co_await database_.run(std::move(work));
  if (!done) log::error("office", "the database refused a change", {{"error", done.error().message()}});
}

// --- tunnels
// -------------------------------------------------------------------------------------------------

Peer* Office::endpoint(const store::Endpoint& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? nullptr : found->second;
}

void Office::add_endpoint(const store::Endpoint& endpoint, Peer& peer) {
  endpoints_[endpoint] = &peer;
  hub_.endpoint_back(endpoint);
  const std::string route = peer.hello()->route.value_or("");
  presence_.connected(endpoint,
                      {wall_seconds(), route, static_cast<std::uint32_t>(hub_.of_endpoint(endpoint))});
  store::PresenceChange change;
  change.kind = store::PresenceChange::Kind::connected;
  change.route = route;
  change.boot_id = peer.hello()->boot_id;
  change.public_ip = peer.remote_address();
  change.software_version = version_of(peer.hello()->software);
  presence(endpoint, std::move(change));
  wakes_.came(endpoint);
}

void Office::remove_endpoint(const store::Endpoint& endpoint, const Peer& peer) {
  const auto found = endpoints_.find(endpoint);
  if (found == endpoints_.end() || found->second != &peer) return;
  endpoints_.erase(found);
  presence_.disconnected(endpoint);
  hub_.endpoint_gone(endpoint);
  wakes_.went(endpoint);
  sweeps_.went(endpoint);
  store::PresenceChange change;
  change.kind = store::PresenceChange::Kind::disconnected;
  presence(endpoint, std::move(change));
}

Task<bool> Office::answers(store::Endpoint who, Duration limit) {
  const Instant asked = BootClock::now();
  if (Peer* const peer = endpoint(who)) peer->ping();
  while (BootClock::now() - asked < limit) {
    // Another one each time: the tunnel may end meanwhile, and its Peer with it.
    const Peer* const peer = endpoint(who);
    if (peer == nullptr) co_return false;
    if (peer->last_heard() > asked) co_return true;
    co_await sleep_for(kAnswerLook);
  }
  co_return false;
}

void Office::presence(const store::Endpoint& endpoint, store::PresenceChange change) {
  change.agent = endpoint.id;
  change.at = wall_seconds();
  change.run = run_seconds();
  (endpoint.node() ? node_presence_changes_ : presence_changes_).push_back(std::move(change));
}

void Office::job_report(const store::Endpoint& from, const control::JobReport& report) {
  if (report.job == control::HelperJob::wake) {
    wakes_.reported(from, report);
  } else {
    sweeps_.reported(from, report);
  }
}

void Office::drain(std::uint32_t spread_ms) {
  wakes_.close();
  // The ones told last come back last: a restart is not a storm.
  std::uint32_t index = 0;
  const std::size_t count = endpoints_.size() + consoles_.size();
  const auto tell = [&](Peer& peer) {
    const auto share =
        static_cast<std::uint32_t>(std::uint64_t{spread_ms} * index++ / std::max<std::size_t>(count, 1));
    peer.go_away(mux::GoAway::shutting_down, "the appliance restarts", share);
  };
  for (Peer* console : consoles_) tell(*console);
  for (const auto& [endpoint, peer] : endpoints_) tell(*peer);
}

// --- orders
// --------------------------------------------------------------------------------------------------

bool Office::order(const store::Endpoint& to, identity::OrderKind kind, json::value body) {
  Peer* peer = endpoint(to);
  return peer != nullptr && order_to(*peer, kind, std::move(body));
}

bool Office::order_to(Peer& peer, identity::OrderKind kind, json::value body) {
  if (!peer.hello()->start_nonce) return false;
  identity::Order order;
  order.kind = kind;
  order.audience = peer.who();
  order.start_nonce = *peer.hello()->start_nonce;
  order.serial = keys_.next_order_serial(wall_micros());
  order.issued = wall_seconds();
  order.expires_after_seconds = static_cast<std::uint32_t>(limits::kTicketLife.count());
  order.body = std::move(body);
  Result<Bytes> bytes = keys_.sign(order);
  if (!bytes) {
    log::error("office", "an order could not be signed", {{"error", bytes.error().message()}});
    return false;
  }
  peer.tell(control::OrderDelivery{std::move(*bytes)});
  return true;
}

// --- what the API decided
// --------------------------------------------------------------------------------------

void Office::carry_out(const api::Effects& effects) {
  for (const api::Effect& effect : effects) {
    if (const auto* uninstall = std::get_if<api::UninstallEndpoint>(&effect)) {
      const char* what = uninstall->endpoint.node() ? "the node was removed" : "the asset was removed";
      hub_.finish_if([&](const store::Session& row) { return row.endpoint() == uninstall->endpoint; },
                     {mux::Reason::ended_by_administrator, what});
      if (Peer* peer = endpoint(uninstall->endpoint)) {
        order_to(*peer, identity::OrderKind::uninstall,
                 to_json(identity::UninstallOrder{"removed at the appliance"}));
        peer->go_away(mux::GoAway::removed, "removed at the appliance");
      }
    } else if (const auto* disable = std::get_if<api::DisableAgent>(&effect)) {
      const store::Endpoint disabled = store::agent_endpoint(disable->agent);
      hub_.finish_if([&](const store::Session& row) { return row.endpoint() == disabled; },
                     {mux::Reason::ended_by_administrator, disable->reason});
      if (Peer* peer = endpoint(disabled)) peer->go_away(mux::GoAway::disabled, disable->reason, 60000);
    } else if (const auto* refresh = std::get_if<api::RefreshAgent>(&effect)) {
      tasks_.spawn("absence of one", tell_absence({refresh->agent}));
    } else if (const auto* revoke = std::get_if<api::RevokeCertificate>(&effect)) {
      revocations_.add(revoke->serial, revoke->reason);
      Peer* peer = endpoint(revoke->endpoint);
      if (peer != nullptr && peer->certificate_serial() == revoke->serial) {
        peer->go_away(mux::GoAway::unauthenticated, "the certificate was revoked: " + revoke->reason);
      }
    } else if (const auto* end = std::get_if<api::EndSession>(&effect)) {
      if (LiveSession* session = hub_.find(end->session)) {
        session->finish({mux::Reason::ended_by_administrator, end->reason});
      }
    } else if (const auto* token = std::get_if<api::CloseToken>(&effect)) {
      for (Peer* console : consoles_) {
        if (console->user() && console->user()->token.id == token->token) {
          console->go_away(mux::GoAway::unauthenticated, token->reason);
        }
      }
    } else if (std::holds_alternative<api::AnnounceAddresses>(effect)) {
      tasks_.spawn("announce", announce_addresses());
    } else if (const auto* changed = std::get_if<api::SettingsChanged>(&effect)) {
      tasks_.spawn("settings", read_site(changed->agents_too));
    } else if (const auto* zone = std::get_if<api::ZoneChanged>(&effect)) {
      zone_changed(zone->jumpoint);
    } else if (const auto* wake = std::get_if<api::WakeMachine>(&effect)) {
      wakes_.begin(*wake);
    } else if (const auto* browse = std::get_if<api::BrowseNetwork>(&effect)) {
      sweeps_.begin(*browse);
    }
  }
}

Task<> Office::read_site(bool agents_too) {
  auto read = [](Backend& backend) { return backend.store->settings.site(); };
  Result<store::SiteSettings> site = co_await database_.run(read);
  if (!site) co_return;
  site_ = std::move(*site);
  // Nobody may look at what was found any more: it is not kept either.
  if (!site_.network_browsing) presence_.forget_ended_sweeps();
  if (!agents_too) co_return;
  control::ReportSettings reports;
  reports.interval_seconds = site_.statistics_interval_seconds;
  reports.statistics = site_.statistics;
  for (const auto& [endpoint, peer] : endpoints_) peer->tell(reports);
  co_await tell_absence_to_all();
}

Task<> Office::announce_addresses() {
  co_await read_site(false);
  const identity::AddressesOrder order{site_.addresses_serial, site_.addresses};
  for (const auto& [endpoint, peer] : endpoints_)
    order_to(*peer, identity::OrderKind::addresses, to_json(order));
}

Task<Result<void>> Office::reloaded() {
  auto reload = [](Backend& backend) {
    backend.store->settings.reload();
    return Result<void>();
  };
  Result<void> done = co_await database_.run(reload);
  if (!done) co_return done;
  const std::uint64_t addresses = site_.addresses_serial;
  co_await read_site(true);
  const identity::TrustBundleOrder bundle{keys_.authority().signed_bundle()};
  const identity::AddressesOrder told{site_.addresses_serial, site_.addresses};
  for (Peer* console : consoles_) console->tell(control::TrustNotice{bundle.bundle});
  for (const auto& [endpoint, peer] : endpoints_) {
    order_to(*peer, identity::OrderKind::trust_bundle, to_json(bundle));
    if (site_.addresses_serial != addresses) order_to(*peer, identity::OrderKind::addresses, to_json(told));
  }
  co_return Result<void>();
}

void Office::event(store::Event event) {
  if (event.at == 0) event.at = wall_seconds();
  events_.push_back(std::move(event));
}

// --- background
// ------------------------------------------------------------------------------------------------

// Once a second, one transaction: who came, who went, what happened.
Task<> Office::write_presence() {
  std::int64_t stored_run = 0;
  while (true) {
    co_await sleep_for(std::chrono::seconds(1));
    auto changes = std::exchange(presence_changes_, {});
    auto nodes = std::exchange(node_presence_changes_, {});
    auto events = std::exchange(events_, {});
    const std::int64_t run = run_seconds();
    const bool store_run = run >= stored_run + 60;
    if (store_run) stored_run = run;
    if (changes.empty() && nodes.empty() && events.empty() && !store_run) continue;
    auto write = [changes = std::move(changes), nodes = std::move(nodes), events = std::move(events), run,
                  store_run](Backend& backend) -> Result<void> {
      Result<void> done = backend.store->jump_clients.write_presence(changes);
      if (done && !nodes.empty()) done = backend.store->jumpoints.write_presence(nodes);
      if (done && !events.empty()) done = backend.store->events.add_all(events);
      if (done && store_run)
        done = backend.store->settings.set_own("run_seconds", run, store::Durability::soft);
      return done;
    };
    co_await run_quietly(std::move(write));
  }
}

Task<> Office::keep_keys() {
  while (true) {
    const Result<void> rotated = keys_.rotate_psk(wall_seconds());
    if (!rotated)
      log::warning("office", "keys for coming back could not be stored",
                   {{"error", rotated.error().message()}});
    co_await sleep_for(std::chrono::hours(1));
  }
}

// Retention (DESIGN.md 5): the oldest go first, with an event each.
Task<> Office::keep_recordings() {
  while (true) {
    co_await sleep_for(std::chrono::minutes(10));
    const std::string folder = options_.recordings;
    const store::SiteSettings site = site_;
    auto remove_old = [folder, site](Backend& backend) -> Result<void> {
      const std::int64_t now = wall_seconds();
      const auto remove = [&](const store::Session& row, std::string why) -> Result<void> {
        Result<void> gone = platform::remove_file(folder + "/" + row.recording);
        if (gone) gone = backend.store->sessions.forget_recording(row.id);
        if (!gone) return gone;
        store::Event event;
        event.at = now;
        event.who = "appliance";
        event.what = "recording.removed";
        event.object = "session:" + to_hex(row.id);
        event.result = "ok";
        event.text = std::move(why);
        const Result<std::int64_t> added = backend.store->events.add(event);
        return added ? Result<void>() : added.error();
      };
      if (site.retention_days > 0) {
        const auto old =
            backend.store->sessions.recorded(now - std::int64_t{site.retention_days} * 86400, 1000);
        if (!old) return old.error();
        for (const store::Session& row : *old) {
          Result<void> gone = remove(row, "older than " + std::to_string(site.retention_days) + " days");
          if (!gone) return gone;
        }
      }
      if (site.retention_gib > 0) {
        const std::uint64_t most = std::uint64_t{site.retention_gib} << 30;
        Result<std::uint64_t> used = backend.store->sessions.recorded_bytes();
        if (!used) return used.error();
        const auto oldest = backend.store->sessions.recorded(now, 1000);
        if (!oldest) return oldest.error();
        for (const store::Session& row : *oldest) {
          if (*used <= most) break;
          *used -= std::min(*used, row.recording_bytes);
          Result<void> gone =
              remove(row, "recordings take more than " + std::to_string(site.retention_gib) + " GiB");
          if (!gone) return gone;
        }
      }
      return {};
    };
    co_await run_quietly(std::move(remove_old));
  }
}

}  // namespace jump::appliance
