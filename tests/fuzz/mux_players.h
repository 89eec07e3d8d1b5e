// A session end and an anchor for fuzz targets: brought to the point where both ends are there, then driven
// by the input.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <stdexcept>

#include "common/mux/anchor.h"
#include "common/mux/session_end.h"

namespace jump::mux::fuzz {

inline Bytes empty(Outbox& outbox, Instant now, std::size_t limit = 1 << 20) {
  Batch batch;
  outbox.fill(batch, limit, limits::kFrameBytes, now);
  Bytes wire;
  for (const ByteView part : batch.parts()) wire.insert(wire.end(), part.begin(), part.end());
  return wire;
}

// A frame with this slot and a body of the input: mostly of a kind that is legal in a session, with numbers
// that mean something.
inline Bytes next_frame(FuzzedDataProvider& input, std::uint32_t slot) {
  const auto stream = input.ConsumeIntegralInRange<std::uint32_t>(0, 6);
  const auto offset = input.ConsumeBool() ? input.ConsumeIntegralInRange<std::uint64_t>(0, 400000)
                                          : input.ConsumeIntegralInRange<std::uint64_t>(0, 1ull << 62);
  const auto other = input.ConsumeIntegralInRange<std::uint64_t>(0, 1ull << 62);
  switch (input.ConsumeIntegralInRange(0, 7)) {
    case 0: {
      const auto size = input.ConsumeIntegralInRange<std::size_t>(1, kMostData);
      const auto header = encode_data_header(slot, stream, offset, size, input.ConsumeBool());
      Bytes frame(header.begin(), header.end());
      frame.resize(frame.size() + size);
      return frame;
    }
    case 1:
      return encode_window(slot, stream, {offset, other});
    case 2:
      return encode_end(slot, stream, offset);
    case 3:
      return encode_reset(slot, stream, {static_cast<ResetCode>(other % 6), "x"});
    case 4: {
      Resumed resumed{input.ConsumeIntegralInRange<std::uint32_t>(0, 4), 40, 40, {}};
      for (std::uint32_t number = stream; number < 8 && input.ConsumeBool(); ++number) {
        resumed.streams.push_back({number, input.ConsumeIntegralInRange<std::uint64_t>(0, 9),
                                   input.ConsumeIntegralInRange<std::uint64_t>(0, 9), input.ConsumeBool()});
      }
      return encode_resumed(slot, resumed);
    }
    case 5:
      return encode_resume(slot,
                           {static_cast<std::uint32_t>(other % 5), {input.ConsumeIntegral<std::uint8_t>()}});
    default: {
      const std::string body = input.ConsumeRandomLengthString(100);
      Bytes frame(kHeaderBytes + body.size());
      const Header header{input.ConsumeIntegral<std::uint8_t>(), input.ConsumeIntegral<std::uint8_t>(),
                          static_cast<std::uint16_t>(frame.size()), slot};
      encode_header(frame.data(), header);
      std::copy(body.begin(), body.end(), frame.begin() + kHeaderBytes);
      return frame;
    }
  }
}

struct Deaf : SessionListener, AnchorListener {
  void on_stream(std::uint32_t) override {}
  void on_state() override {}
  void on_leave(Side, const Notice&) override {}
  void on_released(Side, const Outbox&, std::uint32_t) override {}
};

class End {
 public:
  explicit End(FuzzedDataProvider& input) : input_(input) {
    SessionEnd::Options options;
    options.console = input.ConsumeBool();
    options.take_over = options.console && input.ConsumeBool();
    options.learnt.retain = options.zero.retain = input.ConsumeBool() ? 1000 : 0;
    end_ = std::make_unique<SessionEnd>(options, ears_, now_);
    bind();
    give(encode_resume(1, {1, {}}));
  }
  ~End() { end_->unbind(now_); }

