// The office's part that lets machines in, keeps their certificates fresh, and lets them go.
#include "common/base/log.h"
#include "common/identity/certificate.h"
#include "tools/appliance/api/absence.h"
#include "tools/appliance/tunnels/office.h"
#include "tools/appliance/tunnels/peer.h"

namespace jump::appliance {
namespace {

constexpr std::int64_t kAbsentAtOnce = 500;
constexpr std::size_t kPeriodsAtOnce = 200;
constexpr std::size_t kZoneProxies = 64;  // that an endpoint takes
constexpr auto kAdoptProbe = std::chrono::seconds(5);

// What a node of this Jumpoint is told. A cluster's nodes find their own names (PRODUCT.md 7.1).
identity::SettingsOrder node_settings(const store::Jumpoint& jumpoint) {
  identity::SettingsOrder order;
  if (!jumpoint.jzp_enabled) return order;
  identity::ZoneProxySettings& zone = order.zone_proxy.emplace();
  if (!jumpoint.clustered) zone.host = jumpoint.jzp_proxy_hostname;
  zone.port = static_cast<std::uint16_t>(jumpoint.jzp_proxy_port);
  zone.allow_http_get = jumpoint.jzp_allow_http_get;
  switch (jumpoint.jzp_client_address_restrictions_type) {
    case store::Restriction::no_restriction:
      return order;
    case store::Restriction::allow_all:
      zone.restriction = "deny";
      break;
    case store::Restriction::deny_all:
      zone.restriction = "allow";
      break;
  }
  zone.prefixes = jumpoint.jzp_restricted_ips;
  return order;
}

}  // namespace

Task<identity::EnrollResponse> Office::enrol(identity::EnrollRequest request, std::string remote_address) {
  api::EnrolContext context;
  context.now = wall_seconds();
  context.run = run_seconds();
  context.remote_address = std::move(remote_address);
  // Used on the database thread, while a reload may put another CA in its place.
  const std::shared_ptr<const identity::Authority> authority = keys_.shared_authority();
  api::EnrolPorts ports;
  ports.issue = [authority, now = context.now](const identity::EnrollRequest& from,
                                               std::uint64_t id) -> Result<api::IssuedCertificate> {
    const Result<identity::Certificate> issued = authority->issue(from.csr, {from.role, id}, now);
    if (!issued) return issued.error();
    return api::IssuedCertificate{issued->to_pem(), issued->serial(), issued->not_after()};
  };
  ports.trust_bundle = [authority] { return authority->signed_bundle(); };
  ports.settings = [days = site_.absence_days](const store::JumpClient& client,
                                               const std::vector<std::string>& zone_proxies) {
    identity::SettingsOrder order;
    order.absence_minutes = api::agent_absence_minutes(client, days);
    order.zone_proxies = zone_proxies;
    json::object settings = to_json(order).as_object();
    settings["name"] = client.name;
    settings["max_offline_minutes"] = client.max_offline_minutes;
    settings["ephemeral"] = client.ephemeral;
    return json::value(settings);
  };
  ports.node_settings = [](const store::Jumpoint& jumpoint) { return to_json(node_settings(jumpoint)); };
  ports.node_online = [this](std::int64_t node) { return presence_.node(node).has_value(); };
  ports.check_proof = [authority, now = context.now](const identity::KeyProof& proof, ByteView csr) {
    return identity::check_key_proof(proof, csr, authority->authorities(), now);
  };
  for (int round = 0; round < 3; ++round) {
    auto decide = [&ports, &request, &context](Backend& backend) {
      return api::enrol(*backend.store, ports, request, context);
    };
    Result<std::variant<api::NeedsPing, api::EnrolOutcome>> result = co_await database_.run(decide);
    if (!result) {
      log::error("enrol", "the database refused", {{"error", result.error().message()}});
      identity::EnrollResponse busy;
      busy.refusal =
          identity::EnrollRefusal{identity::EnrollError::busy, "the appliance cannot store anything now", 30};
      co_return busy;
    }
    if (auto* outcome = std::get_if<api::EnrolOutcome>(&*result)) {
      carry_out(outcome->effects);
      co_return std::move(outcome->response);
    }
    const store::Endpoint asked = std::get<api::NeedsPing>(*result).endpoint;
    const bool alive = co_await answers(asked, kAdoptProbe);
    context.pinged = api::EnrolContext::Pinged{asked, alive};
  }
  identity::EnrollResponse busy;
  busy.refusal =
      identity::EnrollRefusal{identity::EnrollError::busy, "the asset changes too fast; try again", 5};
  co_return busy;
}

Task<Result<control::CertificateGrant>> Office::renew(store::Endpoint endpoint, Bytes csr,
                                                      std::string old_serial) {
  const std::int64_t now = wall_seconds();
  const identity::PeerIdentity who{endpoint.node() ? identity::PeerRole::node : identity::PeerRole::agent,
                                   static_cast<std::uint64_t>(endpoint.id)};
  const Result<identity::Certificate> issued = keys_.authority().issue(csr, who, now);
  if (!issued) co_return issued.error();
  store::Certificate row;
  row.serial = issued->serial();
  row.kind = endpoint.kind;
  row.peer = endpoint.id;
  row.issued_at = now;
  row.not_after = issued->not_after();
  auto write = [row](Backend& backend) -> Result<void> {
    Result<void> done = backend.store->certificates.add(row);
    if (!done) return done;
    return row.kind == store::PeerKind::node
               ? backend.store->jumpoints.set_node_certificate(row.peer, row.serial)
               : backend.store->jump_clients.set_certificate(row.peer, row.serial);
  };
  const Result<void> stored = co_await database_.run(write);
  if (!stored) co_return stored.error();
  store::Event renewed;
  renewed.who = who.name();
  renewed.what = "certificate.renew";
  renewed.object = who.name();
  renewed.result = "ok";
  renewed.text = "certificate " + old_serial + " is followed by " + row.serial;
  event(std::move(renewed));
  co_return control::CertificateGrant{issued->to_pem()};
}

Task<> Office::uninstalled(store::Endpoint endpoint, std::string from) {
  // A node frees its place at once; nothing points to it but the assets that asked for it by number.
  const bool remove = endpoint.node() || site_.uninstalled == store::UninstalledHandling::remove;
  // Who came is written once a second. Written after this it would say that the agent came back.
  auto came = std::exchange(presence_changes_, {});
  auto write = [endpoint, remove, came = std::move(came)](Backend& backend) -> Result<void> {
    Result<void> written = backend.store->jump_clients.write_presence(came);
    if (!written) return written;
    if (!remove) return backend.store->jump_clients.set_uninstalled(endpoint.id);
    const std::string by = endpoint.name();
    const std::int64_t now = wall_seconds();
    const Result<bool> removed = endpoint.node()
                                     ? backend.store->jumpoints.remove_node(endpoint.id, by, now, false)
                                     : backend.store->jump_clients.remove_agent(endpoint.id, by, now, false);
    return removed ? Result<void>() : removed.error();
  };
  const Peer* peer = this->endpoint(endpoint);
  const std::int64_t jumpoint = endpoint.node() && peer != nullptr ? peer->jumpoint() : 0;
  co_await run_quietly(std::move(write));
  if (jumpoint != 0) zone_changed(jumpoint);
  store::Event gone;
  gone.who = endpoint.name();
  gone.source = std::move(from);
  gone.what = endpoint.node() ? "node.uninstalled" : "agent.uninstalled";
  gone.object = gone.who;
  gone.result = "ok";
  gone.text = remove ? "uninstalled on its machine, and removed" : "uninstalled on its machine";
  event(std::move(gone));
  hub_.finish_if([endpoint](const store::Session& row) { return row.endpoint() == endpoint; },
                 {mux::Reason::failed, endpoint.node() ? "the Jumpoint's node was uninstalled"
                                                       : "the Jump Client was uninstalled"});
}

Task<bool> Office::fingerprint_fits(store::Endpoint endpoint, std::optional<control::Digest> summary) {
  if (!summary) co_return false;
  auto read = [endpoint](Backend& backend) {
    return endpoint.node() ? backend.store->jumpoints.node_fingerprint(endpoint.id)
                           : backend.store->jump_clients.fingerprint(endpoint.id);
  };
  const Result<std::vector<store::FingerprintPart>> parts = co_await database_.run(read);
  if (!parts || parts->empty()) co_return true;
  identity::HashedFingerprint registered;
  for (const store::FingerprintPart& part : *parts) registered.parts[part.name].push_back(part.digest);
  for (auto& [name, values] : registered.parts) std::sort(values.begin(), values.end());
  co_return identity::summary(registered) == *summary;
}

// --- Jump Zone Proxies
// ----------------------------------------------------------------------------------------

Task<> Office::tell_zone(std::optional<store::Endpoint> only, std::int64_t jumpoint) {
  struct Told {
    identity::SettingsOrder node;
    identity::SettingsOrder client;
  };
  auto read = [jumpoint](Backend& backend) -> Result<Told> {
    Told told;
    Result<std::vector<std::string>> proxies = backend.store->jumpoints.zone_proxies(jumpoint);
    if (!proxies) return proxies.error();
    if (proxies->size() > kZoneProxies) proxies->resize(kZoneProxies);
    told.client.zone_proxies = std::move(*proxies);
    const Result<std::optional<store::Jumpoint>> row = backend.store->jumpoints.get(jumpoint);
    if (!row) return row.error();
    if (*row) told.node = node_settings(**row);
    return told;
  };
  const Result<Told> told = co_await database_.run(read);
  if (!told) {
    log::error("office", "zone settings were not read", {{"error", told.error().message()}});
    co_return;
  }
  identity::SettingsOrder client = told->client;
  for (const auto& [endpoint, peer] : endpoints_) {
    if (peer->jumpoint() != jumpoint || (only && *only != endpoint)) continue;
    client.absence_minutes = peer->absence_minutes();
    order_to(*peer, identity::OrderKind::settings, to_json(endpoint.node() ? told->node : client));
  }
}

void Office::zone_changed(std::int64_t jumpoint) {
  if (jumpoint != 0) tasks_.spawn("zone settings", tell_zone(std::nullopt, jumpoint));
}

// --- absence
// ----------------------------------------------------------------------------------------------

Task<> Office::tell_absence_to_all() {
  std::vector<std::int64_t> agents;
  for (const auto& [endpoint, peer] : endpoints_) {
    if (!endpoint.node()) agents.push_back(endpoint.id);
  }
  // Others have their turn in between.
  for (std::size_t at = 0; at < agents.size(); at += kPeriodsAtOnce) {
    const auto from = agents.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kPeriodsAtOnce, agents.size() - at));
    std::vector<std::int64_t> some(from, from + count);
    co_await tell_absence(std::move(some));
  }
}

