// Which attach counts, and what the other end hears of it.
#include "common/mux/anchor.h"

#include <gtest/gtest.h>

namespace jump::mux {
namespace {

struct Told {
  Kind kind;
  std::uint32_t slot;
  Bytes body;
  Notice notice() const { return decode_notice(body).value(); }
};

// One connection of a peer.
struct Wire {
  Outbox outbox{[] {}};
  std::vector<Told> told() {
    Batch batch;
    outbox.fill(batch, 1 << 20, limits::kFrameBytes, Instant());
    Bytes bytes;
    for (const ByteView part : batch.parts()) bytes.insert(bytes.end(), part.begin(), part.end());
    std::vector<Told> frames;
    for (std::size_t at = 0; at < bytes.size();) {
      const ByteView rest = ByteView(bytes).subspan(at);
      const Header header = decode_header(rest).value();
      const ByteView body = rest.subspan(kHeaderBytes, header.length - kHeaderBytes);
      frames.push_back({static_cast<Kind>(header.kind), header.slot, Bytes(body.begin(), body.end())});
      at += header.length;
    }
    return frames;
  }
  std::vector<Kind> kinds() {
    std::vector<Kind> kinds;
    for (const Told& frame : told()) kinds.push_back(frame.kind);
    return kinds;
  }
};

using Kinds = std::vector<Kind>;

class AnchorTest : public testing::Test, public AnchorListener {
 protected:
  static Attach attach_of(std::uint8_t instance, std::uint64_t count) {
    Attach attach;
    attach.instance[0] = instance;
    attach.count = count;
    return attach;
  }
  bool attach(Side side, Wire& wire, std::uint32_t slot, std::uint8_t instance, std::uint64_t count,
              std::string who = "ann") {
    return anchor.attach(side, wire.outbox, slot, attach_of(instance, count), std::move(who));
  }
  Result<void> from(Side side, std::uint32_t slot, Bytes frame) {
    put_u32(&frame[4], slot);
    Block* block = Block::take();
    std::copy(frame.begin(), frame.end(), block->data());
    const FrameView view{decode_header(frame).value(), {block->data(), frame.size()}, block};
    Result<void> result = anchor.on_frame(side, view, Instant());
    block->release();
    return result;
  }
  void both() {
    ASSERT_TRUE(attach(Side::endpoint, agent, 1, 2, 1));
    ASSERT_TRUE(attach(Side::console, ann, 7, 1, 1));
    ASSERT_TRUE(anchor.live());
    agent.told();
    ann.told();
  }
  void on_leave(Side side, const Notice& notice) override { leaves.emplace_back(side, notice.reason); }
  void on_released(Side side, const Outbox&, std::uint32_t slot) override {
    released.emplace_back(side, slot);
  }

  std::vector<std::pair<Side, Reason>> leaves;
  std::vector<std::pair<Side, std::uint32_t>> released;
  Wire agent, ann, bob;
  Anchor anchor{true, 600, *this};
};

TEST_F(AnchorTest, StartsAnAttachmentWhenBothEndsAreThere) {
  ASSERT_TRUE(attach(Side::endpoint, agent, 1, 2, 1));
  auto told = agent.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::attached);
  EXPECT_EQ(decode_attached(told[0].body)->wait_limit_seconds, 600u);
  EXPECT_FALSE(anchor.live());
  ASSERT_TRUE(attach(Side::console, ann, 7, 1, 1));
  EXPECT_EQ(ann.kinds(), (Kinds{Kind::attached, Kind::resume}));
  told = agent.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::resume);
  EXPECT_EQ(decode_resume(told[0].body)->serial, 1u);
  EXPECT_EQ(decode_resume(told[0].body)->peer_instance[0], 1);
}

