#include "common/access/prefix_trie.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "common/base/check.h"

namespace jump::access {
namespace {

constexpr std::size_t kTableFrom = 256;  // prefixes
constexpr int kTableBits = 16;
constexpr int kSlotBits = 6;

std::uint64_t mask_of(int bits) {
  return bits <= 0 ? 0 : bits >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> bits);
}

int common_bits(const Address& a, const Address& b) {
  const int first = std::countl_zero(a.high ^ b.high);
  return first < 64 ? first : 64 + std::countl_zero(a.low ^ b.low);
}

// Rules that lie in one slot and need a node there.
struct Deeper {
  std::size_t slot = 0;
  std::span<const Rule> rules;
};

// Sets in `answers` what the rules of at most `depth` + slot bits say, and hands back the others by slot. The
// rules are sorted, so that each comes after those it lies in.
template <typename SlotOf>
std::vector<Deeper> spread(std::span<const Rule> rules, int end, SlotOf slot_of,
                           std::span<std::uint32_t> answers) {
  std::vector<Deeper> deeper;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Prefix& prefix = rules[i].prefix;
    const std::size_t slot = slot_of(prefix.base);
    if (prefix.bits <= end) {
      const std::size_t wide = std::size_t{1}
                               << std::min<int>(end - prefix.bits, std::countr_zero(answers.size()));
      std::fill_n(answers.begin() + static_cast<std::ptrdiff_t>(wide == answers.size() ? 0 : slot), wide,
                  rules[i].line);
    } else if (!deeper.empty() && deeper.back().slot == slot) {
      deeper.back().rules = {deeper.back().rules.data(), deeper.back().rules.size() + 1};
    } else {
      deeper.push_back({slot, rules.subspan(i, 1)});
    }
  }
  return deeper;
}

}  // namespace

PrefixTrie::PrefixTrie(std::vector<Rule> rules) {
  const auto earlier = [](const Rule& a, const Rule& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.line < b.line;
  };
  std::sort(rules.begin(), rules.end(), earlier);
  const auto same = [](const Rule& a, const Rule& b) { return a.prefix == b.prefix; };
  rules.erase(std::unique(rules.begin(), rules.end(), same), rules.end());
  if (rules.empty()) return;
  CHECK(rules.front().prefix.base.family == rules.back().prefix.base.family);

  const int bits = rules.size() >= kTableFrom ? kTableBits : 0;
  table_shift_ = 63 - bits;
  table_.assign(std::size_t{1} << bits, kNone);
  const auto slot_of = [this](const Address& base) {
    return static_cast<std::size_t>((base.high >> 1) >> table_shift_);
  };
  for (const Deeper& deeper : spread(rules, bits, slot_of, table_)) {
    const std::size_t at = nodes_.size();
    nodes_.emplace_back();
    fill(at, deeper.rules, table_[deeper.slot]);
    table_[deeper.slot] = kNode | static_cast<std::uint32_t>(at);
  }
  nodes_.shrink_to_fit();
  leaves_.shrink_to_fit();
}

void PrefixTrie::fill(std::size_t at, std::span<const Rule> rules, std::uint32_t outside) {
  const Address& first = rules.front().prefix.base;
  int depth = common_bits(first, rules.back().prefix.base);
  for (const Rule& rule : rules) depth = std::min<int>(depth, rule.prefix.bits);
  if (rules.size() == 1) {
    Node& only = nodes_[at];
    only.mask_high = mask_of(depth);
    only.mask_low = mask_of(depth - 64);
    only.high = first.high;
    only.low = first.low;
    only.outside = outside;
    only.shift = kWhole;
    only.first_leaf = rules.front().line;
    return;
  }
  // A slot's bits lie in one of the two words.
  if (depth > 64 - kSlotBits && depth < 64) depth = 64 - kSlotBits;
  depth = std::min(depth, 128 - kSlotBits);

  Node node;
  node.mask_high = mask_of(depth);
  node.mask_low = mask_of(depth - 64);
  node.high = first.high & node.mask_high;
  node.low = first.low & node.mask_low;
  node.outside = outside;
  node.shift = static_cast<std::uint32_t>(128 - kSlotBits - depth);
  const auto slot_of = [&node](const Address& base) {
    return static_cast<std::size_t>((node.shift >= 64 ? base.high : base.low) >> (node.shift & 63)) & 63;
  };
  std::array<std::uint32_t, 64> answers{};
  answers.fill(outside);
  const std::vector<Deeper> deeper = spread(rules, depth + kSlotBits, slot_of, answers);
  for (const Deeper& one : deeper) node.children |= std::uint64_t{1} << one.slot;
  node.first_child = static_cast<std::uint32_t>(nodes_.size());
  node.first_leaf = static_cast<std::uint32_t>(leaves_.size());
  for (std::size_t slot = 0; slot < answers.size(); ++slot) {
    if ((node.children >> slot & 1) != 0) continue;
    if (leaves_.size() == node.first_leaf || leaves_.back() != answers[slot]) {
      node.changes |= std::uint64_t{1} << slot;
      leaves_.push_back(answers[slot]);
    }
  }
  nodes_[at] = node;
  nodes_.resize(nodes_.size() + deeper.size());
  for (std::size_t i = 0; i < deeper.size(); ++i) {
    fill(node.first_child + i, deeper[i].rules, answers[deeper[i].slot]);
  }
}

std::size_t PrefixTrie::bytes() const {
  return table_.capacity() * sizeof(table_[0]) + nodes_.capacity() * sizeof(Node) +
         leaves_.capacity() * sizeof(leaves_[0]);
}

}  // namespace jump::access
