#include "common/endpoint/tunnel_process.h"

#include <map>

#include <boost/asio/io_context.hpp>

#include "common/base/alarm.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/endpoint/appliance_dialler.h"
#include "common/endpoint/control_channel.h"
#include "common/endpoint/family.h"
#include "common/endpoint/local_relay.h"
#include "common/endpoint/new_identity.h"
#include "common/endpoint/reports.h"
#include "common/endpoint/status_socket.h"
#include "platform/local_stream.h"
#include "platform/pipe.h"
#include "platform/privileges.h"
#include "platform/program.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kMostLocal = 512;
constexpr unsigned kSocketMode =
    0666;  // what opens a session is its secret; whoever has none is refused by the appliance

// One tunnel from welcome to its end.
class Tunnel : tunnel::LinkHandler {
 public:
  Tunnel(asio::any_io_executor executor, const Begin& begin, tunnel::TlsStream& stream,
         ControlChannel& channel, FamilyChannel& family, platform::LocalListener& sessions)
      : executor_(executor),
        begin_(begin),
        channel_(channel),
        family_(family),
        sessions_(sessions),
        tasks_(executor),
        welcomed_(executor),
        link_(executor, stream, *this) {}

  // Says hello, and runs until the link ends.
  Task<Error> run(const std::string& route) {
    control::Hello hello;
    hello.role = begin_.role;
    hello.software = begin_.software;
    hello.boot_id = begin_.boot_id;
    hello.start_nonce = begin_.start_nonce;
    hello.instance = begin_.instance;
    hello.fingerprint = begin_.fingerprint;
    hello.route = route;
    const Result<std::string> text = control::encode_hello(hello);
    if (!text) co_return text.error();
    link_.outbox().control(mux::encode_json(mux::Kind::hello, *text));
    tasks_.spawn("hello limit", limit_hello());
    Task<Error> running = run_link();
    co_return co_await and_stop(tasks_, std::move(running));
  }

  void close(Error reason) { link_.close(std::move(reason)); }
  void leave(std::string text) {
    const Error reason(Fault::closed, text);
    link_.go_away({mux::GoAway::shutting_down, 0, std::move(text)}, reason);
  }

  const std::optional<control::Welcome>& welcome() const { return welcome_; }
  const std::optional<mux::GoAwayBody>& told_to_go() const { return go_away_; }
  std::size_t sessions() const { return relays_.size(); }

  std::function<void()> on_welcome;
  std::function<void()> on_sessions;
  std::function<void(const control::Notice&)> on_notice;

 private:
  Task<Error> run_link() {
    struct Leave {
      ControlChannel& channel;
      ~Leave() { channel.detach(); }
    } leave{channel_};
    co_return co_await link_.run();
  }

  Task<> limit_hello() {
    const bool welcomed = co_await welcomed_.wait_for(std::chrono::seconds(15));
    if (!welcomed) link_.close(Error(Fault::timed_out, "the appliance did not answer hello within 15 s"));
  }

  Result<void> on_frame(const mux::FrameView& frame, Instant now) override {
    const auto kind = static_cast<mux::Kind>(frame.header.kind);
    if (!welcome_) {
      if (kind != mux::Kind::welcome)
        return Error(Fault::malformed, "the appliance's first frame is no welcome");
      Result<control::Welcome> welcome = control::decode_welcome(as_text(frame.body()));
      if (!welcome) return welcome.error();
      welcome_ = std::move(*welcome);
      welcomed_.set();
      channel_.attach(link_.outbox());
      if (on_welcome) on_welcome();
      if (!welcome_->uninstall_only) tasks_.spawn("local sessions", accept_sessions());
      return {};
    }
    if (kind == mux::Kind::control) return on_control(frame);
    const auto relay = relays_.find(frame.header.slot);
    if (relay == relays_.end()) return {};  // of a session process that is gone
    const Result<void> passed = relay->second->from_tunnel(frame, now);
    if (!passed) relay->second->close(passed.error());
    return {};
  }

