// The longest prefix that holds an address, out of many: built once, never changed, read from any thread.
//
// A trie with 64-way nodes of one cache line: a bitmap says which of the 64 slots lead to a node (these stand
// side by side) and another where the answer changes among the others, so that a node costs only what it
// holds. A node names the bits above it and is left with its `outside` answer when the address differs there:
// long common starts, as in IPv6, cost nothing. From 256 prefixes on the first 16 bits choose from a table.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/access/prefix.h"

namespace jump::access {

class PrefixTrie {
 public:
  static constexpr std::uint32_t kNone = 0;

  PrefixTrie() = default;
  // All of one family; `line` is what look_up() answers, never 0. Of equal prefixes the first counts.
  explicit PrefixTrie(std::vector<Rule> rules);

  // Of the longest prefix that holds the address, which is of the trie's family; kNone when none does.
  std::uint32_t look_up(std::uint64_t high, std::uint64_t low) const {
    std::uint32_t at = table_[(high >> 1) >> table_shift_];
    while ((at & kNode) != 0) {
      const Node& node = nodes_[at & ~kNode];
      if ((((high ^ node.high) & node.mask_high) | ((low ^ node.low) & node.mask_low)) != 0) {
        return node.outside;
      }
      if (node.shift == kWhole) return node.first_leaf;
      const std::uint64_t word = node.shift >= 64 ? high : low;
      const unsigned slot = static_cast<unsigned>(word >> (node.shift & 63)) & 63;
      const std::uint64_t upto =
          (std::uint64_t{2} << slot) - 1;  // slot 63: 2 << 63 is 0, and all bits are set
      if ((node.children >> slot & 1) != 0) {
        at = kNode | (node.first_child + count(node.children & upto) - 1);
      } else {
        at = leaves_[node.first_leaf + count(node.changes & upto) - 1];
      }
    }
    return at;
  }

  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kNode = std::uint32_t{1} << 31;

  // A node of one prefix: the masks are its own, and its answer stands in `first_leaf`, so that the usual end
  // of a look-up needs no further cache line.
  static constexpr std::uint32_t kWhole = 128;

  struct alignas(64) Node {
    std::uint64_t children = 0;  // slots that lead to a node
    std::uint64_t changes = 0;   // other slots whose answer differs from the last such slot's
    std::uint64_t high = 0;      // what the address must be above this node, under the masks
    std::uint64_t low = 0;
    std::uint64_t mask_high = 0;
    std::uint64_t mask_low = 0;
    std::uint32_t first_child = 0;
    std::uint32_t first_leaf = 0;
    std::uint32_t outside = kNone;
    std::uint32_t shift = 0;  // of the slot's 6 bits in the 128: 64 and above, in `high`
  };
  static_assert(sizeof(Node) == 64);

  static std::uint32_t count(std::uint64_t bits) {
    return static_cast<std::uint32_t>(__builtin_popcountll(bits));
  }

  // Makes nodes_[at] out of rules that need one; `outside` is the answer of the place that leads here.
  void fill(std::size_t at, std::span<const Rule> rules, std::uint32_t outside);

  std::vector<std::uint32_t> table_ = {kNone};
  int table_shift_ = 63;  // all but no bits; 47: the first 16
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> leaves_;
};

}  // namespace jump::access
