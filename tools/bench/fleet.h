// Fleet: thousands of agents in one thread, each with an identity and a mutual-TLS tunnel of its own, dialled
// from addresses all over 127.0.0.0/16. They are enrolled as real ones are, and say what real ones say after
// the welcome.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/identity/order.h"
#include "tools/bench/appliance.h"
#include "tools/bench/mux_end.h"

namespace jump::bench {

class Fleet {
 public:
  enum class Proof { certificate, psk };

  explicit Fleet(const Appliance& appliance);
  ~Fleet();

  // With one deployment key, so many at once; the time of it is the appliance's and its disk's.
  void enrol(std::size_t count, std::size_t at_once);
  std::size_t size() const { return agents_.size(); }

  // Everybody who is not connected; ends when all are welcomed. Those who fail try again at once, for at most
  // `patience` seconds.
  struct Outcome {
    double seconds = 0;
    double own_cpu = 0;    // of the agents' side
    std::size_t back = 0;  // connected at the end
    std::size_t tries = 0;
    std::string last_trouble;
  };
  Outcome connect(Proof proof, std::size_t at_once, double patience);
  // How many tunnels are up.
  std::size_t online();

  Worker& worker() { return worker_; }

  // --- one of them, counted from 0; on its worker's thread but for asset() ---
  // Its number in the API.
  std::uint64_t asset(std::size_t number) const;
  MuxEnd& tunnel(std::size_t number);
  // What happens when the appliance has ordered a session of it. The order was verified as a supervisor does.
  void on_ticket(std::size_t number, std::function<void(const identity::Ticket&)> start);

 private:
  struct Agent;

  Task<bool> enrol_some(const identity::DeploymentKey& key, std::size_t& next, std::size_t count,
                        std::string& trouble);
  Task<Result<void>> enrol_one(const identity::DeploymentKey& key, std::size_t number);
  Task<bool> connect_some(Proof proof, std::size_t& next, double until, Outcome& outcome);
  Task<Result<void>> connect_one(Agent& agent, Proof proof);
  static Task<> run_tunnel(Fleet& fleet, Agent& agent);

  const Appliance& appliance_;
  std::shared_ptr<const tunnel::TlsClient> stranger_;
  Worker worker_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::size_t online_ = 0;
};

}  // namespace jump::bench
