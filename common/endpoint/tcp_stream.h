// One TCP connection and one stream of a session, byte for byte.
//
//   stream ──▶ socket     end of the stream → the socket's sending side is shut down
//   stream ◀── socket     end of the socket → the stream's direction is ended
#pragma once

#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/stream_io.h"

namespace jump::endpoint {

// Until both directions are over, or one broke; then the other side of each learns that it was no orderly
// end.
Task<Result<void>> join_stream(std::unique_ptr<session::Stream> stream, asio::ip::tcp::socket socket);

}  // namespace jump::endpoint
