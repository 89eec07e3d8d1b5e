#include "tools/appliance/tunnels/peer.h"

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/identity/sha256.h"
#include "common/wake/network.h"
#include "tools/appliance/api/absence.h"

namespace jump::appliance {
namespace {

constexpr std::size_t kQuestionsAtOnce = 32;
constexpr std::size_t kLegsOfAgent = 512;
constexpr std::size_t kLegsOfConsole = 64;
constexpr auto kCloneProbe = std::chrono::seconds(5);
constexpr auto kRemovedLinger = std::chrono::seconds(10);  // for the uninstall order to be read
constexpr std::uint32_t kRetryDisabled = 60000;
constexpr std::size_t kNetworksMost = 64;  // of one machine, in the index of who may wake whom

// What the store knows of who comes.
struct Known {
  bool listed = false;
  bool disabled = false;
  bool removed = false;
  std::int64_t jumpoint = 0;
  std::uint32_t absence_minutes = 0;
};

Result<Known> known_agent(Backend& backend, std::int64_t id, std::uint32_t absence_days) {
  Known known;
  const auto assets = backend.store->jump_clients.of_agent(id);
  if (!assets) return assets.error();
  known.listed = !assets->empty();
  if (known.listed) {
    known.disabled = assets->front().disabled;
    known.jumpoint = assets->front().zone_jumpoint.value_or(0);
    known.absence_minutes = api::agent_absence_minutes(assets->front(), absence_days);
    return known;
  }
  const auto tombstone = backend.store->jump_clients.tombstone(id);
  if (!tombstone) return tombstone.error();
  known.removed = tombstone->has_value();
  return known;
}

// A disabled Jumpoint's nodes stay connected (PRODUCT.md 5.2).
Result<Known> known_node(Backend& backend, std::int64_t id) {
  Known known;
  const auto row = backend.store->jumpoints.node(id);
  if (!row) return row.error();
  known.listed = row->has_value();
  if (known.listed) {
    known.jumpoint = (*row)->jumpoint_id;
    return known;
  }
  const auto tombstone = backend.store->jumpoints.node_tombstone(id);
  if (!tombstone) return tombstone.error();
  known.removed = tombstone->has_value();
  return known;
}

}  // namespace

Peer::Peer(Office& office, std::unique_ptr<tunnel::TlsStream> stream)
    : office_(office),
      stream_(std::move(stream)),
      tasks_(office.executor()),
      link_(office.executor(), *stream_, *this),
      channel_(office.executor()) {
  who_ = stream_->peer() ? stream_->peer()->identity.name() : "console";
}

Peer::~Peer() = default;

Task<bool> Peer::run() {
  return and_stop(tasks_, live());
}

Task<bool> Peer::live() {
  // However it ends, also when the service stops: nothing keeps pointing here.
  struct Leave {
    Peer& peer;
    ~Leave() { peer.leave(); }
  } leave{*this};
  tasks_.spawn("admission", let_in());
  ended_ = co_await link_.run();
  co_return true;
}

Task<> Peer::let_in() {
  Event came(office_.executor());
  hello_came_ = &came;
  if (!hello_) co_await came.wait_for(limits::kHelloTimeout);
  hello_came_ = nullptr;
  if (!hello_) {
    link_.close(Error(Fault::timed_out, "no hello within 5 s"));
    co_return;
  }
  const Result<void> result = co_await admit();
  if (!result) {
    log::info("tunnel", "refused",
              {{"peer", who_}, {"from", remote_address()}, {"reason", result.error().message()}});
  }
  if (phase_ == Phase::removed) {
    co_await sleep_for(kRemovedLinger);
    link_.close(Error(Fault::refused, "removed"));
  }
}

void Peer::leave() {
  if (!ended_) ended_ = Error(Fault::closed, "the appliance stops");
  const Error why = *ended_;
  lost_legs(why);
  channel_.detach();
  if (phase_ != Phase::running) return;
  if (sender_ == control::Sender::console) {
    office_.remove_console(*this);
  } else {
    office_.remove_endpoint(endpoint_, *this);
  }
  log::info("tunnel", "gone", {{"peer", who_}, {"reason", why.message()}});
}

void Peer::lost_legs(const Error& reason) {
  // detach() calls on_slot_released(), which changes the table.
  const auto legs = std::exchange(legs_, {});
  for (const auto& [slot, leg] : legs) {
    leg.session->detach(leg.side, {mux::Reason::link_lost, reason.message()});
  }
}

void Peer::go_away(mux::GoAway code, std::string text, std::uint32_t retry_after_ms) {
  const Error reason(Fault::refused, text);
  link_.go_away({code, retry_after_ms, std::move(text)}, reason);
}

// --- admission ---------------------------------------------------------------------------------------------

Task<Result<void>> Peer::admit() {
  phase_ = Phase::admitting;
  const Result<std::uint32_t> version = control::agree({}, hello_->versions);
  if (!version) {
    go_away(mux::GoAway::version, version.error().message());
    co_return version.error();
  }
  // Identity comes from the certificate or PSK, or from the token; the hello must say the same role.
  const bool console = stream_->alpn() == tunnel::kAlpnConsole;
  sender_ = control::sender_of(hello_->role);
  const bool fits = console ? hello_->role == control::Role::console
                            : stream_->peer() && hello_->role != control::Role::console &&
                                  (stream_->peer()->identity.role == identity::PeerRole::node) ==
                                      (hello_->role == control::Role::node);
  if (!fits) {
    go_away(mux::GoAway::protocol, "the hello names another role than the handshake proved");
    co_return Error(Fault::unauthenticated, "the hello names another role than the handshake proved");
  }
  co_return console ? co_await admit_console() : co_await admit_endpoint();
}

Task<Result<void>> Peer::admit_console() {
  std::string token(hello_->token ? hello_->token->reveal_text() : std::string_view());
  std::string address = remote_address();
  auto look_up = [token, address](Backend& backend) {
    return backend.api->authenticate(token, address, wall_seconds());
  };
  Result<api::Principal> principal = co_await office_.database().run(look_up);
  wipe(token.data(), token.size());
  hello_->token.reset();
  if (!principal || !principal->user) {
    const std::string text = principal ? "API accounts start no sessions" : principal.error().message();
    go_away(mux::GoAway::unauthenticated, text);
    co_return Error(Fault::unauthenticated, text);
  }
  if (ended_) co_return *ended_;
  user_ = std::make_unique<const api::Principal>(std::move(*principal));
  who_ = user_->name();
  office_.add_console(*this);
  welcome(false);
  tell(control::TrustNotice{office_.keys().authority().signed_bundle()});
  co_return Result<void>();
}

Task<Result<void>> Peer::admit_endpoint() {
  const identity::VerifiedPeer& proved = *stream_->peer();
  const bool node = proved.identity.role == identity::PeerRole::node;
  const auto number = static_cast<std::int64_t>(proved.identity.id);
  endpoint_ = node ? store::node_endpoint(number) : store::agent_endpoint(number);
  auto look_up = [endpoint = endpoint_, days = office_.site().absence_days](Backend& backend) {
    return endpoint.node() ? known_node(backend, endpoint.id) : known_agent(backend, endpoint.id, days);
  };
  const Result<Known> known = co_await office_.database().run(look_up);
  if (!known) {
    go_away(mux::GoAway::overloaded, "the appliance cannot read its database", 10000);
    co_return known.error();
  }
  if (known->removed) {
    welcome(true);
    phase_ = Phase::removed;
    office_.order_to(*this, identity::OrderKind::uninstall,
                     to_json(identity::UninstallOrder{"removed at the appliance"}));
    co_return Error(Fault::refused, "removed: told to uninstall");
  }
  if (!known->listed) {
    go_away(mux::GoAway::unauthenticated, "this appliance does not know " + who_);
    co_return Error(Fault::not_found, "unknown");
  }
  if (known->disabled) {
    go_away(mux::GoAway::disabled, "disabled by an administrator", kRetryDisabled);
    co_return Error(Fault::refused, "disabled");
  }
  jumpoint_ = known->jumpoint;
  absence_minutes_ = known->absence_minutes;
  if (const Peer* other = office_.endpoint(endpoint_)) {
    const bool same_process =
        hello_->instance && other->hello_->instance && *hello_->instance == *other->hello_->instance;
    Result<void> settled = co_await settle_double(same_process);
    if (!settled) co_return settled;
  }
  if (ended_) co_return *ended_;
  office_.add_endpoint(endpoint_, *this);
  welcome(false);
  after_welcome();
  // Said, and kept elsewhere.
  hello_->software = {};
  hello_->route.reset();
  co_return Result<void>();
}

// A second tunnel of one identity (PRODUCT.md 2.5): the same process again, a machine that came back, or a
// clone. The other one may end at each await.
Task<Result<void>> Peer::settle_double(bool same_process) {
  bool alive = false;
  bool ours_fits = false;
  bool theirs_fits = false;
  if (!same_process) alive = co_await office_.answers(endpoint_, kCloneProbe);
  if (const Peer* other = office_.endpoint(endpoint_); alive && other != nullptr) {
    const std::optional<control::Digest> theirs = other->hello_->fingerprint;
    ours_fits = co_await office_.fingerprint_fits(endpoint_, hello_->fingerprint);
    theirs_fits = co_await office_.fingerprint_fits(endpoint_, theirs);
  }
  Peer* const still = office_.endpoint(endpoint_);
  if (still == nullptr) co_return Result<void>();
  if (!alive) {
    still->go_away(mux::GoAway::replaced,
                   endpoint_.node() ? "a newer tunnel of the same node" : "a newer tunnel of the same agent");
    office_.remove_endpoint(endpoint_, *still);
    co_return Result<void>();
  }
  store::Event event;
  event.at = wall_seconds();
  event.who = "appliance";
  event.source = remote_address();
  event.what = endpoint_.node() ? "node.clone" : "agent.clone";
  event.object = who_;
  event.result = "ok";
  if (ours_fits && !theirs_fits) {
    event.text = "two machines use the identity of " + who_ + "; the one at " + still->remote_address() +
                 " has another fingerprint and must enrol anew";
    office_.event(event);
    still->go_away(mux::GoAway::clone, "this identity belongs to another machine: enrol as a new one");
    office_.remove_endpoint(endpoint_, *still);
    co_return Result<void>();
  }
  event.text =
      "two machines use the identity of " + who_ + "; the one at " + remote_address() + " must enrol anew";
  office_.event(event);
  go_away(mux::GoAway::clone, "this identity is in use by another machine: enrol as a new one");
  co_return Error(Fault::refused, "a clone of " + who_);
}

void Peer::welcome(bool uninstall_only) {
  control::Welcome welcome;
  welcome.version = control::kProtocolNewest;
  welcome.peer_id = who_;
  welcome.time = wall_seconds();
  welcome.software = office_.options().software;
  welcome.uninstall_only = uninstall_only;
  const Result<std::string> text = control::encode_welcome(welcome);
  if (text) link_.outbox().control(mux::encode_json(mux::Kind::welcome, *text));
  channel_.attach(link_.outbox());
  phase_ = Phase::running;
  log::info("tunnel", "welcome",
            {{"peer", who_}, {"from", stream_->info().peer_address}, {"software", hello_->software}});
}

void Peer::after_welcome() {
  const store::SiteSettings& site = office_.site();
  control::ReportSettings reports;
  reports.interval_seconds = site.statistics_interval_seconds;
  reports.statistics = site.statistics;
  channel_.tell(reports);
  offer_psk();
  // A machine that was started anew has none of its sessions any more.
  const std::string boot = hello_->boot_id;
  office_.hub().finish_if(
      [&](const store::Session& row) {
        return row.endpoint() == endpoint_ && !row.endpoint_boot_id.empty() && row.endpoint_boot_id != boot;
      },
      {mux::Reason::endpoint_restarted, "endpoint restarted"});
  if (jumpoint_ != 0) tasks_.spawn("zone settings", office_.tell_zone(endpoint_, jumpoint_));
}

void Peer::offer_psk() {
  const identity::VerifiedPeer& proved = *stream_->peer();
  if (proved.renewal_only) return;
  const identity::Psk psk = office_.keys().psk().offer(proved.identity, proved.serial);
  control::PskOffer offer;
  offer.id = psk.id;
  offer.key = psk.key;
  offer.expires = psk.expires;
  channel_.tell(offer);
}

// --- frames ------------------------------------------------------------------------------------------------

Result<void> Peer::on_frame(const mux::FrameView& frame, Instant now) {
  const auto kind = static_cast<mux::Kind>(frame.header.kind);
  if (phase_ == Phase::hello) {
    if (kind != mux::Kind::hello) return Error(Fault::malformed, "the first frame must be hello");
    Result<control::Hello> hello = control::decode_hello(as_text(frame.body()));
    if (!hello) return hello.error();
    hello_ = std::move(*hello);
    if (hello_came_ != nullptr) hello_came_->set();
    return {};
  }
  // Nothing is legal between hello and welcome; a peer that was refused is on its way out.
  if (phase_ == Phase::admitting) return Error(Fault::malformed, "a frame before the welcome");
  if (phase_ == Phase::removed) return {};
  if (kind == mux::Kind::control) return on_control(frame);
  if (kind == mux::Kind::attach) return on_attach(frame);
  if (frame.header.slot == 0) {
    if (frame.header.kind >= mux::kFirstSkipped) return {};
    return Error(Fault::malformed, mux::kind_name(frame.header.kind) + " frame is not legal here");
  }
  const auto leg = legs_.find(frame.header.slot);
  if (leg != legs_.end()) {
    // What one session does wrong ends that leg, not the tunnel.
    const Leg found = leg->second;
    const Result<void> result = found.session->on_frame(found.side, frame, now);
    if (!result) {
      log::warning("tunnel", "a session broke a rule",
                   {{"peer", who_}, {"reason", result.error().message()}});
    }
    return {};
  }
  if (frame.header.slot <= highest_slot_) return {};  // of a session that is over
  return Error(Fault::malformed, mux::kind_name(frame.header.kind) + " frame for a slot without attach");
}

void Peer::on_go_away(const mux::GoAwayBody& body) {
  link_.close(Error(Fault::closed, "left: " + printable(body.text, 200)));
}

void Peer::on_slot_released(std::uint32_t slot) {
  legs_.erase(slot);
  if (legs_.empty()) link_.set_busy(false);
}

void Peer::on_busy(bool busy) {
  link_.set_busy(busy);
}

Result<void> Peer::on_attach(const mux::FrameView& frame) {
  const Result<mux::Attach> attach = mux::decode_attach(frame.body());
  if (!attach) return attach.error();
  const std::uint32_t slot = frame.header.slot;
  if (slot <= highest_slot_)
    return Error(Fault::malformed, "attach for slot " + std::to_string(slot) + ", which was used before");
  highest_slot_ = slot;
  const bool console = sender_ == control::Sender::console;
  if (legs_.size() >= (console ? kLegsOfConsole : kLegsOfAgent)) {
    link_.outbox().control(mux::encode_notice(mux::Kind::refused, slot,
                                              {mux::Reason::not_allowed, "too many sessions on one tunnel"}));
    return {};
  }
  LiveSession* session = office_.hub().find(attach->session);
  const identity::Digest hash = identity::sha256(attach->secret);
  bool allowed = false;
  if (session != nullptr) {
    const store::Session& row = session->row();
    const store::Hash& expected = console ? row.console_secret_hash : row.endpoint_secret_hash;
    const bool identity_fits = console ? row.user_id == user_id() : row.endpoint() == endpoint_;
    allowed = identity_fits && equal_in_constant_time(expected, hash) &&
              (console || !session->start_is_void(BootClock::now()));
  }
  if (!allowed) {
    tasks_.spawn("refuse attach", refuse_attach(slot, attach->session));
    return {};
  }
  if (!console && session->row().endpoint_boot_id.empty()) session->row().endpoint_boot_id = hello_->boot_id;
  const mux::Side side = console ? mux::Side::console : mux::Side::endpoint;
  legs_[slot] = {session, side};
  if (!session->attach(side, *this, link_.outbox(), slot, *attach, who_)) {
    legs_.erase(slot);
  }
  return {};
}

Task<> Peer::refuse_attach(std::uint32_t slot, store::SessionId id) {
  const mux::Notice notice = co_await office_.why_gone(id, who_);
  link_.outbox().control(mux::encode_notice(mux::Kind::refused, slot, notice));
}

// --- control
// -------------------------------------------------------------------------------------------------

Result<void> Peer::on_control(const mux::FrameView& frame) {
  Result<std::optional<control::ControlMessage>> message =
      channel_.on_frame(frame.header, frame.body(), sender_, control::Phase::normal);
  if (!message) return message.error();
  if (!*message) return {};
  if (auto* question = std::get_if<control::QuestionMsg>(&**message)) {
    if (questions_ >= kQuestionsAtOnce) return Error(Fault::too_large, "more than 32 questions at once");
    ++questions_;
    tasks_.spawn("question", answer_question(question->ask, std::move(question->question)));
  } else if (auto* refused = std::get_if<control::RefusedQuestion>(&**message)) {
    const control::Answer failure = refused->failure;
    channel_.answer(refused->ask, failure);
  } else if (auto* notice = std::get_if<control::NoticeMsg>(&**message)) {
    return on_notice(std::move(notice->notice));
  }
  return {};
}

Task<> Peer::answer_question(std::uint64_t ask, control::Question question) {
  control::Answer answer = control::Done{};
  if (auto* open = std::get_if<control::OpenSession>(&question)) {
    answer = co_await office_.open_session(*this, std::move(*open));
  } else if (auto* take_over = std::get_if<control::TakeOverSession>(&question)) {
    answer = co_await office_.take_over_session(*this, *take_over);
  } else if (auto* end = std::get_if<control::EndSession>(&question)) {
    answer = co_await office_.end_session(*this, std::move(*end));
  } else if (auto* request = std::get_if<control::CertificateRequest>(&question)) {
    Result<control::CertificateGrant> grant =
        co_await office_.renew(endpoint_, std::move(request->csr), certificate_serial());
    if (grant) {
      answer = std::move(*grant);
    } else {
      answer = control::to_failure(grant.error());
    }
  } else if (std::holds_alternative<control::Uninstalling>(question)) {
    co_await office_.uninstalled(endpoint_, remote_address());
  }
  --questions_;
  channel_.answer(ask, answer);
}

Result<void> Peer::on_notice(control::Notice notice) {
  if (questions_ >= kQuestionsAtOnce) return Error(Fault::too_large, "more than 32 reports at once");
  if (auto* inventory = std::get_if<control::Inventory>(&notice)) {
    ++questions_;
    tasks_.spawn("inventory", store_inventory(std::move(*inventory)));
  } else if (auto* statistics = std::get_if<control::Statistics>(&notice)) {
    ++questions_;
    tasks_.spawn("statistics", store_statistics(std::move(*statistics)));
  } else if (auto* holdings = std::get_if<control::Holdings>(&notice)) {
    ++questions_;
    tasks_.spawn("holdings", on_holdings(*holdings));
  } else if (const auto* start = std::get_if<control::SessionStart>(&notice)) {
    office_.session_start(endpoint_, *start);
  } else if (const auto* job = std::get_if<control::JobReport>(&notice)) {
    office_.job_report(endpoint_, *job);
  } else if (auto* zone = std::get_if<control::ZoneProxyState>(&notice)) {
    ++questions_;
    tasks_.spawn("zone proxy", store_zone_proxy(std::move(*zone)));
  }
  return {};
}

Task<> Peer::store_inventory(control::Inventory inventory) {
  std::vector<std::string> networks =
      wake::network_keys(wake::to_machine(inventory.interfaces, remote_address()));
  if (networks.size() > kNetworksMost) networks.resize(kNetworksMost);
  auto write = [endpoint = endpoint_, inventory = std::move(inventory),
                networks = std::move(networks)](Backend& backend) -> Result<void> {
    Result<void> indexed = backend.store->networks.set(endpoint, networks);
    if (!indexed) return indexed;
    const store::JumpClients::Known known{inventory.hostname, inventory.fqdn, inventory.operating_system,
                                          inventory.software_version, inventory.private_ip};
    if (endpoint.node())
      return backend.store->jumpoints.set_node_inventory(endpoint.id, known, inventory.abilities,
                                                         to_json(inventory));
    return backend.store->jump_clients.set_inventory(endpoint.id, known, to_json(inventory), wall_seconds());
  };
  const Result<void> stored = co_await office_.database().run(std::move(write));
  if (!stored)
    log::warning("tunnel", "an inventory was not stored",
                 {{"peer", who_}, {"error", stored.error().message()}});
  --questions_;
}

Task<> Peer::store_statistics(control::Statistics statistics) {
  auto write = [endpoint = endpoint_, statistics = std::move(statistics)](Backend& backend) -> Result<void> {
    if (endpoint.node()) return {};
    return backend.store->jump_clients.set_statistics(endpoint.id, statistics.console_user,
                                                      to_json(statistics), wall_seconds());
  };
  const Result<void> stored = co_await office_.database().run(std::move(write));
  if (!stored)
    log::warning("tunnel", "statistics were not stored",
                 {{"peer", who_}, {"error", stored.error().message()}});
  --questions_;
}

// The clients that come through this Jumpoint hear of a proxy that is new, gone or elsewhere.
Task<> Peer::store_zone_proxy(control::ZoneProxyState state) {
  const bool changed = state.listening != zone_listening_ || state.address != zone_address_;
  zone_listening_ = state.listening;
  zone_address_ = state.address;
  state.address = printable(state.address, 300);
  state.reason = printable(state.reason, 500);
  if (state.warnings.size() > 16) state.warnings.resize(16);
  for (std::string& warning : state.warnings) warning = printable(warning, 500);
  auto write = [id = endpoint_.id, told = to_json(state)](Backend& backend) {
    return backend.store->jumpoints.set_zone_proxy(id, told);
  };
  const Result<void> stored = co_await office_.database().run(std::move(write));
  if (stored && changed) office_.zone_changed(jumpoint_);
  --questions_;
}

// What the endpoint holds; what it lacks follows as orders.
Task<> Peer::on_holdings(control::Holdings holdings) {
  auto write = [endpoint = endpoint_, holdings](Backend& backend) {
    if (endpoint.node()) {
      return backend.store->jumpoints.note_node_holdings(endpoint.id, holdings.trust_serial,
                                                         holdings.addresses_serial);
    }
    return backend.store->jump_clients.note_holdings(endpoint.id, holdings.trust_serial,
                                                     holdings.addresses_serial);
  };
  (void)co_await office_.database().run(write);
  --questions_;
  const std::uint64_t trust = office_.keys().authority().bundle().serial;
  if (holdings.trust_serial < trust && trust_told_ < trust) {
    trust_told_ = trust;
    const identity::TrustBundleOrder order{office_.keys().authority().signed_bundle()};
    office_.order_to(*this, identity::OrderKind::trust_bundle, to_json(order));
  }
  const store::SiteSettings& site = office_.site();
  if (holdings.addresses_serial < site.addresses_serial && addresses_told_ < site.addresses_serial &&
      !site.addresses.empty()) {
    addresses_told_ = site.addresses_serial;
    const identity::AddressesOrder order{site.addresses_serial, site.addresses};
    office_.order_to(*this, identity::OrderKind::addresses, to_json(order));
  }
  if (holdings.absence_minutes && !absence_told_) {
    absence_told_ = holdings.absence_minutes;
    set_absence(absence_minutes_);
  }
}

void Peer::set_absence(std::uint32_t minutes) {
  absence_minutes_ = minutes;
  // Told before it has said what it holds, it would be told once more for each connection.
  if (endpoint_.node() || !absence_told_ || *absence_told_ == minutes) return;
  absence_told_ = minutes;
  identity::SettingsOrder order;
  order.absence_minutes = minutes;
  office_.order_to(*this, identity::OrderKind::settings, to_json(order));
}

}  // namespace jump::appliance
