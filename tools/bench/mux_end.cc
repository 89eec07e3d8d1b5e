#include "tools/bench/mux_end.h"

#include "common/control/codec.h"
#include "common/identity/random.h"

namespace jump::bench {

MuxEnd::MuxEnd(asio::any_io_executor executor, std::unique_ptr<tunnel::TlsStream> stream,
               std::optional<control::Hello> hello)
    : stream_(std::move(stream)),
      hello_(std::move(hello)),
      changed_(executor),
      channel_(executor),
      link_(executor, *stream_, *this) {}

MuxEnd::~MuxEnd() {
  for (const auto& [slot, session] : sessions_) session->end().unbind(BootClock::now());
}

Task<Error> MuxEnd::run() {
  if (hello_) {
    const Result<std::string> text = control::encode_hello(*hello_);
    if (!text) co_return text.error();
    link_.outbox().control(mux::encode_json(mux::Kind::hello, *text));
  }
  // Also when this is cancelled: nothing may keep pointing to the link.
  struct Leave {
    MuxEnd& end;
    ~Leave() {
      end.channel_.detach();
      for (const auto& [slot, session] : end.sessions_) session->end().unbind(BootClock::now());
      end.sessions_.clear();
      if (end.welcomed_ && end.on_change) end.on_change(false);
      end.welcomed_ = false;
    }
  } leave{*this};
  ended_ = co_await link_.run();
  changed_.set();
  co_return *ended_;
}

Task<Result<void>> MuxEnd::welcomed() {
  while (!welcomed_ && !ended_) co_await changed_.wait();
  if (ended_) co_return *ended_;
  co_return Result<void>();
}

void MuxEnd::add(endpoint::SessionIo& session) {
  sessions_[++last_slot_] = &session;
  session.end().bind(link_.outbox(), last_slot_, BootClock::now());
  link_.set_busy(true);
}

void MuxEnd::remove(endpoint::SessionIo& session) {
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second == &session; });
  if (session.end().bound()) session.end().unbind(BootClock::now());
}

Result<void> MuxEnd::on_frame(const mux::FrameView& frame, Instant now) {
  const auto kind = static_cast<mux::Kind>(frame.header.kind);
  if (hello_ && !welcomed_) {
    if (kind != mux::Kind::welcome) return Error(Fault::malformed, "a frame before the welcome");
    welcomed_ = true;
    channel_.attach(link_.outbox());
    if (on_change) on_change(true);
    changed_.set();
    return {};
  }
  if (frame.header.slot == 0) return hello_ ? on_control(frame) : Result<void>();
  if (kind == mux::Kind::attach) {
    answer_attach(frame);
    return {};
  }
  const auto found = sessions_.find(frame.header.slot);
  if (found == sessions_.end()) return {};
  return found->second->end().on_frame(frame.header, frame.body(), now);
}

Result<void> MuxEnd::on_control(const mux::FrameView& frame) {
  const Result<std::optional<control::ControlMessage>> message =
      channel_.on_frame(frame.header, frame.body(), control::Sender::appliance, control::Phase::normal);
  if (!message) return message.error();
  if (!*message || !on_notice) return {};
  if (const auto* notice = std::get_if<control::NoticeMsg>(&**message)) on_notice(notice->notice);
  return {};
}

// In a direct session each end is the other's appliance. Both use slot 1.
void MuxEnd::answer_attach(const mux::FrameView& frame) {
  const Result<mux::Attach> attach = mux::decode_attach(frame.body());
  if (!attach || sessions_.empty()) return;
  const std::uint32_t slot = frame.header.slot;
  link_.outbox().control(mux::encode_attached(slot, {600}));
  link_.outbox().control(mux::encode_resume(slot, {1, identity::random_array<16>()}));
}

void MuxEnd::on_go_away(const mux::GoAwayBody& body) {
  link_.close(Error(Fault::refused, "told to go away: " + body.text));
}

mux::SessionEnd::Options session_options(bool console) {
  mux::SessionEnd::Options options;
  options.console = console;
  options.session = identity::random_array<16>();
  options.secret = identity::random_array<32>();
  options.instance = identity::random_array<16>();
  return options;
}

Task<Result<void>> live(endpoint::SessionIo& session) {
  while (session.end().state() != mux::SessionEnd::State::live) {
    if (session.end().state() == mux::SessionEnd::State::over) {
      co_return Error(Fault::closed, "the session is over: " + session.end().notice().text);
    }
    co_await session.state_changed().wait();
  }
  co_return Result<void>();
}

}  // namespace jump::bench
