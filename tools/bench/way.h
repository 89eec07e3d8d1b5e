// Way: a connection from an agent's side to a console's side with something in between that relays it. The
// same two measurements for all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/bench/appliance.h"
#include "tools/bench/child.h"

namespace jump::bench {

class Way {
 public:
  virtual ~Way() = default;
  virtual std::string name() const = 0;
  // From the agent's side to the console's.
  virtual void move(std::uint64_t bytes) = 0;
  // Round trips of 64 bytes from the console's side, seconds.
  virtual std::vector<double> ping(std::size_t times) = 0;
  // CPU seconds so far of what stands in between.
  virtual double relay_cpu() = 0;
};

// Tunnel of an agent → real appliance → tunnel of a console; a session of kind forward.
class Fleet;
std::unique_ptr<Way> appliance_way(const Appliance& appliance, Fleet& fleet);

// Plain blocking ends (OpenSSL with 64 KiB writes, or TCP), on loopback.
enum class Relay { none_tls, none_tcp, haproxy, stunnel, ssh };
// Absent, with a note for the report, where the program is not installed.
std::unique_ptr<Way> peer_way(Relay relay, const Site& site, const Scratch& scratch, std::string& trouble);

}  // namespace jump::bench