  void step() {
    now_ += std::chrono::milliseconds(input_.ConsumeIntegralInRange(0, 100));
    const auto stream = input_.ConsumeIntegralInRange<std::uint32_t>(0, 6);
    switch (input_.ConsumeIntegralInRange(0, 12)) {
      case 0:
        static_cast<void>(end_->open({}));
        break;
      case 1:
        static_cast<void>(end_->adopt(stream, {}));
        break;
      case 2:
        if (end_->room(stream) > 5000) end_->write(stream, Bytes(5000));
        break;
      case 3:
        end_->end(stream);
        break;
      case 4:
        end_->reset(stream, ResetCode::failed, "y");
        break;
      case 5:
        take(stream);
        break;
      case 6:
        empty(outbox_, now_, input_.ConsumeIntegralInRange<std::size_t>(1, 50000));
        break;
      case 7:
        end_->unbind(now_);
        bind();
        break;
      case 8:
        end_->poll(now_);
        break;
      default:
        give(next_frame(input_, 1));
    }
    check();
  }

 private:
  void bind() {
    end_->bind(outbox_, 1, now_);
    give(encode_attached(1, {600}));
  }
  void give(const Bytes& frame) {
    static_cast<void>(end_->on_frame(*decode_header(frame), ByteView(frame).subspan(kHeaderBytes), now_));
  }
  void take(std::uint32_t stream) {
    Bytes buffer(input_.ConsumeIntegralInRange<std::size_t>(1, 30000));
    end_->taken(stream, end_->read(stream, buffer));
    const StreamState* state = end_->find(stream);
    if (state != nullptr && state->at_end() && state->all_taken()) end_->end_taken(stream);
  }
  void check() const {
    std::uint64_t held = 0;
    for (std::uint32_t stream = 0; stream < 64; ++stream) {
      const StreamState* state = end_->find(stream);
      if (state != nullptr) held += state->readable();
    }
    if (held > limits::kTunnelPool + 64 * limits::kWindowStart) __builtin_trap();
  }

  FuzzedDataProvider& input_;
  Deaf ears_;
  Instant now_{std::chrono::hours(1)};
  Outbox outbox_{[] {}};
  std::unique_ptr<SessionEnd> end_;
};

// An appliance between two peers that are both hostile.
class Middle {
 public:
  explicit Middle(FuzzedDataProvider& input) : input_(input) {
    for (const Side side : {Side::console, Side::endpoint}) attach(side, 1, 1);
    for (const Side side : {Side::console, Side::endpoint}) give(side, encode_resumed(1, {1, 0, 0, {}}));
  }

  void step() {
    const Side side = input_.ConsumeBool() ? Side::console : Side::endpoint;
    Outbox& outbox = outboxes_[static_cast<std::size_t>(side)];
    switch (input_.ConsumeIntegralInRange(0, 11)) {
      case 0:
        attach(side, input_.ConsumeIntegralInRange<std::uint8_t>(0, 3), input_.ConsumeIntegralInRange(0, 50));
        break;
      case 1:
        anchor_.detach(side, {Reason::link_lost, "x"});
        break;
      case 2:
        anchor_.set_holding(input_.ConsumeBool());
        break;
      case 3:
      case 4:
        empty(outbox, Instant(), input_.ConsumeIntegralInRange<std::size_t>(1, 50000));
        break;
      default:
        if (anchor_.attached(side)) give(side, next_frame(input_, 1));
    }
    const Relay& relay = anchor_.relay();
    // Every queued byte was allowed before; frames that wait are merged, so their heads add little.
    if (relay.queued_bytes() > 2 * relay.promised_bytes() + 2 * limits::kFrameBytes) __builtin_trap();
    if (relay.streams() > 2 * limits::kLiveStreams) __builtin_trap();
  }

 private:
  void attach(Side side, std::uint8_t instance, std::uint64_t count) {
    Attach frame;
    frame.instance[0] = static_cast<std::uint8_t>(instance * 2 + static_cast<std::uint8_t>(side));
    frame.count = count;
    anchor_.attach(side, outboxes_[static_cast<std::size_t>(side)], 1, frame, "who");
  }
  void give(Side side, const Bytes& frame) {
    Block* block = Block::take();
    std::copy(frame.begin(), frame.end(), block->data());
    const FrameView view{*decode_header(frame), {block->data(), frame.size()}, block};
    static_cast<void>(anchor_.on_frame(side, view, Instant()));
    block->release();
  }

  FuzzedDataProvider& input_;
  Deaf ears_;
  std::array<Outbox, 2> outboxes_{Outbox([] {}), Outbox([] {})};
  Anchor anchor_{true, 600, ears_};
};

}  // namespace jump::mux::fuzz
