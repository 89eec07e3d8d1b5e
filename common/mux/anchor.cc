#include "common/mux/anchor.h"

#include <algorithm>

namespace jump::mux {
namespace {
constexpr std::size_t kMostRetired = 64;
}

Anchor::Anchor(bool interactive, std::uint32_t wait_limit_seconds, AnchorListener& listener, Tap* tap,
               CreditPool* pool)
    : wait_limit_seconds_(wait_limit_seconds), listener_(listener), relay_(interactive, tap, pool) {}

bool Anchor::attach(Side side, Outbox& outbox, std::uint32_t slot, const Attach& frame, std::string who) {
  Party& party = sides_[static_cast<std::size_t>(side)];
  const auto refuse = [&](Reason reason, std::string text) {
    outbox.control(encode_notice(Kind::refused, slot, {reason, std::move(text)}));
    return false;
  };
  const auto retired = std::find_if(retired_.begin(), retired_.end(),
                                    [&](const Retired& r) { return r.instance == frame.instance; });
  if (retired != retired_.end()) return refuse(Reason::taken_over, retired->by);
  const bool same = party.known && party.instance == frame.instance;
  if (same && frame.count <= party.count)
    return refuse(Reason::not_allowed, "a newer attach of this end is there");
  if (party.known && !same) {
    if (side == Side::endpoint)
      return refuse(Reason::not_allowed, "the session has another endpoint process");
    retired_.push_back({party.instance, "taken over by " + who});
    if (retired_.size() > kMostRetired) retired_.pop_front();
  }
  if (relay_.connected(side)) {
    const Notice notice{Reason::taken_over,
                        same ? "replaced by a newer connection of this end" : retired_.back().by};
    release(side, encode_notice(Kind::leave, relay_.slot(side), notice));
  }
  party = {frame.instance, frame.count, true, std::move(who)};
  outboxes_[static_cast<std::size_t>(side)] = &outbox;
  relay_.connect(side, outbox, slot);
  relay_.send(side, encode_attached(slot, {wait_limit_seconds_}));
  if (relay_.connected(other(side))) start();
  return true;
}

void Anchor::start() {
  live_ = true;
  relay_.start_attachment(++serial_);
  for (const Side side : {Side::console, Side::endpoint}) {
    const Id16& peer = sides_[static_cast<std::size_t>(other(side))].instance;
    relay_.send(side, encode_resume(relay_.slot(side), {serial_, peer}));
  }
}

void Anchor::release(Side side, Bytes last_frame) {
  Outbox* outbox = outboxes_[static_cast<std::size_t>(side)];
  const std::uint32_t slot = relay_.slot(side);
  relay_.disconnect(side);
  outboxes_[static_cast<std::size_t>(side)] = nullptr;
  live_ = false;
  if (outbox == nullptr) return;
  if (!last_frame.empty()) outbox->control(std::move(last_frame));
  listener_.on_released(side, *outbox, slot);
}

void Anchor::detach(Side side, const Notice& why) {
  if (!relay_.connected(side)) return;
  release(side, {});
  const Side left = other(side);
  if (relay_.connected(left)) relay_.send(left, encode_notice(Kind::detached, relay_.slot(left), why));
}

void Anchor::finish(const Notice& why) {
  for (const Side side : {Side::console, Side::endpoint}) {
    if (relay_.connected(side)) release(side, encode_notice(Kind::leave, relay_.slot(side), why));
  }
}

void Anchor::set_holding(bool holding) {
  if (!live_) return;
  if (holding) {
    for (const Side side : {Side::console, Side::endpoint}) {
      const Notice notice{Reason::no_space,
                          "the recording cannot be written on the appliance; the session waits"};
      relay_.send(side, encode_notice(Kind::detached, relay_.slot(side), notice));
    }
    return;
  }
  start();
}

Result<void> Anchor::on_frame(Side side, const FrameView& frame, Instant now) {
  if (static_cast<Kind>(frame.header.kind) != Kind::leave) {
    Result<void> result = relay_.on_frame(side, frame, now);
    if (!result) fault(side, result.error());
    return result;
  }
  const Result<Notice> notice = decode_notice(frame.body());
  if (!notice) {
    fault(side, notice.error());
    return notice.error();
  }
  leave(side, *notice, notice->reason == Reason::let_go);
  listener_.on_leave(side, *notice);
  return {};
}

// One end is gone: the other one waits for it, or is gone too.
void Anchor::leave(Side side, const Notice& notice, bool may_come_back) {
  const Side left = other(side);
  release(side, encode_notice(Kind::leave, relay_.slot(side), notice));
  if (!relay_.connected(left)) return;
  if (may_come_back) {
    relay_.send(left, encode_notice(Kind::detached, relay_.slot(left), notice));
  } else {
    release(left, encode_notice(Kind::leave, relay_.slot(left), notice));
  }
}

void Anchor::fault(Side side, const Error& error) {
  const Notice notice{Reason::protocol, error.message()};
  leave(side, notice, side == Side::console);
  if (side == Side::endpoint) listener_.on_leave(side, notice);
}

}  // namespace jump::mux
