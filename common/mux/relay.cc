#include "common/mux/relay.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/mux/frame_reader.h"

namespace jump::mux {
namespace {
constexpr std::size_t kMostPairs = 2 * limits::kLiveStreams;
constexpr std::size_t kMostWaiting = 2048;  // session frames to a leg that does not read
constexpr std::size_t kMerged = 4096;       // small data frames that wait become one of up to this size

Slice with_slot(const FrameView& frame, std::uint32_t slot) {
  put_u32(&frame.whole[4], slot);
  return frame.keep();
}
}  // namespace

// One direction of one stream: from a producer to a consumer.
//   received - handed ≤ granted - handed ≤ budget: what is queued, what may be.
struct Relay::Lane : FrameSource {
  Lane(Relay& r, Side producer, std::uint32_t number) : relay(r), from(producer), stream(number) {}
  ~Lane() override { abandon(); }

  struct Entry {
    Slice frame;
    std::uint64_t end = 0;    // the offset behind it; of an end: final + 1
    std::size_t payload = 0;  // 0: it is no data
    std::size_t sent = 0;     // of the payload, when it goes out in parts
  };

  bool emit(Batch& batch, std::size_t most, Instant now) override {
    if (queue.empty()) return false;
    Entry& entry = queue.front();
    const std::size_t left = entry.payload - entry.sent;
    const bool cut = entry.payload > 0 && (entry.sent > 0 || entry.frame.size() > most);
    const std::size_t part = cut ? std::min(left, most - kDataHeaderBytes) : left;
    if (cut) {
      const std::uint8_t flags = part == left ? entry.frame.data()[1] : 0;
      const std::uint32_t slot = relay.legs_[index(other(from))].slot;
      batch.add_data_header(encode_data_header(slot, stream, entry.end - left, part, flags));
      batch.add_view(entry.frame.view().subspan(kDataHeaderBytes + entry.sent, part));
      entry.sent += part;
    }
    relay.forwarded_bytes_[index(from)] += cut ? kDataHeaderBytes + part : entry.frame.size();
    meter.count(part, now);
    queued -= part;
    handed = std::max(handed, entry.end - (left - part));
    if (part == left) {
      relay.queued_bytes_ -= entry.frame.size();
      if (cut) {
        batch.keep(std::move(entry.frame));
      } else {
        batch.add(std::move(entry.frame));
      }
      queue.pop_front();
    }
    count_credit();
    relay.grant(*this);
    return true;
  }
  Priority priority() const override {
    return relay.interactive_ && !meter.bulk() ? Priority::interactive : Priority::bulk;
  }

  void push(Slice frame, std::uint64_t end, std::size_t payload) {
    relay.queued_bytes_ += frame.size();
    queued += payload;
    queue.push_back({std::move(frame), end, payload});
  }
  // Frames of one byte each would cost a hundred times what they carry.
  bool merge(const DataView& data, std::uint8_t flags) {
    if (queue.empty()) return false;
    Entry& last = queue.back();
    const std::size_t size = last.frame.size() + data.bytes.size();
    if (last.payload == 0 || last.sent > 0 || size > kMerged) return false;
    if (!last.frame.grow(data.bytes)) {
      Slice larger = Slice::copy(last.frame.view(), kMerged);
      larger.grow(data.bytes);
      last.frame = std::move(larger);
    }
    last.frame.data()[1] = flags;
    put_u16(&last.frame.data()[2], static_cast<std::uint16_t>(size));
    last.end += data.bytes.size();
    last.payload += data.bytes.size();
    queued += data.bytes.size();
    relay.queued_bytes_ += data.bytes.size();
    return true;
  }
  void abandon() {
    for (const Entry& entry : queue) relay.queued_bytes_ -= entry.frame.size();
    queue.clear();
    queued = 0;
    window_due = false;
    relay.pool_.change(counted, 0);
    counted = 0;
  }
  void count_credit() {
    const std::uint64_t out = granted > handed ? granted - handed : 0;
    relay.pool_.change(counted, out);
    counted = out;
  }
  void start_at(std::uint64_t offset) { received = handed = offset; }

