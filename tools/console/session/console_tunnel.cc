#include "tools/console/session/console_tunnel.h"

#include <algorithm>

#include "common/base/log.h"
#include "common/base/with_timeout.h"
#include "common/control/codec.h"
#include "common/identity/random.h"
#include "common/mux/frame.h"
#include "platform/machine.h"

namespace jump::console {
namespace {

constexpr std::uint32_t kControlSlot = 0;

std::uint64_t random_number() {
  const std::array<std::uint8_t, 8> bytes = identity::random_array<8>();
  return get_u64(bytes.data());
}

// Refusals that another try cannot change.
bool is_final(mux::GoAway code) {
  return code == mux::GoAway::version || code == mux::GoAway::unauthenticated ||
         code == mux::GoAway::disabled;
}

std::string words(const mux::GoAwayBody& body) {
  if (!body.text.empty()) return printable(body.text);
  return "the appliance closed the tunnel (" + std::to_string(static_cast<unsigned>(body.code)) + ")";
}

Task<Result<TransportPtr>> dial_tls(identity::HostPort address, TlsClientPtr tls) {
  auto dialling = connect(std::move(address), std::move(tls), std::string(tunnel::kAlpnConsole));
  Result<std::unique_ptr<tunnel::TlsStream>> stream = co_await std::move(dialling);
  if (!stream) co_return stream.error();
  co_return TransportPtr(std::move(*stream));
}

}  // namespace

ConsoleTunnel::Dial dial_appliance(identity::HostPort address, TrustPtr trust) {
  return
      [address = std::move(address), trust = std::move(trust)] { return dial_tls(address, trust->client()); };
}

ConsoleTunnel::ConsoleTunnel(asio::any_io_executor executor, Dial dial, Secret token, std::string software,
                             Backoff backoff)
    : executor_(executor),
      dial_(std::move(dial)),
      token_(std::move(token)),
      software_(std::move(software)),

