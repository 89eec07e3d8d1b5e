// Lines of anything; then each address that the lines name, and its neighbours, against the linear scan.
#include "common/access/linear_rules_lab.h"
#include "common/base/bytes.h"
#include "common/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jump::access;
  const std::vector<std::string> lines =
      split_lines(jump::as_text({data, std::min<std::size_t>(size, 8192)}));
  const Reading reading = read_prefixes(lines);
  const RuleSet rules(Restriction::deny, reading.rules, {});
  for (const Rule& rule : reading.rules) {
    const Address& base = rule.prefix.base;
    CHECK(parse_address(to_text(base)) == base && rule.prefix.contains(base));
    for (int bit = 0; bit < base.width(); ++bit) {
      Address beside = base;
      (bit < 64 ? beside.high : beside.low) ^= std::uint64_t{1} << (63 - bit % 64);
      const Verdict fast = rules.check(beside);
      const Verdict slow = linear_check(Restriction::deny, reading.rules, beside);
      CHECK(fast.allowed == slow.allowed && fast.line == slow.line);
    }
  }
  return 0;
}