  void on_go_away(const mux::GoAwayBody& body) override {
    go_away_ = body;
    link_.close(Error(Fault::closed, body.text.empty() ? "told to go away" : body.text));
  }

  Result<void> on_control(const mux::FrameView& frame) {
    const control::Phase phase =
        welcome_->uninstall_only ? control::Phase::uninstall_only : control::Phase::normal;
    Result<std::optional<control::ControlMessage>> message =
        channel_.on_frame(frame.header, frame.body(), control::Sender::appliance, phase);
    if (!message) return message.error();
    if (!*message) return {};
    auto* notice = std::get_if<control::NoticeMsg>(&**message);
    if (notice == nullptr) return {};
    if (auto* order = std::get_if<control::OrderDelivery>(&notice->notice)) {
      tasks_.spawn("order", hand_on(std::move(order->order)));
    } else if (on_notice) {
      on_notice(notice->notice);
    }
    return {};
  }

  Task<> hand_on(Bytes order) {
    const FamilyMessage message = OrderArrived{std::move(order)};
    co_await family_.send(message);
  }

  // While the tunnel is up; otherwise session processes wait in the listening socket's queue.
  Task<> accept_sessions() {
    while (true) {
      Result<platform::Handle> end = co_await sessions_.accept();
      if (!end && end.error().code == asio::error::operation_aborted) co_return;
      if (!end || relays_.size() >= kMostLocal) {
        co_await sleep_for(std::chrono::milliseconds(100));
        continue;
      }
      tasks_.spawn("local session", relay(std::move(*end)));
    }
  }

  Task<> relay(platform::Handle end) {
    const std::uint32_t slot = ++last_slot_;
    auto& place = relays_[slot];
    place = std::make_unique<LocalRelay>(executor_, std::move(end), link_, slot);
    struct Leave {
      Tunnel& tunnel;
      std::uint32_t slot;
      ~Leave() {
        tunnel.relays_.erase(slot);
        tunnel.link_.set_busy(!tunnel.relays_.empty());
        if (tunnel.on_sessions) tunnel.on_sessions();
      }
    } leave{*this, slot};
    if (on_sessions) on_sessions();
    link_.set_busy(true);
    const Error why = co_await place->run();
    log::debug("tunnel", "a session process left", {{"slot", slot}, {"reason", why.message()}});
  }

  asio::any_io_executor executor_;
  const Begin& begin_;
  ControlChannel& channel_;
  FamilyChannel& family_;
  platform::LocalListener& sessions_;
  TaskGroup tasks_;
  Event welcomed_;
  tunnel::Link link_;
  std::optional<control::Welcome> welcome_;
  std::optional<mux::GoAwayBody> go_away_;
  std::map<std::uint32_t, std::unique_ptr<LocalRelay>> relays_;
  std::uint32_t last_slot_ = 0;
};

class TunnelProcess {
 public:
  TunnelProcess(asio::any_io_executor executor, platform::Handle family)
      : executor_(executor),
        family_(executor, std::move(family)),
        tasks_(executor),
        channel_(executor),
        over_(executor) {}

  Task<> run(int& exit_code) {
    Result<FamilyMessage> first = co_await family_.receive();
    if (!first || !std::holds_alternative<Begin>(*first)) {
      log::error("tunnel", "the supervisor did not begin");
      exit_code = 1;
      co_return;
    }
    begin_ = std::move(std::get<Begin>(*first));
    const Result<void> ready = prepare();
    if (!ready) {
      log::error("tunnel", "cannot start", {{"error", ready.error().message()}});
      exit_code = 1;
      co_return;
    }
    tasks_.spawn("status", status_->run());
    tasks_.spawn("family", listen_to_supervisor());
    tasks_.spawn("tunnel", keep_tunnel());
    tasks_.spawn("reports", reports_->run(channel_));
    tasks_.spawn("sign of life", tell_alive());
    co_await over_.wait();
    if (tunnel_ != nullptr) {
      tunnel_->leave("the service stops");
      const Instant until = BootClock::now() + limits::kShutdownLimit;
      while (tunnel_ != nullptr && BootClock::now() < until)
        co_await sleep_for(std::chrono::milliseconds(10));
    }
    co_await tasks_.stop();
    family_.close();
  }