Task<> Office::tell_absence(std::vector<std::int64_t> agents) {
  using Periods = std::vector<std::pair<std::int64_t, std::uint32_t>>;
  auto read = [agents = std::move(agents), days = site_.absence_days](Backend& backend) -> Result<Periods> {
    Periods periods;
    for (const std::int64_t agent : agents) {
      const auto assets = backend.store->jump_clients.of_agent(agent);
      if (!assets) return assets.error();
      if (!assets->empty()) periods.emplace_back(agent, api::agent_absence_minutes(assets->front(), days));
    }
    return periods;
  };
  const Result<Periods> periods = co_await database_.run(std::move(read));
  if (!periods) {
    log::error("office", "periods of absence were not read", {{"error", periods.error().message()}});
    co_return;
  }
  for (const auto& [agent, minutes] : *periods) {
    if (Peer* peer = endpoint(store::agent_endpoint(agent))) peer->set_absence(minutes);
  }
}

// Every minute: what has been away for too long goes (PRODUCT.md 3.5).
Task<> Office::apply_absence() {
  bool told = false;
  std::map<std::int64_t, std::int64_t> removed_at;  // run second → how many
  while (true) {
    co_await sleep_for(std::chrono::minutes(1));
    const std::int64_t run = run_seconds();
    const std::int64_t site_seconds = std::int64_t{site_.absence_days} * 86400;
    removed_at.erase(removed_at.begin(), removed_at.upper_bound(run - api::kAbsenceWindow));
    std::int64_t removed = 0;
    for (const auto& [at, count] : removed_at) removed += count;
    const store::MassRemoval mass = site_.mass_removal;
    auto decide = [=](Backend& backend) -> Result<api::AbsenceDecision> {
      api::AbsenceInput input;
      input.run = run;
      input.site_seconds = site_seconds;
      input.removed_in_last_hour = removed;
      input.mass_removal = mass;
      const Result<std::int64_t> agents = backend.store->jump_clients.agents();
      if (!agents) return agents.error();
      input.agents = *agents;
      const Result<std::int64_t> due =
          backend.store->jump_clients.absent_count(run + api::kAbsenceWindow, site_seconds);
      if (!due) return due.error();
      input.due_within_an_hour = *due;
      Result<std::vector<store::Absent>> absent =
          backend.store->jump_clients.absent(run, site_seconds, kAbsentAtOnce);
      if (!absent) return absent.error();
      input.due = std::move(*absent);
      api::AbsenceDecision decision = api::decide_absence(input);
      for (const std::int64_t agent : decision.remove) {
        const Result<bool> gone = backend.store->jump_clients.remove_agent(agent, "absence", wall_seconds());
        if (!gone) return gone.error();
      }
      return decision;
    };
    const Result<api::AbsenceDecision> decision = co_await database_.run(decide);
    if (!decision) {
      log::error("office", "absence was not looked at", {{"error", decision.error().message()}});
      continue;
    }
    for (const std::int64_t agent : decision->remove) {
      store::Event gone;
      gone.who = "appliance";
      gone.what = "asset.remove";
      gone.object = "agent:" + std::to_string(agent);
      gone.result = "ok";
      gone.text = "it was offline for too long";
      event(std::move(gone));
    }
    if (!decision->remove.empty()) removed_at[run] += static_cast<std::int64_t>(decision->remove.size());
    if (decision->held && !told) {
      store::Event held;
      held.who = "appliance";
      held.what = "asset.remove.held";
      held.result = "refused";
      held.text = std::to_string(decision->would_go) +
                  " agents would be removed for absence within an hour; none was: " +
                  "set mass_removal to allow when this is wanted";
      event(std::move(held));
    }
    told = decision->held;
  }
}

}  // namespace jump::appliance
