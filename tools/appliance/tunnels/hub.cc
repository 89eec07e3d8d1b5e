#include "tools/appliance/tunnels/hub.h"

#include <fcntl.h>

#include <algorithm>

#include "common/base/log.h"

namespace jump::appliance {
namespace {

constexpr auto kLetGoLimit = std::chrono::seconds(20);

bool interactive(const std::string& kind) {
  return kind != "files";
}

constexpr std::size_t at(mux::Side side) {
  return static_cast<std::size_t>(side);
}

}  // namespace

std::string no_answer(const std::string& name, Duration limit) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count();
  return name + " gave no answer within " + std::to_string(seconds) + " s; unknown whether it ran";
}

LiveSession::LiveSession(Hub& hub, store::Session row, std::unique_ptr<Recorder> recorder,
                         bool recording_required)
    : hub_(hub),
      row_(std::move(row)),
      recorder_(std::move(recorder)),
      recording_required_(recording_required),
      anchor_(interactive(row_.kind), row_.wait_limit_seconds, *this, &gate_),
      incomplete_since_(BootClock::now()) {
  gate_.session = this;
  if (recorder_) {
    recorder_->set_listener(
        [this](mux::Side from, const json::value& message) { on_message(from, message); });
  }
}

void LiveSession::on_message(mux::Side from, const json::value& message) {
  const Conversation::Fact fact = conversation_.on_message(from, message);
  if (const auto* key = std::get_if<Conversation::HostKey>(&fact)) {
    if (hub_.events_.on_host_key) hub_.events_.on_host_key(*this, *key);
  } else if (const auto* said = std::get_if<Conversation::Said>(&fact)) {
    if (hub_.events_.on_remark) hub_.events_.on_remark(*this, *said);
  }
}

bool LiveSession::Gate::on_data(mux::Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) {
  Recorder* recorder = session->recorder_.get();
  if (recorder == nullptr || recorder->on_data(from, stream, offset, bytes)) return true;
  if (session->recording_required_) return false;
  return true;
}

bool LiveSession::attach(mux::Side side, LegOwner& owner, mux::Outbox& outbox, std::uint32_t slot,
                         const mux::Attach& frame, std::string who) {
  if (!anchor_.attach(side, outbox, slot, frame, std::move(who))) return false;
  owners_[at(side)] = &owner;
  if (side == mux::Side::endpoint) endpoint_let_go_.reset();
  owner.on_busy(true);
  note_presence(BootClock::now());
  if (side == mux::Side::console) {
    row_.console_instance = frame.instance;
    row_.console_attach_count = frame.count;
    if (hub_.events_.on_console) hub_.events_.on_console(*this);
  } else if (row_.state == store::SessionState::starting) {
    row_.state = store::SessionState::running;
    if (hub_.events_.on_started) hub_.events_.on_started(*this);
  }
  return true;
}

void LiveSession::detach(mux::Side side, const mux::Notice& why) {
  anchor_.detach(side, why);
  note_presence(BootClock::now());
}

Result<void> LiveSession::on_frame(mux::Side side, const mux::FrameView& frame, Instant now) {
  Result<void> result = anchor_.on_frame(side, frame, now);
  if (!over_ && !holding_ && anchor_.relay().holding()) {
    holding_ = true;
    log::warning("session", "the recording cannot be written; the session waits",
                 {{"session", to_hex(row_.id)}, {"reason", recorder_->trouble()}});
    anchor_.set_holding(true);
  }
  note_presence(now);
  return result;
}

void LiveSession::check_recording() {
  if (!holding_ || !recorder_->recovered()) return;
  holding_ = false;
  log::info("session", "the recording can be written again", {{"session", to_hex(row_.id)}});
  anchor_.set_holding(false);
}

void LiveSession::finish(const mux::Notice& why) {
  if (over_) return;
  over_ = true;
  anchor_.finish(why);
  hub_.over(*this, why);
}

void LiveSession::on_leave(mux::Side side, const mux::Notice& notice) {
  if (over_) return;
  if (notice.reason == mux::Reason::let_go) {
    if (side == mux::Side::endpoint) endpoint_let_go_ = BootClock::now();
    return;
  }
  over_ = true;
  hub_.over(*this, notice);
}

