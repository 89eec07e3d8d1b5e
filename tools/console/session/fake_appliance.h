// An appliance and one endpoint in memory, for tests: the console dials it, opens a session, and is cut off
// when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "common/control/codec.h"
#include "common/endpoint/session_io.h"
#include "common/mux/anchor.h"
#include "common/mux/control_frames.h"
#include "common/tunnel/link.h"
#include "tests/support/memory_transport.h"
#include "tests/support/run_task.h"
#include "tools/console/session/console_tunnel.h"

namespace jump::console::test {

class FakeAppliance : public mux::AnchorListener {
 public:
  explicit FakeAppliance(asio::io_context& io, bool interactive = true)
      : group(io.get_executor()),
        executor_(io.get_executor()),
        pipe_(jump::test::memory_pair(executor_)),
        endpoint_leg_(*this),
        relay_leg_(*this),
        endpoint_link_(executor_, *pipe_.first, endpoint_leg_),
        relay_link_(executor_, *pipe_.second, relay_leg_),
        anchor_(interactive, 600, *this) {
    group.spawn("endpoint link", run(endpoint_link_));
    group.spawn("relay link", run(relay_link_));
  }

  ConsoleTunnel::Dial dial() {
    return [this] { return connect(); };
  }
  // Every connection that a console has now breaks.
  void cut() {
    for (const auto& [link, leg] : consoles_) link->close(Error(Fault::closed, "cut"));
  }
  Task<> stop() { co_await group.stop(); }
  // The endpoint's side of the session; there after the first open.
  endpoint::SessionIo& endpoint() { return *endpoint_; }

  std::vector<control::Hello> hellos;
  std::vector<control::OpenSession> opens;
  std::vector<std::uint32_t> slots;  // of attaches
  std::vector<mux::Notice> leaves;
  int dials = 0;
  bool answers = true;
  bool reachable = true;
  std::optional<mux::GoAwayBody> refuses;
  TaskGroup group;

 private:
  struct EndpointLeg : tunnel::LinkHandler {
    explicit EndpointLeg(FakeAppliance& o) : owner(o) {}
    Result<void> on_frame(const mux::FrameView& frame, Instant now) override {
      return owner.endpoint_->end().on_frame(frame.header, frame.body(), now);
    }
    void on_go_away(const mux::GoAwayBody&) override {}
    FakeAppliance& owner;
  };
  struct RelayLeg : tunnel::LinkHandler {
    explicit RelayLeg(FakeAppliance& o) : owner(o) {}
    Result<void> on_frame(const mux::FrameView& frame, Instant now) override {
      if (frame.header.kind == static_cast<std::uint8_t>(mux::Kind::attach)) {
        const Result<mux::Attach> attach = mux::decode_attach(frame.body());
        owner.anchor_.attach(mux::Side::endpoint, owner.relay_link_.outbox(), frame.header.slot, *attach,
                             "endpoint");
        return {};
      }
      if (!owner.anchor_.attached(mux::Side::endpoint)) return {};
      return owner.anchor_.on_frame(mux::Side::endpoint, frame, now);
    }
    void on_go_away(const mux::GoAwayBody&) override {}
    FakeAppliance& owner;
  };
  struct ConsoleLeg : tunnel::LinkHandler {
    explicit ConsoleLeg(FakeAppliance& o) : owner(o) {}
    Result<void> on_frame(const mux::FrameView& frame, Instant now) override {
      return owner.on_console_frame(*this, frame, now);
    }
    void on_go_away(const mux::GoAwayBody&) override {}
    FakeAppliance& owner;
    tunnel::Link* link = nullptr;
    mux::ControlAssembler assembler;
    std::optional<std::uint32_t> slot;
  };

  static Task<> run(tunnel::Link& link) { static_cast<void>(co_await link.run()); }

  Task<Result<TransportPtr>> connect() {
    ++dials;
    if (!reachable) co_return Error(Fault::unavailable, "connect appliance: connection refused");
    jump::test::MemoryPair pair = jump::test::memory_pair(executor_);
    group.spawn("console", serve(std::move(pair.second)));
    co_return TransportPtr(std::move(pair.first));
  }