 private:
  Result<void> prepare() {
    const Result<void> settled = settle_identity(begin_.identity_folder, begin_.peer_id);
    if (!settled) return settled.error();
    Result<std::unique_ptr<ApplianceDialler>> dialler = ApplianceDialler::create(executor_, begin_);
    if (!dialler) return dialler.error();
    dialler_ = std::move(*dialler);
    Result<platform::LocalListener> listener =
        platform::LocalListener::bind(executor_, begin_.session_socket, kSocketMode);
    if (!listener) return listener.error();
    sessions_ = std::make_unique<platform::LocalListener>(std::move(*listener));
    auto describe = [this] { return to_json_text(status_now_); };
    Result<std::unique_ptr<StatusSocket>> status =
        StatusSocket::open(executor_, begin_.status_socket, describe);
    if (!status) return status.error();
    status_ = std::move(*status);
    reports_ = std::make_unique<Reports>(executor_, begin_);
    // A cable that is back is no reason to wait out what its absence has added up to.
    reports_->on_network_change = [this] { dialler_->hurry(); };
    return {};
  }

  Task<> listen_to_supervisor() {
    while (true) {
      Result<FamilyMessage> message = co_await family_.receive();
      if (!message) break;  // the supervisor is gone: systemd starts all anew
      if (std::holds_alternative<Stop>(*message)) break;
      if (const auto* result = std::get_if<OrderResult>(&*message)) {
        channel_.tell(result->start);
      } else if (auto* renewed = std::get_if<Renewed>(&*message)) {
        if (renewed->trust) begin_.trust = *renewed->trust;
        if (renewed->addresses) begin_.routes.addresses = *renewed->addresses;
        begin_.addresses_serial = renewed->addresses_serial;
        begin_.absence_minutes = renewed->absence_minutes;
        if (renewed->zone_proxies) begin_.routes.zone_proxies = *renewed->zone_proxies;
        dialler_->renewed();
        tell_holdings();
      } else if (auto* proxy = std::get_if<control::ZoneProxyState>(&*message)) {
        channel_.tell(*proxy);
        status_now_.zone_proxy = std::move(*proxy);
      } else if (const auto* job = std::get_if<control::JobReport>(&*message)) {
        channel_.tell(*job);
      }
    }
    over_.set();
  }

  void tell_holdings() {
    control::Holdings holdings;
    holdings.trust_serial = begin_.trust.serial;
    holdings.addresses_serial = begin_.addresses_serial;
    if (begin_.role == control::Role::agent) holdings.absence_minutes = begin_.absence_minutes;
    channel_.tell(holdings);
  }

  Task<> keep_tunnel() {
    while (true) {
      set_state(TunnelState::connecting, {});
      Result<ApplianceDialler::Dialled> dialled = co_await dialler_->dial();
      status_now_.attempts = dialler_->attempts();
      if (!dialled) {
        set_state(TunnelState::waiting, dialled.error().message());
        co_await dialler_->pause();
        continue;
      }
      status_now_.appliance = dialled->address;
      status_now_.route = dialled->route;
      Tunnel tunnel(executor_, begin_, *dialled->stream, channel_, family_, *sessions_);
      tunnel.on_welcome = [&] { welcomed(tunnel); };
      tunnel.on_sessions = [&] {
        status_now_.sessions = static_cast<std::uint32_t>(tunnel.sessions());
        show();
      };
      tunnel.on_notice = [&](const control::Notice& notice) { on_notice(notice); };
      struct Leave {
        TunnelProcess& process;
        ~Leave() { process.tunnel_ = nullptr; }
      };
      Error why;
      {
        Leave leave{*this};
        tunnel_ = &tunnel;
        why = co_await tunnel.run(dialled->route);
      }
      status_now_.sessions = 0;
      log::info("tunnel", "the tunnel ended", {{"reason", why.message()}});
      dialler_->ended(tunnel.welcome().has_value(), tunnel.told_to_go());
      const bool copied = tunnel.told_to_go() && tunnel.told_to_go()->code == mux::GoAway::clone;
      set_state(tunnel.told_to_go() ? TunnelState::refused : TunnelState::waiting, why.message());
      if (copied) co_await become_another();
      co_await dialler_->pause();
    }
  }