void LiveSession::on_released(mux::Side side, const mux::Outbox&, std::uint32_t slot) {
  LegOwner* owner = std::exchange(owners_[at(side)], nullptr);
  if (owner != nullptr) owner->on_slot_released(slot);
}

void LiveSession::note_presence(Instant now) {
  const bool complete = anchor_.attached(mux::Side::console) && anchor_.attached(mux::Side::endpoint);
  if (complete) {
    incomplete_since_.reset();
  } else if (!incomplete_since_) {
    incomplete_since_ = now;
  }
}

Hub::Hub(asio::any_io_executor executor, Events events)
    : executor_(executor), events_(std::move(events)), swept_(executor) {}

Hub::~Hub() = default;

LiveSession* Hub::find(const store::SessionId& id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() || found->second->over() ? nullptr : found->second.get();
}

LiveSession& Hub::add(store::Session row, std::unique_ptr<Recorder> recorder, bool recording_required) {
  const store::SessionId id = row.id;
  auto& place = sessions_[id];
  place = std::make_unique<LiveSession>(*this, std::move(row), std::move(recorder), recording_required);
  return *place;
}

std::size_t Hub::of_endpoint(const store::Endpoint& endpoint) const {
  return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return !entry.second->over() && entry.second->row().endpoint() == endpoint;
  }));
}

std::size_t Hub::of_asset(std::int64_t asset) const {
  return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return !entry.second->over() && entry.second->row().asset == asset;
  }));
}

void Hub::endpoint_gone(const store::Endpoint& endpoint) {
  for (const auto& [id, session] : sessions_) {
    if (session->row().endpoint() == endpoint) session->forgive_endpoint();
  }
}

void Hub::endpoint_back(const store::Endpoint& endpoint) {
  for (const auto& [id, session] : sessions_) {
    if (session->row().endpoint() == endpoint) session->expect_endpoint();
  }
}

void Hub::finish_if(const std::function<bool(const store::Session&)>& matches, const mux::Notice& why) {
  for (const auto& [id, session] : sessions_) {
    if (!session->over() && matches(session->row())) session->finish(why);
  }
}

// Called from inside the session's own functions: it is destroyed later, by the watch.
void Hub::over(LiveSession& session, const mux::Notice& why) {
  const std::uint64_t bytes = session.recorder() == nullptr ? 0 : session.recorder()->size();
  log::info("session", "over", {{"session", to_hex(session.row().id)}, {"reason", why.text}});
  if (events_.on_over) events_.on_over(session.row(), why, bytes);
  swept_.set();
}

void Hub::sweep() {
  std::erase_if(sessions_, [](const auto& entry) { return entry.second->over(); });
}

Task<> Hub::watch(std::function<void(std::vector<int>)> sync) {
  while (true) {
    co_await swept_.wait_for(std::chrono::seconds(1));
    const Instant now = BootClock::now();
    std::vector<int> dirty;
    for (const auto& [id, session] : sessions_) {
      if (session->over()) continue;
      if (session->holding()) session->check_recording();
      Recorder* recorder = session->recorder();
      if (recorder != nullptr && recorder->dirty()) {
        // A duplicate: the session may end before it is on the disk.
        if (const int copy = ::fcntl(recorder->descriptor(), F_DUPFD_CLOEXEC, 3); copy >= 0)
          dirty.push_back(copy);
        recorder->synced();
      }
      // Whoever asked for it may be gone, and this appliance may have been restarted meanwhile.
      if (session->start_is_void(now)) {
        session->finish({mux::Reason::failed, no_answer(session->row().asset_name, limits::kTicketLife)});
        continue;
      }
      // A session process that lives comes back at once to a tunnel process that lives.
      if (session->endpoint_let_go() && now - *session->endpoint_let_go() > kLetGoLimit) {
        session->finish({mux::Reason::failed, "the session's process on the endpoint died"});
        continue;
      }
      // The ends count for themselves; this is for those of which neither came back. A little later than
      // they.
      const auto limit = std::chrono::seconds(session->row().wait_limit_seconds + 30);
      if (!session->holding() && session->incomplete_since() && now - *session->incomplete_since() > limit) {
        session->finish({mux::Reason::wait_limit, "an end was away for longer than the wait limit"});
      }
    }
    sweep();
    if (!dirty.empty()) sync(std::move(dirty));
  }
}

}  // namespace jump::appliance
