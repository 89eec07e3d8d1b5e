#include "common/endpoint/local_relay.h"

namespace jump::endpoint {
namespace {
constexpr std::uint32_t kLocalSlot = 1;
}

LocalRelay::LocalRelay(asio::any_io_executor executor, platform::Handle end, tunnel::Link& tunnel,
                       std::uint32_t slot)
    : transport_(executor, std::move(end)),
      tunnel_(tunnel),
      slot_(slot),
      local_(executor, transport_, *this),
      relay_(true) {
  local_.set_busy(true);
  relay_.connect(mux::Side::endpoint, local_.outbox(), kLocalSlot);
  relay_.connect(mux::Side::console, tunnel_.outbox(), slot_);
}

LocalRelay::~LocalRelay() {
  relay_.disconnect(mux::Side::endpoint);
  relay_.disconnect(mux::Side::console);
}

Task<Error> LocalRelay::run() {
  Error why = co_await local_.run();
  if (attached_) {
    // The end is gone without a word: the appliance must know that this leg is free. `let_go` means: it may
    // come back.
    const mux::Notice gone{mux::Reason::let_go, "the session process left the tunnel process"};
    tunnel_.outbox().control(mux::encode_notice(mux::Kind::leave, slot_, gone));
  }
  co_return why;
}

void LocalRelay::close(Error reason) {
  local_.close(std::move(reason));
}

Result<void> LocalRelay::on_frame(const mux::FrameView& frame, Instant now) {
  if (frame.header.slot != kLocalSlot) return Error(Fault::malformed, "a session process has one slot");
  switch (static_cast<mux::Kind>(frame.header.kind)) {
    case mux::Kind::attach:
      attached_ = true;
      return relay_.pass(mux::Side::console, frame);
    case mux::Kind::leave:
      attached_ = false;
      return relay_.pass(mux::Side::console, frame);
    default:
      return relay_.on_frame(mux::Side::endpoint, frame, now);
  }
}

void LocalRelay::on_go_away(const mux::GoAwayBody&) {
  local_.close(Error(Fault::closed, "the session process left"));
}

Result<void> LocalRelay::from_tunnel(const mux::FrameView& frame, Instant now) {
  switch (static_cast<mux::Kind>(frame.header.kind)) {
    case mux::Kind::resume: {
      const Result<mux::Resume> resume = mux::decode_resume(frame.body());
      if (!resume) return resume.error();
      relay_.start_attachment(resume->serial);
      return relay_.pass(mux::Side::endpoint, frame);
    }
    case mux::Kind::refused:
    case mux::Kind::leave:
      attached_ = false;
      return relay_.pass(mux::Side::endpoint, frame);
    case mux::Kind::attached:
    case mux::Kind::detached:
      return relay_.pass(mux::Side::endpoint, frame);
    default:
      return relay_.on_frame(mux::Side::console, frame, now);
  }
}

}  // namespace jump::endpoint
