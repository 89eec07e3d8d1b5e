// What every measurement does with a connection, whatever it is made of: move so many bytes, or send a ping
// and wait for it. An echo end sends back what it gets.
#pragma once

#include <cstdint>
#include <vector>

#include "common/session/stream_io.h"
#include "common/tunnel/transport.h"

namespace jump::bench {

inline constexpr std::size_t kPingBytes = 64;

// --- streams of a session ---
Task<Result<void>> send_bytes(session::Stream& to, std::uint64_t bytes);
Task<Result<void>> receive_bytes(session::Stream& from, std::uint64_t bytes);
// Round trips in seconds.
Task<Result<std::vector<double>>> ping(session::Stream& stream, std::size_t times);
// Until the stream ends.
Task<> echo(session::Stream& stream);
// Sends until `stop`; receives and counts until the stream ends.
Task<> send_until(session::Stream& to, const bool& stop);
Task<> count_bytes(session::Stream& from, std::uint64_t& total);

// --- the same on a bare connection ---
Task<Result<void>> send_bytes(tunnel::Transport& to, std::uint64_t bytes);
Task<Result<void>> receive_bytes(tunnel::Transport& from, std::uint64_t bytes);
Task<Result<std::vector<double>>> ping(tunnel::Transport& stream, std::size_t times);
Task<> echo(tunnel::Transport& stream);

}  // namespace jump::bench
