// Anchor: the appliance's part of one session: which ends are there, whose attach counts, when an attachment
// starts. The relay in it moves the bytes. Who may attach is decided before (tools/appliance); what is here
// is lost with the process and made anew by the next attach of both ends.
#pragma once

#include <deque>
#include <string>

#include "common/mux/frame_reader.h"
#include "common/mux/relay.h"

namespace jump::mux {

class AnchorListener {
 public:
  virtual ~AnchorListener() = default;
  // An end said that it is done, or that it lets go and may come back, or the endpoint broke a rule; the
  // other end has been told.
  virtual void on_leave(Side side, const Notice& notice) = 0;
  // This leg is not of the session any more: its slot on that link may be forgotten.
  virtual void on_released(Side side, const Outbox& outbox, std::uint32_t slot) = 0;
};

class Anchor {
 public:
  // `pool`: what the relays of this process may hold together.
  Anchor(bool interactive, std::uint32_t wait_limit_seconds, AnchorListener& listener, Tap* tap = nullptr,
         CreditPool* pool = nullptr);

  // An end comes, allowed already. False: it was refused (an older count of the same instance, an instance
  // that was taken over, or another endpoint), and told so over `outbox`.
  bool attach(Side side, Outbox& outbox, std::uint32_t slot, const Attach& frame, std::string who);
  // Its link is gone.
  void detach(Side side, const Notice& why);
  // A frame of a leg that is attached. An error is that peer's fault: its leg is released with the reason. A
  // console's session waits then for another one; an endpoint's is over.
  Result<void> on_frame(Side side, const FrameView& frame, Instant now);
  // Both ends are told and released.
  void finish(const Notice& why);

  bool attached(Side side) const { return relay_.connected(side); }
  bool live() const { return live_; }
  const Id16& instance(Side side) const { return sides_[static_cast<std::size_t>(side)].instance; }
  Relay& relay() { return relay_; }
  // The recording cannot be written (true) or can again (false): both users are told.
  void set_holding(bool holding);

 private:
  struct Party {
    Id16 instance{};
    std::uint64_t count = 0;
    bool known = false;
    std::string who;
  };

  void release(Side side, Bytes last_frame);
  void leave(Side side, const Notice& notice, bool may_come_back);
  void fault(Side side, const Error& error);
  void start();

  std::uint32_t wait_limit_seconds_;
  AnchorListener& listener_;
  Relay relay_;
  std::array<Party, 2> sides_;
  std::array<Outbox*, 2> outboxes_{};
  struct Retired {
    Id16 instance;
    std::string by;
  };
  std::deque<Retired> retired_;
  std::uint32_t serial_ = 0;
  bool live_ = false;
};

}  // namespace jump::mux
