// A session in memory for tests: console end, appliance (anchor), tunnel process (transparent relay),
// endpoint end, and three links between them that can be cut at any byte. Everything moves only when the test
// says so.
#pragma once

#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

#include "common/mux/anchor.h"
#include "common/mux/frame_reader.h"
#include "common/mux/session_end.h"

namespace jump::mux::lab {

// How many seeds a random test tries: JUMP_SEEDS for long runs, else few enough for the daily suite.
inline unsigned seeds(unsigned few) {
  const char* text = std::getenv("JUMP_SEEDS");
  return text == nullptr ? few : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// One direction of a link: an outbox, the bytes on the wire, a reader.
struct Pipe {
  Outbox outbox{[] {}};
  Bytes wire;
  std::size_t read = 0;  // of the wire
  FrameReader reader;
  Duration delay{};  // of the path

  // Encodes up to `limit` bytes onto the wire.
  void pump(std::size_t limit, std::size_t most_frame, Instant now) {
    if (!outbox.pending() && !outbox.lazy_pending()) return;
    outbox.fill(batch_, limit, most_frame, now);
    for (const ByteView part : batch_.parts()) wire.insert(wire.end(), part.begin(), part.end());
    if (!batch_.empty()) under_way_.emplace_back(now + delay, batch_.bytes());
    batch_.clear();
  }
  // Delivers up to `limit` bytes of what has arrived by `now`; `sink` gets each whole frame.
  template <typename Sink>
  void deliver(std::size_t limit, Instant now, Sink sink) {
    while (!under_way_.empty() && under_way_.front().first <= now) {
      arrived_ += under_way_.front().second;
      under_way_.pop_front();
    }
    std::size_t left = std::min(limit, arrived_);
    arrived_ -= left;
    while (left > 0) {
      const std::span<std::uint8_t> room = reader.room();
      const std::size_t size = std::min(left, room.size());
      std::copy_n(wire.begin() + static_cast<std::ptrdiff_t>(read), size, room.begin());
      read += size;
      if (read == wire.size()) {
        wire.clear();
        read = 0;
      }
      reader.filled(size);
      left -= size;
      while (true) {
        auto next = reader.next();
        if (!next) throw std::runtime_error(next.error().message());
        if (!*next) break;
        sink(**next);
      }
    }
    if (read > 1 << 20) {
      wire.erase(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(read));
      read = 0;
    }
  }
  bool quiet() const { return read == wire.size() && !outbox.pending() && !outbox.lazy_pending(); }

 private:
  Batch batch_;
  std::deque<std::pair<Instant, std::size_t>> under_way_;
  std::size_t arrived_ = 0;
};

struct Link {
  Pipe up;    // towards the appliance
  Pipe down;  // from it
};

struct Ear : SessionListener {
  void on_stream(std::uint32_t) override { ++streams; }
  void on_state() override {
    ++states;
    if (state_hook) state_hook();
  }
  std::function<void()> state_hook;
  std::uint64_t streams = 0;
  std::uint64_t states = 0;
};

// The three links: 0 console–appliance, 1 tunnel process–appliance, 2 endpoint–tunnel process.
class Lab : public AnchorListener {
 public:
  explicit Lab(bool interactive = true, StreamOptions options = {})
      : options_(options), interactive_(interactive) {
    SessionEnd::Options end;
    end.session[0] = 7;
    end.zero = {};
    end.learnt = options;
    end.console = true;
    end.instance[0] = 1;
    console = std::make_unique<SessionEnd>(end, console_ear, now);
    end.console = false;
    end.instance[0] = 2;
    endpoint = std::make_unique<SessionEnd>(end, endpoint_ear, now);
    anchor = std::make_unique<Anchor>(interactive, 600, *this, nullptr);
  }

  // A recording; before the first connect().
  void use_tap(Tap& recording) {
    tap = &recording;
    anchor = std::make_unique<Anchor>(interactive_, 600, *this, tap);
  }
  // The recording can be written again, as far as its owner knows.
  void stop_holding() {
    if (std::exchange(holding_, false)) anchor->set_holding(false);
  }

  void restart_appliance() {
    holding_ = false;
    cut(0);
    cut(1);
    anchor = std::make_unique<Anchor>(interactive_, 600, *this, tap);
  }

  // Another console comes over a link of its own and attaches. The old one is kept for the test to look at.
  void take_over(std::uint8_t instance) {
    SessionEnd::Options end;
    end.session[0] = 7;
    end.learnt = options_;
    end.console = true;
    end.instance[0] = instance;
    end.take_over = true;
    old_consoles_.push_back(std::move(console));
    old_links_.push_back(std::move(links[0]));
    console = std::make_unique<SessionEnd>(end, console_ear, now);
    connect();
  }

  // Links that are down come up, each with a new slot; the ends attach.
  void connect() {
    if (!links[0]) {
      links[0] = std::make_unique<Link>();
      links[0]->up.delay = links[0]->down.delay = delay;
      console->bind(links[0]->up.outbox, ++slot_, now);
    }
    if (!links[1]) {
      links[1] = std::make_unique<Link>();
      links[1]->up.delay = links[1]->down.delay = delay;
    }
    if (!links[2]) {
      links[2] = std::make_unique<Link>();
      middle = std::make_unique<Relay>(interactive_);
      middle->connect(Side::endpoint, links[2]->down.outbox, 1);
      middle->connect(Side::console, links[1]->up.outbox, ++slot_);
      endpoint->bind(links[2]->up.outbox, 1, now);
    }
  }

  void cut(int link) {
    if (!links[static_cast<std::size_t>(link)]) return;
    if (link == 0) {
      console->unbind(now);
      anchor->detach(Side::console, {Reason::link_lost, "cut"});
    } else {
      // The tunnel process closes its local sockets when its tunnel is lost, and is gone when it dies.
      endpoint->unbind(now);
      middle.reset();
      links[2].reset();
      if (link == 1) anchor->detach(Side::endpoint, {Reason::link_lost, "cut"});
      if (link == 2) {
        anchor->detach(Side::endpoint, {Reason::link_lost, "the session process's socket closed"});
        links[1].reset();
      }
    }
    links[static_cast<std::size_t>(link)].reset();
  }

  void step(std::size_t bytes) {
    now += std::chrono::microseconds(50);
    // What is still on its way to a console that was replaced.
    for (std::size_t i = 0; i < old_links_.size(); ++i) {
      if (!old_links_[i]) continue;
      old_links_[i]->down.pump(bytes, most_frame, now);
      old_links_[i]->down.deliver(
          bytes, now, [&](const FrameView& f) { fine(old_consoles_[i]->on_frame(f.header, f.body(), now)); });
    }
    if (links[0]) {
      links[0]->up.pump(bytes, most_frame, now);
      links[0]->up.deliver(bytes, now, [&](const FrameView& f) { at_anchor(Side::console, f); });
    }
    if (links[0]) {
      links[0]->down.pump(bytes, most_frame, now);
      links[0]->down.deliver(bytes, now,
                             [&](const FrameView& f) { fine(console->on_frame(f.header, f.body(), now)); });
    }
    if (links[1]) {
      links[1]->up.pump(bytes, most_frame, now);
      links[1]->up.deliver(bytes, now, [&](const FrameView& f) { at_anchor(Side::endpoint, f); });
      links[1]->down.pump(bytes, most_frame, now);
      links[1]->down.deliver(bytes, now, [&](const FrameView& f) { at_middle(Side::console, f); });
    }
    if (links[2]) {
      links[2]->up.pump(bytes, most_frame, now);
      links[2]->up.deliver(bytes, now, [&](const FrameView& f) { at_middle(Side::endpoint, f); });
      links[2]->down.pump(bytes, most_frame, now);
      links[2]->down.deliver(bytes, now,
                             [&](const FrameView& f) { fine(endpoint->on_frame(f.header, f.body(), now)); });
    }
  }
  void settle(int rounds = 400) {
    for (int i = 0; i < rounds; ++i) step(1 << 20);
  }
  // Nothing is under way nor waits for a link.
  bool quiet() const {
    return std::all_of(links.begin(), links.end(),
                       [](const auto& link) { return !link || (link->up.quiet() && link->down.quiet()); });
  }

  // Transfers whatever can be read of `stream` at `end` to `into`, as taken.
  static void drain(SessionEnd& end, std::uint32_t stream, std::string& into, std::size_t most = 1 << 20) {
    const StreamState* state = end.find(stream);
    if (state == nullptr) return;
    std::string buffer(std::min(most, state->readable()), '\0');
    const std::size_t size =
        end.read(stream, {reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size()});
    into.append(buffer, 0, size);
    end.taken(stream, size);
    state = end.find(stream);
    if (state != nullptr && state->at_end()) end.end_taken(stream);
  }

  Instant now{std::chrono::hours(1)};
  std::size_t most_frame = limits::kFrameBytes;
  Duration delay{};  // of each tunnel that comes up from now on, one way
  Ear console_ear;
  Ear endpoint_ear;
  std::unique_ptr<SessionEnd> console;
  std::unique_ptr<SessionEnd> endpoint;
  std::unique_ptr<Anchor> anchor;
  std::unique_ptr<Relay> middle;
  std::array<std::unique_ptr<Link>, 3> links;
  std::vector<Notice> leaves;
  Tap* tap = nullptr;

 private:
  static void fine(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().message());
  }

  void at_anchor(Side side, const FrameView& f) {
    if (f.header.kind == static_cast<std::uint8_t>(Kind::attach)) {
      Outbox& outbox = side == Side::console ? links[0]->down.outbox : links[1]->down.outbox;
      anchor->attach(side, outbox, f.header.slot, decode_attach(f.body()).value(), "someone");
    } else if (anchor->attached(side)) {
      fine(anchor->on_frame(side, f, now));
      if (anchor->relay().holding() && !std::exchange(holding_, true)) anchor->set_holding(true);
    }
  }

  void at_middle(Side side, const FrameView& f) {
    if (!middle) return;
    switch (static_cast<Kind>(f.header.kind)) {
      case Kind::resume:
        middle->start_attachment(decode_resume(f.body()).value().serial);
        fine(middle->pass(other(side), f));
        break;
      case Kind::attach:
      case Kind::attached:
      case Kind::refused:
      case Kind::detached:
      case Kind::leave:
        fine(middle->pass(other(side), f));
        break;
      default:
        fine(middle->on_frame(side, f, now));
    }
  }

  void on_leave(Side, const Notice& notice) override { leaves.push_back(notice); }
  void on_released(Side, const Outbox&, std::uint32_t) override {}

  StreamOptions options_;
  bool interactive_;
  bool holding_ = false;
  std::uint32_t slot_ = 10;
  std::vector<std::unique_ptr<Link>> old_links_;
  std::vector<std::unique_ptr<SessionEnd>> old_consoles_;
};

}  // namespace jump::mux::lab
