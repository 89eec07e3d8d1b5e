// The slow model of RuleSet for tests: every prefix is asked, and the longest that holds the address wins.
#pragma once

#include <span>

#include "common/access/rules.h"

namespace jump::access {

inline Verdict linear_check(Restriction restriction, std::span<const Rule> rules, const Address& address) {
  if (restriction == Restriction::none) return {};
  const Rule* best = nullptr;
  for (const Rule& rule : rules) {
    if (!rule.prefix.contains(address)) continue;
    if (best == nullptr || rule.prefix.bits > best->prefix.bits) best = &rule;
  }
  return {(best != nullptr) == (restriction == Restriction::allow), best == nullptr ? 0 : best->line};
}

}  // namespace jump::access
