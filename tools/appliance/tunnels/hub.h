// Hub: the live sessions of this appliance, by id. A session is here from the commit of its row until its
// end; what is here beyond the row (who is attached, what is queued) is made anew by the attaches after a
// restart.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/base/task_group.h"
#include "common/mux/anchor.h"
#include "tools/appliance/sessions/conversation.h"
#include "tools/appliance/sessions/recorder.h"
#include "tools/appliance/store/sessions.h"

namespace jump::appliance {

class Hub;

// "web-01 gave no answer within 60 s; unknown whether it ran"
std::string no_answer(const std::string& name, Duration limit);

// What a leg belongs to, on the side of the peer that dialled.
class LegOwner {
 public:
  virtual ~LegOwner() = default;
  // The slot is not of a session any more.
  virtual void on_slot_released(std::uint32_t slot) = 0;
  // Sessions run over this tunnel, or none.
  virtual void on_busy(bool busy) = 0;
};

class LiveSession : mux::AnchorListener {
 public:
  LiveSession(Hub& hub, store::Session row, std::unique_ptr<Recorder> recorder, bool recording_required);

  const store::Session& row() const { return row_; }
  store::Session& row() { return row_; }
  mux::Anchor& anchor() { return anchor_; }

  bool attach(mux::Side side, LegOwner& owner, mux::Outbox& outbox, std::uint32_t slot,
              const mux::Attach& frame, std::string who);
  void detach(mux::Side side, const mux::Notice& why);
  Result<void> on_frame(mux::Side side, const mux::FrameView& frame, Instant now);
  // Both ends are told; the row ends with `why`.
  void finish(const mux::Notice& why);

  bool over() const { return over_; }
  Recorder* recorder() { return recorder_.get(); }
  // Since when one end or the other has been away; nothing while both are there.
  std::optional<Instant> incomplete_since() const { return incomplete_since_; }
  // Since when its process has left a tunnel process that is still there.
  std::optional<Instant> endpoint_let_go() const { return endpoint_let_go_; }
  // The endpoint's tunnel is gone: its session process may well live.
  void forgive_endpoint() { endpoint_let_go_.reset(); }
  // The endpoint's tunnel is back: a session process that lives comes too.
  void expect_endpoint() {
    const bool away = row_.state == store::SessionState::running && !anchor_.attached(mux::Side::endpoint);
    if (away && !endpoint_let_go_) endpoint_let_go_ = BootClock::now();
  }
  // An order to start it went out just now.
  void note_ordered() { ordered_at_ = BootClock::now(); }
  // Its ticket is void and nobody came: who comes now is too late.
  bool start_is_void(Instant now) const {
    return row_.state == store::SessionState::starting && now - ordered_at_ > Duration(limits::kTicketLife);
  }
  // The recording can be written again.
  void check_recording();
  bool holding() const { return holding_; }

 private:
  // Decides what a full disk means for this session.
  struct Gate : mux::Tap {
    LiveSession* session = nullptr;
    bool on_data(mux::Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) override;
  };
  void on_message(mux::Side from, const json::value& message);
  void on_leave(mux::Side side, const mux::Notice& notice) override;
  void on_released(mux::Side side, const mux::Outbox& outbox, std::uint32_t slot) override;
  void note_presence(Instant now);

  Hub& hub_;
  store::Session row_;
  std::unique_ptr<Recorder> recorder_;
  bool recording_required_;
  Conversation conversation_;
  Gate gate_;
  mux::Anchor anchor_;
  std::array<LegOwner*, 2> owners_{};
  std::optional<Instant> incomplete_since_;
  std::optional<Instant> endpoint_let_go_;
  Instant ordered_at_ = BootClock::now();
  bool holding_ = false;
  bool over_ = false;
};

class Hub {
 public:
  struct Events {
    std::function<void(LiveSession&)> on_started;  // the endpoint attached for the first time
    std::function<void(LiveSession&)> on_console;  // a console attached: instance and count
    std::function<void(const store::Session&, const mux::Notice&, std::uint64_t bytes)> on_over;
    std::function<void(const LiveSession&, const Conversation::HostKey&)> on_host_key;
    std::function<void(const LiveSession&, const Conversation::Said&)> on_remark;
  };

  Hub(asio::any_io_executor executor, Events events);
  ~Hub();

  LiveSession* find(const store::SessionId& id);
  LiveSession& add(store::Session row, std::unique_ptr<Recorder> recorder, bool recording_required);
  std::size_t size() const { return sessions_.size(); }
  std::size_t of_endpoint(const store::Endpoint& endpoint) const;
  std::size_t of_asset(std::int64_t asset) const;

  // The tunnel of this agent or node is gone.
  void endpoint_gone(const store::Endpoint& endpoint);
  // It is there again: sessions whose process does not come back within 20 s are over.
  void endpoint_back(const store::Endpoint& endpoint);
  // Ends what matches, for both ends at once.
  void finish_if(const std::function<bool(const store::Session&)>& matches, const mux::Notice& why);

  // Wait limits and full disks; runs until cancelled. Every second: recordings to the disk, through `sync`,
  // which owns the descriptors.
  Task<> watch(std::function<void(std::vector<int> descriptors)> sync);

 private:
  friend class LiveSession;
  void over(LiveSession& session, const mux::Notice& why);
  void sweep();

  asio::any_io_executor executor_;
  Events events_;
  std::map<store::SessionId, std::unique_ptr<LiveSession>> sessions_;
  Event swept_;
};

}  // namespace jump::appliance
