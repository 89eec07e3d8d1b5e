// The frames of a tunnel: one place where bytes become meaning. PROTOCOL.md beside this file is the spec.
//
// How data runs through this room, outgoing: session_end.h cuts what was written into frames (or relay.h
// passes frames on), outbox.h decides whose frame is next, the link hands the batch to the transport.
// Incoming: frame_reader.h finds the frames in what the transport read, frame.h decodes them, the link gives
// them to a session_end or a relay by slot. Nothing here knows a socket, TLS or JSON; time comes as an
// argument.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/limits.h"

namespace jump::mux {

enum class Kind : std::uint8_t {
  // slot 0: the tunnel itself
  hello = 1,
  welcome = 2,
  control = 3,
  ping = 4,
  pong = 5,
  go_away = 6,
  // a session, by its slot
  attach = 8,
  attached = 9,
  refused = 10,
  detached = 11,
  resume = 12,
  resumed = 13,
  leave = 14,
  // a stream of a session
  data = 16,
  window = 17,
  end = 18,
  reset = 19,
};

inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kDataHeaderBytes = 20;  // header, stream, offset
inline constexpr std::size_t kMostData = limits::kFrameBytes - kDataHeaderBytes;
inline constexpr std::uint8_t kFlagMore = 1;  // control: the message goes on in the next control frame
inline constexpr std::uint8_t kFlagHeld = 1;  // data: more waits behind it, and the credit is used up
inline constexpr std::uint8_t kFirstSkipped =
    128;                                        // unknown kinds from here on are skipped, below they close
inline constexpr std::size_t kTextBytes = 512;  // reasons; a longer one closes the peer

struct Header {
  std::uint8_t kind = 0;
  std::uint8_t flags = 0;
  std::uint16_t length = 0;  // of the whole frame, header included: 8-16384
  std::uint32_t slot = 0;
};

// The header at the start of `bytes` (at least 8). Refuses impossible lengths.
Result<Header> decode_header(ByteView bytes);
void encode_header(std::uint8_t* to, const Header& header);

using Id16 = std::array<std::uint8_t, 16>;
using Secret32 = std::array<std::uint8_t, 32>;

// --- bodies ---------------------------------------------------------------------------------------

struct Ping {
  std::uint64_t token = 0;
};

enum class GoAway : std::uint16_t {
  shutting_down = 1,    // come back after retry_after
  overloaded = 2,       // the same
  protocol = 3,         // a rule of PROTOCOL.md was broken; the text says which
  version = 4,          // no common version; the text has both ranges
  unauthenticated = 5,  // token or certificate not accepted
  disabled = 6,         // by an administrator; try again later
  removed = 7,          // this agent is not wanted any more
  replaced = 8,         // another tunnel of the same identity took over
  clone = 9,            // this identity is in use elsewhere: enrol as a new one
};

struct GoAwayBody {
  GoAway code = GoAway::shutting_down;
  std::uint32_t retry_after_ms = 0;
  std::string text;
};

// An end enters its session. The instance tells a reconnect from a takeover; of equal instances the highest
// count wins.
struct Attach {
  Id16 session{};
  Secret32 secret{};
  Id16 instance{};
  std::uint64_t count = 0;
};

struct Attached {
  std::uint32_t wait_limit_seconds = 0;
};

enum class Reason : std::uint16_t {
  finished = 0,    // the work is done
  wait_limit = 1,  // the other end was away for too long
  ended_by_owner = 2,
  ended_by_administrator = 3,
  endpoint_restarted = 4,
  taken_over = 5,
  not_allowed = 6,
  not_found = 7,
  link_lost = 8,  // detached: the other end's tunnel is gone
  protocol = 9,   // this end or the other broke a rule
  not_yet = 10,   // detached: the other end has not come yet
  let_go = 11,    // this end leaves (or its process is gone without a word) and may come back
  no_space = 12,  // detached: the recording cannot be written, the session waits
  failed = 13,    // could not start or go on; the text says why
};

// refused, detached, leave
struct Notice {
  Reason reason = Reason::finished;
  std::string text;
};

// Both ends are there: the relay starts attachment `serial`.
struct Resume {
  std::uint32_t serial = 0;
  Id16 peer_instance{};
};

struct StreamPosition {
  std::uint32_t stream = 0;
  std::uint64_t next = 0;   // the offset that this end wants to receive next
  std::uint64_t start = 0;  // the offset from which this end sends
  bool ended = false;       // it has the end too: `next` is the final offset (bit 63 of next on the wire)
};

// An end's answer: where it stands in each live stream. Passed on to the other end.
struct Resumed {
  std::uint32_t serial = 0;
  // The highest stream numbers that this end knows to be used: a console that takes over opens none of them
  // again.
  std::uint32_t highest_console = 0;
  std::uint32_t highest_endpoint = 0;
  std::vector<StreamPosition> streams;  // in rising order
};

struct Window {
  std::uint64_t taken = 0;    // everything below is where it belongs (final + 1: the end too)
  std::uint64_t allowed = 0;  // the first offset that must not be sent
};

enum class ResetCode : std::uint16_t {
  closed = 0,  // this end had taken everything and closed the stream orderly
  cancelled = 1,
  refused = 2,
  failed = 3,
  too_many = 4,
};

struct ResetBody {
  ResetCode code = ResetCode::cancelled;
  std::string text;
};

// --- encoding: each makes one whole frame ------------------------------------------------------------
// Texts are cut to kTextBytes, and escaped when they are not UTF-8: the peer would refuse them.

Bytes encode_json(Kind kind, std::string_view text, std::uint8_t flags = 0);
Bytes encode_ping(Kind ping_or_pong, const Ping& ping);
Bytes encode_go_away(const GoAwayBody& body);
Bytes encode_attach(std::uint32_t slot, const Attach& body);
Bytes encode_attached(std::uint32_t slot, const Attached& body);
Bytes encode_notice(Kind kind, std::uint32_t slot, const Notice& body);
Bytes encode_resume(std::uint32_t slot, const Resume& body);
Bytes encode_resumed(std::uint32_t slot, const Resumed& body);
Bytes encode_window(std::uint32_t slot, std::uint32_t stream, const Window& body);
Bytes encode_end(std::uint32_t slot, std::uint32_t stream, std::uint64_t final_offset);
Bytes encode_reset(std::uint32_t slot, std::uint32_t stream, const ResetBody& body);
// The 20 bytes before `size` data bytes.
std::array<std::uint8_t, kDataHeaderBytes> encode_data_header(std::uint32_t slot, std::uint32_t stream,
                                                              std::uint64_t offset, std::size_t size,
                                                              std::uint8_t flags = 0);

// --- decoding: `body` is what follows the 8 bytes of header ----------------------------------------------
// Every decoder refuses a body that is shorter or longer than its kind allows; text must be UTF-8.

Result<Ping> decode_ping(ByteView body);
Result<GoAwayBody> decode_go_away(ByteView body);
Result<Attach> decode_attach(ByteView body);
Result<Attached> decode_attached(ByteView body);
Result<Notice> decode_notice(ByteView body);
Result<Resume> decode_resume(ByteView body);
Result<Resumed> decode_resumed(ByteView body);

// Frames of a stream begin with its number.
struct DataView {
  std::uint32_t stream = 0;
  std::uint64_t offset = 0;
  ByteView bytes;  // at least one
};
struct WindowView {
  std::uint32_t stream = 0;
  Window window;
};
struct EndView {
  std::uint32_t stream = 0;
  std::uint64_t final_offset = 0;
};
struct ResetView {
  std::uint32_t stream = 0;
  ResetBody body;
};
Result<DataView> decode_data(ByteView body);
Result<WindowView> decode_window(ByteView body);
Result<EndView> decode_end(ByteView body);
Result<ResetView> decode_reset(ByteView body);

// "data", "window", … for messages; "kind 77" for others.
std::string kind_name(std::uint8_t kind);

}  // namespace jump::mux
