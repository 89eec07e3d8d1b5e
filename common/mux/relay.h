// Relay: what stands between the two ends of a session. It forwards frames, renumbers their slot, and keeps
// what waits for each stream below a budget by its own windows. It holds nothing that a session could miss:
// when a leg goes, what was queued is thrown away, and the ends send it again.
//
// Two ways of use, one engine. The tunnel process of an endpoint is *transparent*: what is said about the
// session (attach, resume, leave) passes through. The appliance is the *anchor*: it answers attach itself and
// starts each attachment by resume (tools/appliance).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "common/mux/credit_pool.h"
#include "common/mux/outbox.h"

namespace jump::mux {

enum class Side : std::uint8_t { console = 0, endpoint = 1 };
constexpr Side other(Side side) {
  return side == Side::console ? Side::endpoint : Side::console;
}

// What must happen to bytes before they are forwarded: the recorder. False: it cannot take them now; the
// relay drops them and all that follows until the next attachment, in which the ends send them again. Bytes
// of a stream come in order; a new attachment may start lower, with bytes that were seen before.
class Tap {
 public:
  virtual ~Tap() = default;
  virtual bool on_data(Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) = 0;
};

class Relay {
 public:
  // `interactive`: the class of the session's streams, until they send like bulk. What it holds is limited to
  // limits::kTunnelPool, and by `pool` (of the process), where given: above, each stream has
  // limits::kWindowLeast.
  explicit Relay(bool interactive, Tap* tap = nullptr, CreditPool* pool = nullptr);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // A leg has a link now. The outbox must outlive it, or disconnect() comes first.
  void connect(Side side, Outbox& outbox, std::uint32_t slot);
  void disconnect(Side side);
  bool connected(Side side) const { return legs_[index(side)].outbox != nullptr; }
  std::uint32_t slot(Side side) const { return legs_[index(side)].slot; }

  // A new attachment: forgets all streams; frames of a side are dropped until its own `resumed` with `serial`
  // comes.
  void start_attachment(std::uint32_t serial);
  bool open(Side from) const { return legs_[index(from)].open; }

  // A frame for one leg, of the session's own (attached, resume, leave …), encoded with that leg's slot.
  void send(Side to, Bytes frame);
  // The frame of the other leg as it is, with this leg's slot written into it. Refused when the leg does not
  // read and too many wait.
  Result<void> pass(Side to, const struct FrameView& frame);

  // resumed, data, window, end, reset from one side. An error is that side's fault.
  Result<void> on_frame(Side from, const struct FrameView& frame, Instant now);
  // The tap has refused bytes in this attachment.
  bool holding() const { return holding_; }

  // Bytes forwarded so far, by direction; for statistics.
  std::uint64_t forwarded_bytes(Side from) const { return forwarded_bytes_[index(from)]; }
  // What lies here now, headers included, and what might with all credit that is out.
  std::size_t queued_bytes() const { return queued_bytes_; }
  std::uint64_t promised_bytes() const { return pool_.out(); }
  std::size_t streams() const { return pairs_.size(); }

 private:
  static constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  struct Lane;
  struct Pair;
  struct Speaker;  // the session's own frames and windows on one leg
  struct Leg {
    Outbox* outbox = nullptr;
    std::uint32_t slot = 0;
    bool open = false;
    std::unique_ptr<Speaker> speaker;
  };

  Result<Pair*> pair(std::uint32_t stream, bool create);
  Result<void> on_resumed(Side from, const struct FrameView& frame);
  Result<void> on_data(Side from, const struct FrameView& frame);
  Result<void> on_window(Side from, ByteView body);
  Result<void> on_end(Side from, const struct FrameView& frame);
  Result<void> on_reset(Side from, const struct FrameView& frame);
  void grant(Lane& lane);
  void queue_window(Lane& lane);
  void erase_if_over(std::uint32_t stream);

  bool interactive_;
  Tap* tap_;
  bool holding_ = false;
  std::uint32_t serial_ = 0;
  std::array<Leg, 2> legs_;
  std::array<std::uint64_t, 2> forwarded_bytes_{};
  std::size_t queued_bytes_ = 0;
  CreditPool pool_;
  std::map<std::uint32_t, std::unique_ptr<Pair>> pairs_;
};

}  // namespace jump::mux
