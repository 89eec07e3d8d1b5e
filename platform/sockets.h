// What programs ask of sockets beyond Asio, which differs between systems. Sockets are native numbers; an int
// holds those of each system. Nothing here waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

namespace asio = boost::asio;

// --- a tunnel's TCP connection ------------------------------------------------------------------------

// No Nagle delay, never waiting; data that stays unacknowledged for 30 s ends the connection; no keepalive
// probes (a tunnel has its own pings, which also find a dead process). Best effort but for the first two.
Result<void> tune_tcp(int socket);

// The bytes that the system holds unsent before the socket stops being writable, where it knows such a limit
// (Linux: TCP_NOTSENT_LOWAT).
void limit_unsent(int socket, std::size_t bytes);

struct TcpState {
  std::uint64_t delivery_rate = 0;  // bytes a second
  std::uint64_t unsent = 0;         // bytes
  std::chrono::microseconds round_trip{};
};
// Zeros for what the system does not tell.
TcpState tcp_state(int socket) noexcept;

// One call each, never a signal, on a socket that tune_tcp() was given. Bytes moved; 0 = nothing now;
// receive_now(): Fault::closed at the end of the stream.
Result<std::size_t> send_now(int socket, ByteView bytes);
Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into);

// --- accepting without descriptors --------------------------------------------------------------------

// A process that has no descriptors left can neither take a connection nor refuse it. One is kept for this.
class AcceptReserve {
 public:
  AcceptReserve();
  AcceptReserve(const AcceptReserve&) = delete;
  AcceptReserve& operator=(const AcceptReserve&) = delete;
  ~AcceptReserve() = default;

  enum class Outcome { nobody, refused, taken };
  // Of a listening socket that does not wait. With `taken` the connection is in `connection`; with `refused`
  // the peer was told at once.
  Outcome accept(int listener, int& connection);

 private:
  Handle kept_;
};
// What accept() says then.
bool out_of_descriptors(const boost::system::error_code& failure);

// --- for libraries with a loop of their own -----------------------------------------------------------

using StreamSocket = asio::generic::stream_protocol::socket;

// Two connected ends that nobody else has.
Result<std::pair<StreamSocket, StreamSocket>> socket_pair(const asio::any_io_executor& executor);

// Another number for the same socket, which does not wait and is closed on its own.
Result<int> duplicate_socket(int socket);
void close_socket(int socket) noexcept;

}  // namespace jump::platform
