// The benchmarks, one function each. They print nothing: what they find is the report. Failures of the
// machine or of what is measured end them by an exception with a sentence.
#pragma once

#include <cstdint>
#include <string>

#include "tools/bench/report.h"

namespace jump::bench {

struct Options {
  int rounds = 5;                 // interleaved with the peers'; medians count
  std::uint64_t megabytes = 256;  // moved in each round
  std::size_t pings = 2000;       // in each round
  std::size_t agents = 1000;
  std::size_t at_once = 200;        // connections under way
  double seconds = 10;              // of what takes its time: an idle second, an outage
  std::size_t idle_tunnels = 9000;  // through a Jump Zone Proxy; 9,000 is what 20,000 descriptors allow
  std::string programs;             // folder of jump-appliance, jump-client and jump
  bool peers = true;                // measure HAProxy, OpenSSH and stunnel beside
};

Report throughput(const Options& options);
Report echo(const Options& options);
Report agents(const Options& options);
Report storm(const Options& options);
Report outage(const Options& options);
Report zone_proxy(const Options& options);

}  // namespace jump::bench
