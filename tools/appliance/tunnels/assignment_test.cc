#include "tools/appliance/tunnels/assignment.h"

#include <gtest/gtest.h>

#include <map>

namespace jump::appliance {
namespace {

using Ids = std::vector<std::int64_t>;

NodeCandidate node(std::int64_t id, std::uint32_t sessions, bool online = true) {
  return {id, "gw-" + std::to_string(id), "", {"ssh", "telnet"}, online, false, sessions, 0};
}
NodeWish wish(std::string ability = "ssh") {
  return {"Main", std::move(ability), {}, ""};
}

TEST(AssignNodes, AsksTheOneWithTheFewestSessionsFirst) {
  EXPECT_EQ(assign_nodes({node(1, 3), node(2, 1), node(3, 2)}, wish()).value(), (Ids{2, 3, 1}));
}

TEST(AssignNodes, TakesTurnsAmongEquals) {
  std::vector<NodeCandidate> nodes{node(1, 0), node(2, 0), node(3, 0)};
  std::map<std::int64_t, int> starts;
  for (int n = 0; n < 9; ++n) {
    const std::int64_t first = assign_nodes(nodes, wish())->front();
    ++starts[first];
    ++nodes[static_cast<std::size_t>(first - 1)].assigned;
  }
  EXPECT_EQ(starts, (std::map<std::int64_t, int>{{1, 3}, {2, 3}, {3, 3}}));
}

TEST(AssignNodes, SkipsWhoIsOfflineOrNotAble) {
  std::vector<NodeCandidate> nodes{node(1, 0, false), node(2, 5), node(3, 0)};
  nodes[2].abilities = {"telnet"};
  EXPECT_EQ(assign_nodes(nodes, wish()).value(), Ids{2});
  EXPECT_EQ(assign_nodes(nodes, wish("telnet")).value(), (Ids{3, 2}));
}

TEST(AssignNodes, LeavesThoseInPeaceThatRunDry) {
  std::vector<NodeCandidate> nodes{node(1, 0), node(2, 5)};
  nodes[0].draining = true;
  EXPECT_EQ(assign_nodes(nodes, wish()).value(), Ids{2});
  nodes[1].draining = true;
  EXPECT_NE(assign_nodes(nodes, wish()).error().context.find("draining"), std::string::npos);
}

TEST(AssignNodes, AsksOneThatHasToldNothingYetLast) {
  std::vector<NodeCandidate> nodes{node(1, 0), node(2, 5)};
  nodes[0].abilities.clear();
  EXPECT_EQ(assign_nodes(nodes, wish()).value(), (Ids{2, 1}));
}

TEST(AssignNodes, KeepsToTheNodeOrTheTagThatTheAssetNames) {
  std::vector<NodeCandidate> nodes{node(1, 0), node(2, 9), node(3, 5)};
  nodes[1].tag = nodes[2].tag = "Cellar";
  NodeWish tagged = wish();
  tagged.tag = "cellar";
  EXPECT_EQ(assign_nodes(nodes, tagged).value(), (Ids{3, 2}));
  NodeWish pinned = wish();
  pinned.node = 2;
  EXPECT_EQ(assign_nodes(nodes, pinned).value(), Ids{2});
}

TEST(AssignNodes, SaysWhyThereIsNone) {
  const auto why = [](const std::vector<NodeCandidate>& nodes, const NodeWish& wanted) {
    return assign_nodes(nodes, wanted).error().context;
  };
  NodeWish pinned = wish();
  pinned.node = 2;
  NodeWish tagged = wish();
  tagged.tag = "cellar";
  EXPECT_EQ(why({}, wish()), "no node of the Jumpoint Main is there");
  EXPECT_EQ(why({node(1, 0, false)}, wish()), "no node of the Jumpoint Main is online");
  EXPECT_EQ(why({node(1, 0)}, wish("tunnel")), "no node of the Jumpoint Main that is online can do tunnel");
  EXPECT_EQ(why({node(1, 0)}, pinned), "the node that this asset asks for is gone");
  EXPECT_EQ(why({node(2, 0, false)}, pinned), "the node that this asset asks for is offline");
  EXPECT_EQ(why({node(1, 0)}, tagged), "no node with the tag 'cellar' of the Jumpoint Main is there");
  EXPECT_TRUE(assign_nodes({}, wish()).error().is(Fault::unavailable));
}

}  // namespace
}  // namespace jump::appliance
