// Bare handshakes between two workers: what coming back costs at the least.
#pragma once

#include <cstdint>

#include "tools/bench/site.h"

namespace jump::bench {

enum class Handshake { full, full_uncached, psk };

struct HandshakeCost {
  double seconds = 0;     // of all
  double server_cpu = 0;  // seconds for each, of the server's thread
};
// So many, `at_once` of them under way. Nothing of a mux, a hello or a database.
HandshakeCost shake_hands(const Site& site, Handshake kind, std::size_t count, std::size_t at_once);

// Seconds of CPU for the arithmetic alone of one full mutual handshake at the server: 1 signature, 2
// verifications (P-256), 2 multiplications on X25519. What `openssl speed` measures.
double handshake_arithmetic();

}  // namespace jump::bench