  // This machine is a copy: it enrols as one of its own. The supervisor then starts another tunnel process.
  Task<> become_another() {
    Result<NewIdentity> identity = co_await enrol_as_clone(executor_, begin_);
    if (!identity) {
      log::warning("tunnel", "this machine is a copy of another and has no identity of its own yet",
                   {{"as", begin_.peer_id}, {"reason", identity.error().message()}});
      co_return;
    }
    const FamilyMessage message = std::move(*identity);
    co_await family_.send(message);
    co_await sleep_for(std::chrono::seconds(10));
  }

  void welcomed(Tunnel& tunnel) {
    dialler_->welcomed(*tunnel.welcome());
    status_now_.peer_id = tunnel.welcome()->peer_id;
    set_state(TunnelState::online, {});
    log::info("tunnel", "online", {{"as", status_now_.peer_id}, {"route", status_now_.route}});
    if (tunnel.welcome()->uninstall_only) return;
    settled_.set(BootClock::now() + platform::kSettled);
    tell_holdings();
    reports_->again();
    if (status_now_.zone_proxy) channel_.tell(*status_now_.zone_proxy);
    if (!renewing_) {
      renewing_ = true;
      tasks_.spawn("renewal", dialler_->keep_certificate(channel_));
    }
  }

  void on_notice(const control::Notice& notice) {
    if (const auto* psk = std::get_if<control::PskOffer>(&notice)) {
      dialler_->offered(*psk);
    } else if (const auto* settings = std::get_if<control::ReportSettings>(&notice)) {
      reports_->set(*settings);
    }
  }

  void set_state(TunnelState state, std::string reason) {
    if (status_now_.state != state) status_now_.since = wall_seconds();
    status_now_.state = state;
    status_now_.reason = std::move(reason);
    status_now_.failed_tries = dialler_->failed_tries();
    status_now_.failed_seconds = dialler_->failed_seconds();
    show();
  }

  Task<> tell_alive() {
    while (true) {
      co_await sleep_for(kAliveEvery);
      const FamilyMessage message = status_now_;
      const Result<void> sent = co_await family_.send(message);
      if (!sent) co_return;
    }
  }

  void show() {
    tasks_.spawn("show status", [](FamilyChannel& family, TunnelStatus status) -> Task<> {
      const FamilyMessage message = std::move(status);
      co_await family.send(message);
    }(family_, status_now_));
  }

  asio::any_io_executor executor_;
  FamilyChannel family_;
  Begin begin_;
  TaskGroup tasks_;
  ControlChannel channel_;
  Event over_;
  std::unique_ptr<platform::LocalListener> sessions_;
  std::unique_ptr<ApplianceDialler> dialler_;
  std::unique_ptr<StatusSocket> status_;
  std::unique_ptr<Reports> reports_;
  Tunnel* tunnel_ = nullptr;
  TunnelStatus status_now_;
  bool renewing_ = false;
  Alarm settled_{executor_, platform::trim_memory};
};

Task<> run_process(asio::any_io_executor executor, int& exit_code) {
  TunnelProcess process(executor, platform::Handle(platform::standard_input()));
  co_await process.run(exit_code);
}

}  // namespace

int run_tunnel_process() {
  platform::ignore_broken_pipes();
  (void)platform::forbid_inspection();
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  int exit_code = 0;
  tasks.spawn("tunnel process", run_process(io.get_executor(), exit_code));
  io.run();
  return exit_code;
}

}  // namespace jump::endpoint