  Task<> serve(std::unique_ptr<jump::test::MemoryTransport> transport) {
    ConsoleLeg leg(*this);
    tunnel::Link link(executor_, *transport, leg);
    leg.link = &link;
    consoles_[&link] = &leg;
    static_cast<void>(co_await link.run());
    consoles_.erase(&link);
    if (leg.slot && owner_ == &leg) {
      owner_ = nullptr;
      anchor_.detach(mux::Side::console, {mux::Reason::link_lost, "the console's link is gone"});
    }
  }

  Result<void> on_console_frame(ConsoleLeg& leg, const mux::FrameView& frame, Instant now) {
    switch (static_cast<mux::Kind>(frame.header.kind)) {
      case mux::Kind::hello:
        return on_hello(leg, frame);
      case mux::Kind::control:
        return on_control(leg, frame);
      case mux::Kind::attach: {
        const Result<mux::Attach> attach = mux::decode_attach(frame.body());
        slots.push_back(frame.header.slot);
        leg.slot = frame.header.slot;
        owner_ = &leg;
        anchor_.attach(mux::Side::console, leg.link->outbox(), frame.header.slot, *attach, "user:anna");
        return {};
      }
      default:
        if (owner_ != &leg || leg.slot != frame.header.slot || !anchor_.attached(mux::Side::console))
          return {};
        return anchor_.on_frame(mux::Side::console, frame, now);
    }
  }

  Result<void> on_hello(ConsoleLeg& leg, const mux::FrameView& frame) {
    Result<control::Hello> hello = control::decode_hello(as_text(frame.body()));
    if (!hello) return hello.error();
    hellos.push_back(std::move(*hello));
    if (refuses) {
      leg.link->go_away(*refuses, Error(Fault::refused, "refused"));
      return {};
    }
    control::Welcome welcome;
    welcome.peer_id = "console:anna";
    leg.link->outbox().control(mux::encode_json(mux::Kind::welcome, *control::encode_welcome(welcome)));
    return {};
  }

  Result<void> on_control(ConsoleLeg& leg, const mux::FrameView& frame) {
    Result<std::optional<std::string>> text = leg.assembler.add(frame.header, frame.body());
    if (!text || !*text) return text ? Result<void>() : text.error();
    const Result<control::ControlMessage> message = control::decode_control(**text);
    if (!message) return message.error();
    const auto* question = std::get_if<control::QuestionMsg>(&*message);
    if (question == nullptr) return {};
    if (const auto* open = std::get_if<control::OpenSession>(&question->question)) {
      opens.push_back(*open);
      if (!endpoint_) start_endpoint(open->session);
    }
    if (!answers) return {};
    control::SessionOpened opened;
    opened.endpoint = "web-01 (agent:17)";
    const control::Answer answer(opened);
    for (Bytes& one : mux::encode_control(*control::encode_answer(question->ask, answer))) {
      leg.link->outbox().control(std::move(one));
    }
    return {};
  }

  void start_endpoint(const control::SessionId& id) {
    mux::SessionEnd::Options options;
    options.session = id;
    options.instance[0] = 9;
    mux::StreamOptions kept;
    kept.retain = limits::kShellKept;
    endpoint_ = std::make_unique<endpoint::SessionIo>(executor_, options, kept);
    endpoint_->end().bind(endpoint_link_.outbox(), 1, BootClock::now());
  }

  void on_leave(mux::Side side, const mux::Notice& notice) override {
    if (side == mux::Side::console) leaves.push_back(notice);
  }
  void on_released(mux::Side, const mux::Outbox&, std::uint32_t) override {}

  asio::any_io_executor executor_;
  jump::test::MemoryPair pipe_;
  EndpointLeg endpoint_leg_;
  RelayLeg relay_leg_;
  tunnel::Link endpoint_link_;
  tunnel::Link relay_link_;
  std::unique_ptr<endpoint::SessionIo> endpoint_;
  mux::Anchor anchor_;
  std::map<tunnel::Link*, ConsoleLeg*> consoles_;
  ConsoleLeg* owner_ = nullptr;
};

}  // namespace jump::console::test
