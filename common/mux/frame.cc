#include "common/mux/frame.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::mux {
namespace {

// Offsets stay below 2^62, so that sums of two never wrap.
constexpr std::uint64_t kMostOffset = std::uint64_t{1} << 62;
constexpr std::uint64_t kEndedBit = std::uint64_t{1} << 63;

Bytes new_frame(Kind kind, std::uint32_t slot, std::size_t body, std::uint8_t flags = 0) {
  CHECK(kHeaderBytes + body <= limits::kFrameBytes);
  Bytes frame(kHeaderBytes + body);
  encode_header(frame.data(),
                {static_cast<std::uint8_t>(kind), flags, static_cast<std::uint16_t>(frame.size()), slot});
  return frame;
}

std::string fit(std::string_view text) {
  std::string fitting = is_utf8(text) ? std::string(text) : printable(text);
  if (fitting.size() <= kTextBytes) return fitting;
  std::size_t size = kTextBytes;
  while (size > 0 && (static_cast<unsigned char>(fitting[size]) & 0xC0) == 0x80) --size;
  fitting.resize(size);
  return fitting;
}

Error bad_size(std::string_view kind, std::size_t size) {
  return {Fault::malformed, std::string(kind) + " frame with a body of " + std::to_string(size) + " bytes"};
}

Result<std::string> decode_text(std::string_view kind, ByteView bytes) {
  if (bytes.size() > kTextBytes) {
    return Error(Fault::too_large, std::string(kind) + " frame with a text of " +
                                       std::to_string(bytes.size()) + " bytes, at most " +
                                       std::to_string(kTextBytes));
  }
  if (!is_utf8(as_text(bytes)))
    return Error(Fault::malformed, std::string(kind) + " frame whose text is not UTF-8");
  return std::string(as_text(bytes));
}

Result<std::uint64_t> decode_offset(std::string_view kind, const std::uint8_t* from) {
  const std::uint64_t offset = get_u64(from);
  if (offset > kMostOffset)
    return Error(Fault::malformed, std::string(kind) + " frame with an impossible offset");
  return offset;
}

}  // namespace

Result<Header> decode_header(ByteView bytes) {
  CHECK(bytes.size() >= kHeaderBytes);
  const Header header{bytes[0], bytes[1], get_u16(&bytes[2]), get_u32(&bytes[4])};
  if (header.length < kHeaderBytes || header.length > limits::kFrameBytes) {
    return Error(Fault::malformed, kind_name(header.kind) + " frame of " + std::to_string(header.length) +
                                       " bytes, 8 to " + std::to_string(limits::kFrameBytes) +
                                       " are possible");
  }
  return header;
}

void encode_header(std::uint8_t* to, const Header& header) {
  to[0] = header.kind;
  to[1] = header.flags;
  put_u16(to + 2, header.length);
  put_u32(to + 4, header.slot);
}

Bytes encode_json(Kind kind, std::string_view text, std::uint8_t flags) {
  Bytes frame = new_frame(kind, 0, text.size(), flags);
  std::copy(text.begin(), text.end(), frame.begin() + kHeaderBytes);
  return frame;
}

Bytes encode_ping(Kind ping_or_pong, const Ping& ping) {
  Bytes frame = new_frame(ping_or_pong, 0, 8);
  put_u64(&frame[kHeaderBytes], ping.token);
  return frame;
}

Bytes encode_go_away(const GoAwayBody& body) {
  const std::string text = fit(body.text);
  Bytes frame = new_frame(Kind::go_away, 0, 6 + text.size());
  put_u16(&frame[kHeaderBytes], static_cast<std::uint16_t>(body.code));
  put_u32(&frame[kHeaderBytes + 2], body.retry_after_ms);
  std::copy(text.begin(), text.end(), frame.begin() + kHeaderBytes + 6);
  return frame;
}

Bytes encode_attach(std::uint32_t slot, const Attach& body) {
  Bytes frame = new_frame(Kind::attach, slot, 72);
  std::uint8_t* to = &frame[kHeaderBytes];
  std::copy(body.session.begin(), body.session.end(), to);
  std::copy(body.secret.begin(), body.secret.end(), to + 16);
  std::copy(body.instance.begin(), body.instance.end(), to + 48);
  put_u64(to + 64, body.count);
  return frame;
}

