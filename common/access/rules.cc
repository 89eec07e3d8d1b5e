#include "common/access/rules.h"

#include "common/base/bytes.h"

namespace jump::access {

Result<Restriction> parse_restriction(std::string_view text) {
  Restriction restriction = Restriction::none;
  if (boost::describe::enum_from_string(std::string(text).c_str(), restriction)) return restriction;
  return Error(Fault::invalid, "restriction '" + printable(text, 40) + "': expected none, deny or allow");
}

RuleSet::RuleSet(Restriction restriction, std::vector<Rule> rules, std::vector<LineNote> warnings)
    : restriction_(restriction), size_(rules.size()), warnings_(std::move(warnings)) {
  std::vector<Rule> v4;
  std::vector<Rule> v6;
  for (const Rule& rule : rules) (rule.prefix.base.family == Family::v4 ? v4 : v6).push_back(rule);
  v4_ = PrefixTrie(std::move(v4));
  v6_ = PrefixTrie(std::move(v6));
}

Result<RuleSet> parse(Restriction restriction, std::span<const std::string> lines) {
  Reading reading = read_prefixes(lines);
  if (!reading.faults.empty()) {
    std::string text;
    for (const LineNote& note : reading.faults) text += (text.empty() ? "" : "; ") + to_text(note);
    return Error(Fault::invalid, std::move(text));
  }
  if (reading.rules.empty() && restriction == Restriction::allow) {
    reading.warnings.push_back({0, "allow only these, and none is named: nobody is let in"});
  } else if (reading.rules.empty() && restriction == Restriction::deny) {
    reading.warnings.push_back({0, "deny only these, and none is named: everybody is let in"});
  }
  return RuleSet(restriction, std::move(reading.rules), std::move(reading.warnings));
}

}  // namespace jump::access