TEST_F(AnchorTest, ALostLinkIsToldAndEndsTheAttachment) {
  both();
  anchor.detach(Side::console, {Reason::link_lost, "gone"});
  EXPECT_FALSE(anchor.live());
  const auto told = agent.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::detached);
  EXPECT_EQ(told[0].notice().reason, Reason::link_lost);
  anchor.detach(Side::console, {Reason::link_lost, "gone"});
  EXPECT_TRUE(agent.told().empty());
  ASSERT_TRUE(attach(Side::console, bob, 3, 1, 2));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::resume}));
}

TEST_F(AnchorTest, ANewerConnectionOfTheSameEndReplacesTheOlder) {
  both();
  ASSERT_TRUE(attach(Side::console, bob, 3, 1, 2));
  const auto told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::leave);
  EXPECT_EQ(told[0].slot, 7u);
  EXPECT_EQ(told[0].notice().text, "replaced by a newer connection of this end");
  EXPECT_EQ(released, (std::vector<std::pair<Side, std::uint32_t>>{{Side::console, 7}}));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::resume}));
  EXPECT_EQ(bob.kinds(), (Kinds{Kind::attached, Kind::resume}));
}

TEST_F(AnchorTest, AnOlderCountIsRefusedAndChangesNothing) {
  both();
  ASSERT_TRUE(attach(Side::console, bob, 3, 1, 5));
  for (const std::uint64_t count : {0, 1, 4, 5}) {
    Wire late;
    EXPECT_FALSE(attach(Side::console, late, 9, 1, count));
    const auto told = late.told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].kind, Kind::refused);
    EXPECT_EQ(told[0].slot, 9u);
    EXPECT_EQ(told[0].notice().reason, Reason::not_allowed);
  }
  EXPECT_TRUE(anchor.live());
}

TEST_F(AnchorTest, ACountIsRememberedWhileTheEndIsAway) {
  both();
  anchor.detach(Side::console, {Reason::link_lost, "gone"});
  EXPECT_FALSE(attach(Side::console, bob, 3, 1, 1));
  EXPECT_TRUE(attach(Side::console, bob, 4, 1, 2));
}

TEST_F(AnchorTest, AnotherConsoleTakesOverAndTheOldOneNeverComesBack) {
  both();
  ASSERT_TRUE(attach(Side::console, bob, 3, 9, 1, "bob at 12:00"));
  auto told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::leave);
  EXPECT_EQ(told[0].notice().reason, Reason::taken_over);
  EXPECT_EQ(told[0].notice().text, "taken over by bob at 12:00");
  told = agent.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(decode_resume(told[0].body)->peer_instance[0], 9);
  EXPECT_FALSE(attach(Side::console, ann, 8, 1, 99));
  told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::refused);
  EXPECT_EQ(told[0].notice().text, "taken over by bob at 12:00");
  EXPECT_TRUE(anchor.live());
}

TEST_F(AnchorTest, ATakeoverOfAnAbsentConsoleCountsToo) {
  both();
  anchor.detach(Side::console, {Reason::link_lost, "gone"});
  ASSERT_TRUE(attach(Side::console, bob, 3, 9, 1, "bob"));
  EXPECT_FALSE(attach(Side::console, ann, 8, 1, 2));
}

TEST_F(AnchorTest, AnotherEndpointProcessIsRefused) {
  both();
  Wire other;
  EXPECT_FALSE(attach(Side::endpoint, other, 5, 3, 1));
  EXPECT_EQ(other.kinds(), (Kinds{Kind::refused}));
  anchor.detach(Side::endpoint, {Reason::link_lost, "gone"});
  EXPECT_FALSE(attach(Side::endpoint, other, 6, 3, 2));
  EXPECT_TRUE(attach(Side::endpoint, other, 7, 2, 2));
}

