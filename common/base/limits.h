// Every limit of the suite that a peer can meet, in one place, with what happens at it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace jump::limits {

using namespace std::chrono_literals;

// --- frames (common/mux) -------------------------------------------------------------------------
inline constexpr std::size_t kFrameBytes = 16384;    // a whole frame; larger closes the peer
inline constexpr std::size_t kHelloBytes = 4096;     // hello payload; larger closes the peer
inline constexpr std::size_t kControlBytes = 65536;  // one control message over its fragments; larger closes
inline constexpr std::size_t kSessionMessageBytes =
    16000;                                        // one message on stream 0; larger ends the session
inline constexpr std::size_t kLiveStreams = 512;  // a session; one more is refused
inline constexpr std::uint64_t kShellKept =
    256 * 1024;  // unacknowledged shell output; then the program waits
inline constexpr std::uint64_t kWindowStart = 256 * 1024;
inline constexpr std::uint64_t kWindowMost = 16 * 1024 * 1024;
inline constexpr std::uint64_t kWindowLeast = 16 * 1024;
inline constexpr std::uint64_t kRelayBudget = 256 * 1024;  // bytes of one stream queued in one relay
inline constexpr std::size_t kTunnelPool = 32u * 1024 * 1024;
inline constexpr std::size_t kControlBacklog =
    256 * 1024;  // unsent control bytes; a peer that reads nothing is closed

// --- tunnel (common/tunnel) ----------------------------------------------------------------------
inline constexpr auto kTlsTimeout = 10s;   // handshake, in all; then closed
inline constexpr auto kHelloTimeout = 5s;  // after the handshake; then closed
inline constexpr auto kPingIdle = 20s;     // silence before a ping
inline constexpr auto kPingBusy = 8s;      // the same while a session runs
inline constexpr auto kPongIdle = 10s;     // silence after the ping before the link is dead
inline constexpr auto kPongBusy = 5s;
inline constexpr auto kBackoffFirst = 1s;
inline constexpr auto kBackoffCap = 60s;
inline constexpr auto kRetryAfterCap = 10min;  // what an appliance may ask of an agent
inline constexpr std::size_t kHandshakesAtOnce = 256;
inline constexpr std::size_t kUnfinishedPerSource = 32;  // per /32 and /64, unfinished or failed only

// --- sessions ------------------------------------------------------------------------------------
inline constexpr auto kWaitLimit = 10min;  // default; settable to kWaitLimitMost
inline constexpr auto kWaitLimitMost = 30 * 24h;
inline constexpr auto kTicketLife = 60s;
inline constexpr std::size_t kSessionsPerAgent = 64;
inline constexpr auto kShutdownLimit = 5s;

}  // namespace jump::limits
