// What LocalTransport asks of its socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace jump::tunnel {

// One call each, never waiting, never a signal. Bytes moved; 0 = nothing now; receive(): Fault::closed at the
// end of the stream.
Result<std::size_t> send_now(int socket, ByteView bytes);
Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into);
// The same for several pieces in one call, at most 64 of them.
Result<std::size_t> send_parts_now(int socket, std::span<const ByteView> parts);

}  // namespace jump::tunnel
