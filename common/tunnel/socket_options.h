// What this room asks of a TCP socket of the operating system, in one file. Plain descriptors, so that
// nothing else has to know their names.
//
// All but tune_tcp() are best effort: a system that does not know an option works without it.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/tunnel/transport.h"

namespace jump::tunnel {

// A tunnel's socket: no Nagle delay, data that stays unacknowledged for 30 s ends the connection, no
// keepalive probes (the link has its own pings, which also find a dead process).
Result<void> tune_tcp(int socket);

// TCP_NOTSENT_LOWAT: bytes that the kernel holds unsent before the socket stops being writable.
void limit_unsent(int socket, std::size_t bytes);

// TCP_INFO; zeros where there is none.
PathState read_path(int socket);

// One call each, never waiting, never a signal. Bytes moved; 0 = nothing now; receive(): Fault::closed at the
// end of the stream.
Result<std::size_t> send_now(int socket, ByteView bytes);
Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into);
// The same for several pieces in one call, at most 64 of them.
Result<std::size_t> send_parts_now(int socket, std::span<const ByteView> parts);

}  // namespace jump::tunnel