  Relay& relay;
  Side from;
  std::uint32_t stream;
  std::deque<Entry> queue;
  std::size_t queued = 0;      // payload of it
  std::uint64_t received = 0;  // the offset that the producer must send next
  bool listed = false;         // the consumer has said where it stands
  std::optional<std::uint64_t> final_offset;
  std::uint64_t handed = 0;  // the offset behind what the next writer has (final + 1: the end too)
  std::uint64_t consumer_taken = 0;
  std::uint64_t consumer_allowed = 0;
  std::uint64_t granted = 0;  // told to the producer
  std::uint64_t counted = 0;  // of it, in the pool
  std::uint64_t budget = limits::kRelayBudget;
  std::uint64_t grow_behind = 0;  // data below this was sent under a smaller budget
  bool window_due = false;
  bool window_queued = false;
  bool done = false;  // the end was taken, and the producer knows
  BulkMeter meter;
};

struct Relay::Pair {
  Pair(Relay& relay, std::uint32_t stream)
      : lanes{Lane(relay, Side::console, stream), Lane(relay, Side::endpoint, stream)} {}
  std::array<Lane, 2> lanes;    // by producer
  std::array<bool, 2> reset{};  // this side has said reset
};

struct Relay::Speaker : FrameSource {
  Speaker(Relay& r, Side s) : relay(r), side(s) {}

  bool emit(Batch& batch, std::size_t, Instant) override {
    if (!frames.empty()) {
      batch.add(std::move(frames.front()));
      frames.pop_front();
      return true;
    }
    while (!windows.empty()) {
      const std::uint32_t stream = windows.front();
      windows.pop_front();
      const auto found = relay.pairs_.find(stream);
      if (found == relay.pairs_.end()) continue;
      Lane& lane = found->second->lanes[index(side)];
      lane.window_queued = false;
      if (!lane.window_due) continue;
      lane.window_due = false;
      batch.add(encode_window(relay.legs_[index(side)].slot, stream, {lane.consumer_taken, lane.granted}));
      if (lane.final_offset && lane.consumer_taken == *lane.final_offset + 1) lane.done = true;
      relay.erase_if_over(stream);
      return true;
    }
    return false;
  }
  Priority priority() const override { return Priority::session; }