Bytes encode_attached(std::uint32_t slot, const Attached& body) {
  Bytes frame = new_frame(Kind::attached, slot, 4);
  put_u32(&frame[kHeaderBytes], body.wait_limit_seconds);
  return frame;
}

Bytes encode_notice(Kind kind, std::uint32_t slot, const Notice& body) {
  const std::string text = fit(body.text);
  Bytes frame = new_frame(kind, slot, 2 + text.size());
  put_u16(&frame[kHeaderBytes], static_cast<std::uint16_t>(body.reason));
  std::copy(text.begin(), text.end(), frame.begin() + kHeaderBytes + 2);
  return frame;
}

Bytes encode_resume(std::uint32_t slot, const Resume& body) {
  Bytes frame = new_frame(Kind::resume, slot, 20);
  put_u32(&frame[kHeaderBytes], body.serial);
  std::copy(body.peer_instance.begin(), body.peer_instance.end(), frame.begin() + kHeaderBytes + 4);
  return frame;
}

Bytes encode_resumed(std::uint32_t slot, const Resumed& body) {
  CHECK(body.streams.size() <= limits::kLiveStreams);
  Bytes frame = new_frame(Kind::resumed, slot, 12 + body.streams.size() * 20);
  std::uint8_t* to = &frame[kHeaderBytes];
  put_u32(to, body.serial);
  put_u32(to + 4, body.highest_console);
  put_u32(to + 8, body.highest_endpoint);
  to += 12;
  for (const StreamPosition& position : body.streams) {
    put_u32(to, position.stream);
    put_u64(to + 4, position.next | (position.ended ? kEndedBit : 0));
    put_u64(to + 12, position.start);
    to += 20;
  }
  return frame;
}

Bytes encode_window(std::uint32_t slot, std::uint32_t stream, const Window& body) {
  Bytes frame = new_frame(Kind::window, slot, 20);
  put_u32(&frame[kHeaderBytes], stream);
  put_u64(&frame[kHeaderBytes + 4], body.taken);
  put_u64(&frame[kHeaderBytes + 12], body.allowed);
  return frame;
}

Bytes encode_end(std::uint32_t slot, std::uint32_t stream, std::uint64_t final_offset) {
  Bytes frame = new_frame(Kind::end, slot, 12);
  put_u32(&frame[kHeaderBytes], stream);
  put_u64(&frame[kHeaderBytes + 4], final_offset);
  return frame;
}

Bytes encode_reset(std::uint32_t slot, std::uint32_t stream, const ResetBody& body) {
  const std::string text = fit(body.text);
  Bytes frame = new_frame(Kind::reset, slot, 6 + text.size());
  put_u32(&frame[kHeaderBytes], stream);
  put_u16(&frame[kHeaderBytes + 4], static_cast<std::uint16_t>(body.code));
  std::copy(text.begin(), text.end(), frame.begin() + kHeaderBytes + 6);
  return frame;
}

std::array<std::uint8_t, kDataHeaderBytes> encode_data_header(std::uint32_t slot, std::uint32_t stream,
                                                              std::uint64_t offset, std::size_t size,
                                                              std::uint8_t flags) {
  CHECK(size > 0 && size <= kMostData);
  std::array<std::uint8_t, kDataHeaderBytes> header;
  encode_header(header.data(), {static_cast<std::uint8_t>(Kind::data), flags,
                                static_cast<std::uint16_t>(kDataHeaderBytes + size), slot});
  put_u32(&header[8], stream);
  put_u64(&header[12], offset);
  return header;
}

Result<Ping> decode_ping(ByteView body) {
  if (body.size() != 8) return bad_size("ping", body.size());
  return Ping{get_u64(body.data())};
}

Result<GoAwayBody> decode_go_away(ByteView body) {
  if (body.size() < 6) return bad_size("go-away", body.size());
  Result<std::string> text = decode_text("go-away", body.subspan(6));
  if (!text) return text.error();
  return GoAwayBody{static_cast<GoAway>(get_u16(&body[0])), get_u32(&body[2]), std::move(*text)};
}

Result<Attach> decode_attach(ByteView body) {
  if (body.size() != 72) return bad_size("attach", body.size());
  Attach attach;
  std::copy_n(body.begin(), 16, attach.session.begin());
  std::copy_n(body.begin() + 16, 32, attach.secret.begin());
  std::copy_n(body.begin() + 48, 16, attach.instance.begin());
  attach.count = get_u64(&body[64]);
  return attach;
}

