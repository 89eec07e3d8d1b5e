// Time of one look-up for a random address out of 64 Ki, at several numbers of prefixes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>

#include "common/access/rules.h"

namespace jump::access {
namespace {

// Like the tables of real networks: most IPv4 prefixes /16-/24, most IPv6 ones /32-/64 in one eighth.
Address random_address(std::mt19937_64& random, Family family) {
  if (family == Family::v4) return Address::v4(static_cast<std::uint32_t>(random()));
  return {family, std::uint64_t{1} << 61 | random() >> 3, random()};
}

void look_up(benchmark::State& state, Family family) {
  std::mt19937_64 random(1);
  std::vector<std::string> lines;
  std::vector<Address> asked;
  while (lines.size() < static_cast<std::size_t>(state.range(0))) {
    const Address base = random_address(random, family);
    const unsigned bits = family == Family::v4 ? 16 + static_cast<unsigned>(random() % 9)
                                               : 32 + static_cast<unsigned>(random() % 33);
    lines.push_back(to_text(base) + "/" + std::to_string(bits));
    asked.push_back(base);
  }
  // Half of them held by a prefix, half anywhere.
  std::vector<Address> addresses;
  for (int i = 0; i < 65536; ++i) {
    addresses.push_back(i % 2 == 0 ? asked[random() % asked.size()] : random_address(random, family));
  }
  std::shuffle(addresses.begin(), addresses.end(), random);
  const RuleSet rules = *parse(Restriction::allow, lines);
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(rules.check(addresses[at++ & 65535]));
  }
  state.counters["KiB"] = static_cast<double>(rules.bytes()) / 1024;
}

void build(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::vector<std::string> lines;
  while (lines.size() < 100'000) lines.push_back(to_text(random_address(random, Family::v4)));
  for (auto _ : state) benchmark::DoNotOptimize(parse(Restriction::allow, lines));
}

BENCHMARK_CAPTURE(look_up, ipv4, Family::v4)->Arg(10)->Arg(1000)->Arg(100'000);
BENCHMARK_CAPTURE(look_up, ipv6, Family::v6)->Arg(10)->Arg(1000)->Arg(100'000);
BENCHMARK(build)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace jump::access

BENCHMARK_MAIN();
