// Reconnect: when to dial next, where, and by which route first; a state machine over events and time,
// without sockets or clock.
//
//   start, or connection lost     within a second
//   a try failed                  full-jitter backoff, at most 60 s
//   a connection that did not last (30 s) counts as a failed try, or a flapping one would be dialled for ever
//   go-away with retry-after      not before that (at most 10 min), and then spread over a quarter of it
//
// It also counts the time spent trying in vain (PRODUCT.md 3.5): only between tries of ours, so that neither
// standby nor a clock that jumps adds to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/tunnel/address.h"
#include "common/tunnel/backoff.h"

namespace jump::tunnel {

struct ReconnectSettings {
  BackoffLimits backoff;
  Duration retry_after_cap = limits::kRetryAfterCap;
  Duration stable = std::chrono::seconds(30);       // a connection that lived so long was a good one
  Duration counted_gap = std::chrono::minutes(15);  // more between two tries was standby
  Duration route_memory = std::chrono::hours(1);    // so long the route that worked is tried first
};

class Reconnect {
 public:
  // `failed_for`: from earlier runs of the process, as failed_for() said then.
  Reconnect(ReconnectSettings settings, Random random, Instant now, Duration failed_for = {});

  // What happened.
  void failed(Instant now);                        // a try, over all routes
  void connected(Instant now, std::size_t route);  // accepted by the appliance (its welcome)
  void lost(Instant now);                          // the connection is over; without connected() as failed()
  // The appliance asked to be left. lost() follows.
  void told_to_go(Instant now, Duration retry_after);
  // Something changed that makes a try worth it now (an interface came up, new addresses): within a second.
  void hurry(Instant now);

  // When to try.
  Instant next_try() const { return next_; }
  Duration wait(Instant now) const { return next_ > now ? next_ - now : Duration(0); }
  // In which order: indices 0 … count-1, the one that worked last first, then as configured.
  std::vector<std::size_t> route_order(std::size_t count, Instant now) const;

  unsigned failed_tries() const { return failures_; }  // in a row
  Duration failed_for() const {
    return failed_for_;
  }  // trying in vain, standby not counted; 0 when connected

 private:
  void count_time(Instant now);
  void schedule(Instant now);

  ReconnectSettings settings_;
  Random random_;
  Instant next_;
  Instant not_before_{};  // retry-after
  unsigned failures_ = 0;
  std::optional<Instant> connected_;
  std::optional<Instant> last_failed_;
  Duration failed_for_{0};
  std::optional<std::size_t> route_;
  Instant route_worked_{};
};

// The addresses to dial: what the appliance told last first, then the endpoint's own; each once, at most 16.
// Texts that are no address are left out.
std::vector<Address> dial_targets(const std::vector<std::string>& told, const std::vector<std::string>& own);

}  // namespace jump::tunnel
