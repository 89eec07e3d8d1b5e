// Who may use a service, by network address: nobody is kept out (none), only these are kept out (deny), only
// these are let in (allow). The data's way: lines → prefix.h → RuleSet → check(), once for each connection.
//
//     Result<RuleSet> rules = parse(Restriction::allow, lines);
//     std::shared_ptr<const RuleSet> now = std::make_shared<RuleSet>(std::move(*rules));   // swapped whole
//     if (!now->check(source).allowed) …
//
// Who wants each fault by itself (a form with a field) calls read_prefixes() of prefix.h, which is all that
// parse() can fail at.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/access/address.h"
#include "common/access/prefix.h"
#include "common/access/prefix_trie.h"
#include "common/base/error.h"

namespace jump::access {

enum class Restriction { none, deny, allow };
BOOST_DESCRIBE_ENUM(Restriction, none, deny, allow)
// "none", "deny", "allow"; Fault::invalid for anything else.
Result<Restriction> parse_restriction(std::string_view text);

struct Verdict {
  bool allowed = true;
  std::uint32_t line = 0;  // of the most specific rule that decided; 0: none held the address
};

// Immutable once built, so that any number of threads may ask it.
class RuleSet {
 public:
  RuleSet() = default;  // no restriction
  RuleSet(Restriction restriction, std::vector<Rule> rules, std::vector<LineNote> warnings);

  Verdict check(const Address& address) const {
    if (restriction_ == Restriction::none) return {};
    const PrefixTrie& trie = address.family == Family::v4 ? v4_ : v6_;
    const std::uint32_t line = trie.look_up(address.high, address.low);
    return {(line != PrefixTrie::kNone) == (restriction_ == Restriction::allow), line};
  }

  Restriction restriction() const { return restriction_; }
  const std::vector<LineNote>& warnings() const { return warnings_; }
  std::size_t size() const { return size_; }  // prefixes
  std::size_t bytes() const { return v4_.bytes() + v6_.bytes(); }

 private:
  Restriction restriction_ = Restriction::none;
  std::size_t size_ = 0;
  PrefixTrie v4_;
  PrefixTrie v6_;
  std::vector<LineNote> warnings_;
};

// Fault::invalid names every faulty line: "line 3: '10.0.0.0/33': …; line 9: …". The lines are read (and must
// be right) under Restriction::none too. A restriction without a prefix is allowed, with a warning on line 0.
// 100,000 prefixes take 50 ms: not for a thread that serves connections.
Result<RuleSet> parse(Restriction restriction, std::span<const std::string> lines);

}  // namespace jump::access