      control_(executor),
      backoff_(backoff),
      settled_(executor) {
  const Result<std::string> boot_id = platform::boot_id();
  boot_id_ = boot_id ? *boot_id : std::string("unknown");
}

ConsoleTunnel::~ConsoleTunnel() = default;

Task<> ConsoleTunnel::run() {
  while (!over_) {
    retry_after_ = {};
    Task<Result<TransportPtr>> dialling = dial_();
    Result<TransportPtr> transport = co_await std::move(dialling);
    if (transport) {
      const Error why = co_await one_tunnel(**transport);
      trouble_ = why.message();
    } else {
      trouble_ = transport.error().message();
      if (!ever_up_) give_up(transport.error());
    }
    if (over_) break;
    if (!ever_up_) {
      give_up(Error(Fault::unavailable, trouble_));
      break;
    }
    log::debug("console", "tunnel lost", {{"why", trouble_}});
    co_await sleep_for(backoff_.next(random_number(), retry_after_));
  }
}

Task<Result<void>> ConsoleTunnel::up() {
  while (!ever_up_ && !over_) co_await settled_.wait();
  if (over_) co_return *over_;
  co_return Result<void>();
}

Task<Error> ConsoleTunnel::one_tunnel(tunnel::Transport& transport) {
  tunnel::Link link(executor_, transport, *this);
  // Also when this is cancelled: nothing may keep pointing to the link.
  struct Leave {
    ConsoleTunnel& tunnel;
    ~Leave() { tunnel.detach_all(); }
  } leave{*this};
  link_ = &link;
  send_hello();
  Error why = co_await link.run();
  co_return why;
}

void ConsoleTunnel::send_hello() {
  control::Hello hello;
  hello.role = control::Role::console;
  hello.software = software_;
  hello.boot_id = boot_id_;
  hello.token = token_;
  const Result<std::string> text = control::encode_hello(hello);
  if (!text) {
    give_up(text.error());
    return;
  }
  link_->outbox().control(mux::encode_json(mux::Kind::hello, *text));
}

void ConsoleTunnel::detach_all() {
  link_ = nullptr;
  welcomed_ = false;
  control_.detach();
  slots_.clear();
  const Instant now = BootClock::now();
  for (endpoint::SessionIo* session : sessions_) session->end().unbind(now);
}

void ConsoleTunnel::welcome() {
  welcomed_ = true;
  ever_up_ = true;
  backoff_.succeeded();
  last_slot_ = 0;
  control_.attach(link_->outbox());
  for (endpoint::SessionIo* session : sessions_) bind(*session);
  settled_.set();
}

void ConsoleTunnel::bind(endpoint::SessionIo& session) {
  if (session.end().state() == mux::SessionEnd::State::over) return;
  const std::uint32_t slot = ++last_slot_;
  slots_[slot] = &session;
  session.end().bind(link_->outbox(), slot, BootClock::now());
  link_->set_busy(true);
}

void ConsoleTunnel::add(endpoint::SessionIo& session) {
  sessions_.push_back(&session);
  if (welcomed_) bind(session);
}

void ConsoleTunnel::remove(endpoint::SessionIo& session) {
  std::erase(sessions_, &session);
  std::erase_if(slots_, [&](const auto& entry) { return entry.second == &session; });
  if (session.end().bound()) session.end().unbind(BootClock::now());
  if (link_ != nullptr) link_->set_busy(!slots_.empty());
}

void ConsoleTunnel::give_up(Error why) {
  if (over_) return;
  over_ = std::move(why);
  control_.fail(*over_);
  settled_.set();
  for (endpoint::SessionIo* session : sessions_) session->state_changed().set();
  if (link_ != nullptr) link_->close(*over_);
}

Result<void> ConsoleTunnel::on_frame(const mux::FrameView& frame, Instant now) {
  const auto kind = static_cast<mux::Kind>(frame.header.kind);
  if (!welcomed_) {
    if (kind != mux::Kind::welcome) {
      return Error(Fault::malformed, mux::kind_name(frame.header.kind) + " before welcome");
    }
    const Result<control::Welcome> welcomed = control::decode_welcome(as_text(frame.body()));
    if (!welcomed) return welcomed.error();
    welcome();
    return {};
  }
  if (frame.header.slot == kControlSlot) return on_control_frame(frame);
  const auto found = slots_.find(frame.header.slot);
  // A session that was left: what was still under way for it.
  if (found == slots_.end()) return {};
  const Result<void> handled = found->second->end().on_frame(frame.header, frame.body(), now);
  // That session is over with this reason; the tunnel is not to blame.
  if (!handled) log::warning("console", "the session was broken", {{"why", handled.error().message()}});
  return {};
}

Result<void> ConsoleTunnel::on_control_frame(const mux::FrameView& frame) {
  const auto kind = static_cast<mux::Kind>(frame.header.kind);
  if (kind == mux::Kind::welcome) return Error(Fault::malformed, "a second welcome");
  if (kind != mux::Kind::control) {
    if (frame.header.kind >= mux::kFirstSkipped) return {};
    return Error(Fault::malformed, mux::kind_name(frame.header.kind) + " on slot 0");
  }
  // The appliance asks a console nothing: what is neither an answer nor known is of a newer version.
  const Result<std::optional<control::ControlMessage>> message =
      control_.on_frame(frame.header, frame.body(), control::Sender::appliance, control::Phase::normal);
  if (!message) return message.error();
  if (!*message || !on_trust) return {};
  const auto* notice = std::get_if<control::NoticeMsg>(&**message);
  const auto* trust = notice == nullptr ? nullptr : std::get_if<control::TrustNotice>(&notice->notice);
  if (trust == nullptr) return {};
  const Result<void> learnt = on_trust(trust->bundle);
  if (!learnt) log::warning("console", "the trust bundle was not taken", {{"why", learnt.error().message()}});
  return {};
}

void ConsoleTunnel::on_go_away(const mux::GoAwayBody& body) {
  retry_after_ = std::chrono::milliseconds(body.retry_after_ms);
  Error why(is_final(body.code) ? Fault::unauthenticated : Fault::unavailable, words(body));
  if (is_final(body.code)) give_up(why);
  if (link_ != nullptr) link_->close(std::move(why));
}

}  // namespace jump::console