Result<Attached> decode_attached(ByteView body) {
  if (body.size() != 4) return bad_size("attached", body.size());
  return Attached{get_u32(body.data())};
}

Result<Notice> decode_notice(ByteView body) {
  if (body.size() < 2) return bad_size("notice", body.size());
  Result<std::string> text = decode_text("notice", body.subspan(2));
  if (!text) return text.error();
  return Notice{static_cast<Reason>(get_u16(&body[0])), std::move(*text)};
}

Result<Resume> decode_resume(ByteView body) {
  if (body.size() != 20) return bad_size("resume", body.size());
  Resume resume;
  resume.serial = get_u32(body.data());
  std::copy_n(body.begin() + 4, 16, resume.peer_instance.begin());
  return resume;
}

Result<Resumed> decode_resumed(ByteView body) {
  if (body.size() < 12 || (body.size() - 12) % 20 != 0) return bad_size("resumed", body.size());
  const std::size_t count = (body.size() - 12) / 20;
  if (count > limits::kLiveStreams) {
    return Error(Fault::too_large, "resumed frame with " + std::to_string(count) + " streams, at most " +
                                       std::to_string(limits::kLiveStreams));
  }
  Resumed resumed;
  resumed.serial = get_u32(body.data());
  resumed.highest_console = get_u32(&body[4]);
  resumed.highest_endpoint = get_u32(&body[8]);
  resumed.streams.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = &body[12 + i * 20];
    const std::uint64_t next = get_u64(from + 4) & ~kEndedBit;
    if (next > kMostOffset) return Error(Fault::malformed, "resumed frame with an impossible offset");
    const Result<std::uint64_t> start = decode_offset("resumed", from + 12);
    if (!start) return start.error();
    const StreamPosition position{get_u32(from), next, *start, (from[4] & 0x80) != 0};
    if (i > 0 && position.stream <= resumed.streams.back().stream) {
      return Error(Fault::malformed, "resumed frame whose streams are not in rising order");
    }
    resumed.streams.push_back(position);
  }
  return resumed;
}

Result<DataView> decode_data(ByteView body) {
  if (body.size() < 13) return bad_size("data", body.size());
  const Result<std::uint64_t> offset = decode_offset("data", &body[4]);
  if (!offset) return offset.error();
  return DataView{get_u32(body.data()), *offset, body.subspan(12)};
}

Result<WindowView> decode_window(ByteView body) {
  if (body.size() != 20) return bad_size("window", body.size());
  const Result<std::uint64_t> taken = decode_offset("window", &body[4]);
  if (!taken) return taken.error();
  const Result<std::uint64_t> allowed = decode_offset("window", &body[12]);
  if (!allowed) return allowed.error();
  return WindowView{get_u32(body.data()), {*taken, *allowed}};
}

Result<EndView> decode_end(ByteView body) {
  if (body.size() != 12) return bad_size("end", body.size());
  const Result<std::uint64_t> final_offset = decode_offset("end", &body[4]);
  if (!final_offset) return final_offset.error();
  return EndView{get_u32(body.data()), *final_offset};
}

Result<ResetView> decode_reset(ByteView body) {
  if (body.size() < 6) return bad_size("reset", body.size());
  Result<std::string> text = decode_text("reset", body.subspan(6));
  if (!text) return text.error();
  const std::uint16_t code = get_u16(&body[4]);
  return ResetView{get_u32(body.data()), {static_cast<ResetCode>(code), std::move(*text)}};
}

std::string kind_name(std::uint8_t kind) {
  switch (static_cast<Kind>(kind)) {
    case Kind::hello:
      return "hello";
    case Kind::welcome:
      return "welcome";
    case Kind::control:
      return "control";
    case Kind::ping:
      return "ping";
    case Kind::pong:
      return "pong";
    case Kind::go_away:
      return "go-away";
    case Kind::attach:
      return "attach";
    case Kind::attached:
      return "attached";
    case Kind::refused:
      return "refused";
    case Kind::detached:
      return "detached";
    case Kind::resume:
      return "resume";
    case Kind::resumed:
      return "resumed";
    case Kind::leave:
      return "leave";
    case Kind::data:
      return "data";
    case Kind::window:
      return "window";
    case Kind::end:
      return "end";
    case Kind::reset:
      return "reset";
  }
  return "kind " + std::to_string(kind);
}

}  // namespace jump::mux