TEST_F(AnchorTest, AnEndpointThatLeavesEndsBoth) {
  both();
  ASSERT_TRUE(from(Side::endpoint, 1, encode_notice(Kind::leave, 1, {Reason::finished, "done"})));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(ann.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(leaves, (std::vector<std::pair<Side, Reason>>{{Side::endpoint, Reason::finished}}));
  EXPECT_EQ(released.size(), 2u);
}

TEST_F(AnchorTest, AnEndThatLetsGoIsWaitedFor) {
  both();
  ASSERT_TRUE(from(Side::console, 7, encode_notice(Kind::leave, 7, {Reason::let_go, "later"})));
  EXPECT_EQ(ann.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::detached}));
  EXPECT_TRUE(anchor.attached(Side::endpoint));
  EXPECT_EQ(leaves, (std::vector<std::pair<Side, Reason>>{{Side::console, Reason::let_go}}));
}

TEST_F(AnchorTest, AConsoleThatBreaksARuleLosesItsLegOnly) {
  both();
  ASSERT_TRUE(from(Side::console, 7, encode_resumed(7, {1, 0, 0, {}})));
  ASSERT_TRUE(from(Side::endpoint, 1, encode_resumed(1, {1, 0, 0, {}})));
  ann.told();
  agent.told();
  ASSERT_FALSE(from(Side::console, 7, encode_window(7, 2, {9, 9})));
  auto told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::leave);
  EXPECT_EQ(told[0].notice().reason, Reason::protocol);
  told = agent.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::detached);
  EXPECT_TRUE(leaves.empty());
}

TEST_F(AnchorTest, AnEndpointThatBreaksARuleEndsTheSession) {
  both();
  ASSERT_TRUE(from(Side::endpoint, 1, encode_resumed(1, {1, 0, 0, {}})));
  ann.told();
  ASSERT_FALSE(from(Side::endpoint, 1, encode_window(1, 2, {9, 9})));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(ann.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(leaves, (std::vector<std::pair<Side, Reason>>{{Side::endpoint, Reason::protocol}}));
}

TEST_F(AnchorTest, ALeaveThatIsNoneIsABrokenRule) {
  both();
  Bytes frame = encode_notice(Kind::leave, 7, {Reason::finished, "x"});
  frame.back() = 0xFF;
  ASSERT_FALSE(from(Side::console, 7, frame));
  EXPECT_EQ(ann.kinds(), (Kinds{Kind::leave}));
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::detached}));
}

TEST_F(AnchorTest, WhatOnlyTheApplianceSaysIsNotPassedOn) {
  both();
  const Notice notice{Reason::finished, ""};
  for (const Bytes& frame : {encode_attached(7, {1}), encode_notice(Kind::refused, 7, notice),
                             encode_notice(Kind::detached, 7, notice), encode_resume(7, {9, {}})}) {
    EXPECT_TRUE(from(Side::console, 7, frame));
  }
  EXPECT_TRUE(agent.told().empty());
  ASSERT_TRUE(from(Side::console, 7, encode_resumed(7, {1, 0, 0, {}})));
  agent.told();
  EXPECT_FALSE(from(Side::console, 7, encode_resume(7, {9, {}})));
}

TEST_F(AnchorTest, FinishTellsBoth) {
  both();
  anchor.finish({Reason::ended_by_administrator, "stop"});
  const auto told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].notice().text, "stop");
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::leave}));
  EXPECT_FALSE(anchor.attached(Side::console));
  anchor.finish({Reason::ended_by_administrator, "stop"});
  EXPECT_TRUE(agent.told().empty());
}

TEST_F(AnchorTest, AFullDiskHoldsBothAndANewAttachmentFollows) {
  both();
  anchor.set_holding(true);
  auto told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].notice().reason, Reason::no_space);
  EXPECT_EQ(agent.kinds(), (Kinds{Kind::detached}));
  anchor.set_holding(false);
  told = ann.told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(decode_resume(told[0].body)->serial, 2u);
}

TEST_F(AnchorTest, ManyTakeoversAreRememberedUpToALimit) {
  both();
  for (std::uint8_t i = 10; i < 210; ++i) ASSERT_TRUE(attach(Side::console, bob, i, i, 1, "bob"));
  EXPECT_FALSE(attach(Side::console, ann, 1, 200, 2));
}

}  // namespace
}  // namespace jump::mux
