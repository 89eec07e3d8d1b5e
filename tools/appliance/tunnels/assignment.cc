#include "tools/appliance/tunnels/assignment.h"

#include <algorithm>
#include <tuple>

#include "common/base/bytes.h"

namespace jump::appliance {
namespace {

// Tags are compared without regard to case, as in the lists of assets.
bool same_tag(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(x) == lower(y);
  });
}

std::string which(const NodeWish& wish) {
  if (wish.node) return "the node that this asset asks for";
  return wish.tag.empty() ? "no node" : "no node with the tag '" + printable(wish.tag, 64) + "'";
}

}  // namespace

Result<std::vector<std::int64_t>> assign_nodes(const std::vector<NodeCandidate>& nodes,
                                               const NodeWish& wish) {
  std::vector<const NodeCandidate*> fit;
  bool listed = false, online = false, willing = false;
  for (const NodeCandidate& node : nodes) {
    if (wish.node && node.id != *wish.node) continue;
    if (!wish.tag.empty() && !same_tag(node.tag, wish.tag)) continue;
    listed = true;
    if (!node.online) continue;
    online = true;
    if (node.draining) continue;
    willing = true;
    // One that has come just now has not told what it can do: it will say when it is asked.
    const bool untold = node.abilities.empty();
    if (untold ||
        std::find(node.abilities.begin(), node.abilities.end(), wish.ability) != node.abilities.end())
      fit.push_back(&node);
  }
  if (fit.empty()) {
    const std::string of = " of the Jumpoint " + wish.jumpoint;
    std::string why;
    if (!listed) {
      why = wish.node ? which(wish) + " is gone" : which(wish) + of + " is there";
    } else if (!online) {
      why = wish.node ? which(wish) + " is offline" : which(wish) + of + " is online";
    } else if (!willing) {
      why = wish.node ? which(wish) + " is draining" : which(wish) + of + " takes sessions: all are draining";
    } else {
      why = which(wish) + (wish.node ? "" : of + " that is online") + " can do " + wish.ability;
      if (wish.node) why = which(wish) + " cannot do " + wish.ability;
    }
    return Error(Fault::unavailable, why);
  }
  std::sort(fit.begin(), fit.end(), [](const NodeCandidate* a, const NodeCandidate* b) {
    const bool a_untold = a->abilities.empty(), b_untold = b->abilities.empty();
    return std::tie(a_untold, a->sessions, a->assigned, a->id) <
           std::tie(b_untold, b->sessions, b->assigned, b->id);
  });
  std::vector<std::int64_t> order;
  order.reserve(fit.size());
  for (const NodeCandidate* node : fit) order.push_back(node->id);
  return order;
}

}  // namespace jump::appliance