  Relay& relay;
  Side side;
  std::deque<Slice> frames;
  std::deque<std::uint32_t> windows;
};

Relay::Relay(bool interactive, Tap* tap, CreditPool* pool)
    : interactive_(interactive), tap_(tap), pool_(limits::kTunnelPool, pool) {
  legs_[0].speaker = std::make_unique<Speaker>(*this, Side::console);
  legs_[1].speaker = std::make_unique<Speaker>(*this, Side::endpoint);
}

Relay::~Relay() = default;

void Relay::connect(Side side, Outbox& outbox, std::uint32_t slot) {
  Leg& leg = legs_[index(side)];
  CHECK(leg.outbox == nullptr);
  leg.outbox = &outbox;
  leg.slot = slot;
  leg.open = false;
}

void Relay::disconnect(Side side) {
  Leg& leg = legs_[index(side)];
  if (leg.outbox == nullptr) return;
  leg.outbox->remove(*leg.speaker);
  leg.speaker->frames.clear();
  leg.outbox = nullptr;
  start_attachment(0);
}

void Relay::start_attachment(std::uint32_t serial) {
  serial_ = serial;
  holding_ = false;
  for (Leg& leg : legs_) {
    leg.open = false;
    leg.speaker->windows.clear();
  }
  pairs_.clear();
}

void Relay::send(Side to, Bytes frame) {
  Leg& leg = legs_[index(to)];
  if (leg.outbox == nullptr) return;
  leg.speaker->frames.push_back(Slice::copy(frame));
  leg.outbox->ready(*leg.speaker);
}

Result<void> Relay::pass(Side to, const FrameView& frame) {
  Leg& leg = legs_[index(to)];
  if (leg.outbox == nullptr) return {};
  if (leg.speaker->frames.size() >= kMostWaiting) {
    return Error(Fault::too_large,
                 "more than " + std::to_string(kMostWaiting) + " session frames wait for the other end");
  }
  leg.speaker->frames.push_back(with_slot(frame, leg.slot));
  leg.outbox->ready(*leg.speaker);
  return {};
}

Result<Relay::Pair*> Relay::pair(std::uint32_t stream, bool create) {
  const auto found = pairs_.find(stream);
  if (found != pairs_.end()) return found->second.get();
  if (!create) return nullptr;
  if (pairs_.size() >= kMostPairs) {
    return Error(Fault::too_large, "more than " + std::to_string(kMostPairs) + " streams in one session");
  }
  return (pairs_[stream] = std::make_unique<Pair>(*this, stream)).get();
}

Result<void> Relay::on_frame(Side from, const FrameView& frame, Instant) {
  const auto kind = static_cast<Kind>(frame.header.kind);
  if (kind == Kind::resumed) return on_resumed(from, frame);
  if (frame.header.kind >= kFirstSkipped) return {};
  // Of an earlier attachment, or behind what could not be recorded: the end will send it again.
  if (!legs_[index(from)].open || holding_) return {};
  switch (kind) {
    case Kind::data:
      return on_data(from, frame);
    case Kind::window:
      return on_window(from, frame.body());
    case Kind::end:
      return on_end(from, frame);
    case Kind::reset:
      return on_reset(from, frame);
    default:
      return Error(Fault::malformed, kind_name(frame.header.kind) + " frame is not legal here");
  }
}

// What went through in earlier attachments is not known here, but where the ends stand: a consumer's word is
// where its producer must go on; what a consumer does not list is new to it, and starts where the producer
// says (a takeover) or at 0.
Result<void> Relay::on_resumed(Side from, const FrameView& frame) {
  const Result<Resumed> body = decode_resumed(frame.body());
  if (!body) return body.error();
  Leg& leg = legs_[index(from)];
  if (serial_ == 0 || body->serial != serial_) return {};  // an answer to an earlier attachment
  if (leg.open) return Error(Fault::malformed, "a second resumed");
  leg.open = true;
  for (const StreamPosition& position : body->streams) {
    const Result<Pair*> found = pair(position.stream, true);
    if (!found) return found.error();
    Lane& receiving = (*found)->lanes[index(other(from))];
    receiving.listed = true;
    receiving.start_at(position.next);
    if (position.ended) {
      receiving.final_offset = position.next;
      receiving.handed = position.next + 1;
    }
    Lane& sending = (*found)->lanes[index(from)];
    if (!sending.listed) sending.start_at(position.start);
  }
  return pass(other(from), frame);
}

Result<void> Relay::on_data(Side from, const FrameView& frame) {
  const Result<DataView> data = decode_data(frame.body());
  if (!data) return data.error();
  const Result<Pair*> found = pair(data->stream, false);
  // After a reset the consumer is gone and the producer does not know yet.
  if (*found == nullptr || (*found)->reset[0] || (*found)->reset[1]) return {};
  Lane& lane = (*found)->lanes[index(from)];
  const std::uint64_t end = data->offset + data->bytes.size();
  const auto broken = [&](const std::string& how) {
    return Error(Fault::malformed, "stream " + std::to_string(data->stream) + ": " + how);
  };
  if (end > lane.granted) {
    return broken("data up to " + std::to_string(end) + ", allowed were " + std::to_string(lane.granted));
  }
  if (lane.final_offset) return broken("data behind its end");
  if (data->offset != lane.received) {
    return broken("data at " + std::to_string(data->offset) + ", next was " + std::to_string(lane.received));
  }
  lane.received = end;
  // The producer is held by this relay's credit, and the next writer keeps up: the path is long, it may have
  // more.
  const bool held = (frame.header.flags & kFlagHeld) != 0;
  if (held && end > lane.grow_behind && lane.granted < lane.consumer_allowed &&
      lane.queued < lane.budget / 4 && lane.budget < limits::kWindowMost && pool_.left() >= lane.budget) {
    lane.budget *= 2;
    lane.grow_behind = lane.granted;
  }
  if (tap_ != nullptr && !tap_->on_data(from, data->stream, data->offset, data->bytes)) {
    holding_ = true;
    return {};
  }
  Leg& to = legs_[index(other(from))];
  if (to.outbox == nullptr) return {};
  if (!lane.merge(*data, frame.header.flags)) lane.push(with_slot(frame, to.slot), end, data->bytes.size());
  to.outbox->ready(lane);
  return {};
}

// A consumer's window: what the producer may send more is what the consumer can hold and this relay will
// queue.
Result<void> Relay::on_window(Side from, ByteView body) {
  const Result<WindowView> frame = decode_window(body);
  if (!frame) return frame.error();
  const Result<Pair*> found = pair(frame->stream, true);
  if (!found) return found.error();
  if ((*found)->reset[0] || (*found)->reset[1]) return {};
  Lane& lane = (*found)->lanes[index(other(from))];
  const Window& window = frame->window;
  if (window.taken > lane.handed || window.taken < lane.consumer_taken) {
    return Error(Fault::malformed, "stream " + std::to_string(frame->stream) + ": " +
                                       std::to_string(window.taken) + " taken, possible is " +
                                       std::to_string(lane.consumer_taken) + " to " +
                                       std::to_string(lane.handed));
  }
  lane.consumer_taken = window.taken;
  lane.consumer_allowed = std::max(lane.consumer_allowed, window.allowed);
  lane.window_due = true;
  grant(lane);
  queue_window(lane);
  return {};
}

void Relay::queue_window(Lane& lane) {
  if (lane.window_queued) return;
  Leg& producer = legs_[index(lane.from)];
  if (producer.outbox == nullptr) return;
  lane.window_queued = true;
  producer.speaker->windows.push_back(lane.stream);
  producer.outbox->ready(*producer.speaker);
}

void Relay::grant(Lane& lane) {
  const std::uint64_t share =
      std::min(lane.budget, std::max(limits::kWindowLeast, lane.counted + pool_.left()));
  const std::uint64_t target = std::min(lane.consumer_allowed, lane.handed + share);
  if (target <= lane.granted) return;
  if (!lane.window_due && target < lane.granted + share / 4) return;
  lane.granted = target;
  lane.count_credit();
  if (lane.window_due) return;
  lane.window_due = true;
  queue_window(lane);
}

Result<void> Relay::on_end(Side from, const FrameView& frame) {
  const Result<EndView> end = decode_end(frame.body());
  if (!end) return end.error();
  const Result<Pair*> found = pair(end->stream, false);
  if (*found == nullptr || (*found)->reset[0] || (*found)->reset[1]) return {};
  Lane& lane = (*found)->lanes[index(from)];
  if (lane.final_offset || end->final_offset != lane.received) {
    return Error(Fault::malformed, "stream " + std::to_string(end->stream) + ": end at " +
                                       std::to_string(end->final_offset) + ", received is " +
                                       std::to_string(lane.received));
  }
  lane.final_offset = end->final_offset;
  Leg& to = legs_[index(other(from))];
  if (to.outbox == nullptr) return {};
  lane.push(with_slot(frame, to.slot), end->final_offset + 1, 0);
  to.outbox->ready(lane);
  return {};
}

Result<void> Relay::on_reset(Side from, const FrameView& frame) {
  const Result<ResetView> reset = decode_reset(frame.body());
  if (!reset) return reset.error();
  // Each end says it once: the first of the two may be the first that is heard of the stream.
  const Result<Pair*> found = pair(reset->stream, true);
  if (!found) return found.error();
  if (std::exchange((*found)->reset[index(from)], true)) {
    return Error(Fault::malformed, "stream " + std::to_string(reset->stream) + ": a second reset");
  }
  for (Lane& lane : (*found)->lanes) lane.abandon();
  erase_if_over(reset->stream);
  return pass(other(from), frame);
}

void Relay::erase_if_over(std::uint32_t stream) {
  const auto found = pairs_.find(stream);
  if (found == pairs_.end()) return;
  const Pair& both = *found->second;
  if ((both.reset[0] && both.reset[1]) || (both.lanes[0].done && both.lanes[1].done)) pairs_.erase(found);
}

}  // namespace jump::mux
