#include "tools/bench/streams.h"

#include <algorithm>
#include <array>

#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kRecord = 16384;

const Bytes& pattern() {
  static const Bytes bytes = [] {
    Bytes made(kPiece);
    std::uint32_t seed = 1;
    for (std::uint8_t& byte : made) {
      seed = seed * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(seed >> 24);
    }
    return made;
  }();
  return bytes;
}

Error early() {
  return {Fault::closed, "the other end ended too early"};
}

}  // namespace

Task<Result<void>> send_bytes(session::Stream& to, std::uint64_t bytes) {
  while (bytes > 0) {
    const ByteView piece = ByteView(pattern()).first(std::min<std::uint64_t>(bytes, kPiece));
    const Result<void> written = co_await to.write(piece);
    if (!written) co_return written;
    bytes -= piece.size();
  }
  co_return Result<void>();
}

Task<Result<void>> receive_bytes(session::Stream& from, std::uint64_t bytes) {
  Bytes into(kPiece);
  while (bytes > 0) {
    const Result<std::size_t> got = co_await from.read(into);
    if (!got) co_return got.error();
    if (*got == 0) co_return early();
    from.taken(*got);
    bytes -= std::min<std::uint64_t>(bytes, *got);
  }
  co_return Result<void>();
}

Task<Result<std::vector<double>>> ping(session::Stream& stream, std::size_t times) {
  std::vector<double> trips;
  trips.reserve(times);
  std::array<std::uint8_t, kPingBytes> bytes{};
  for (std::size_t i = 0; i < times; ++i) {
    const double start = wall_time();
    const Result<void> written = co_await stream.write(bytes);
    if (!written) co_return written.error();
    for (std::size_t have = 0; have < kPingBytes;) {
      const Result<std::size_t> got = co_await stream.read(bytes);
      if (!got) co_return got.error();
      if (*got == 0) co_return early();
      stream.taken(*got);
      have += *got;
    }
    trips.push_back(wall_time() - start);
  }
  co_return trips;
}

Task<> echo(session::Stream& stream) {
  Bytes bytes(kPiece);
  while (true) {
    const Result<std::size_t> got = co_await stream.read(bytes);
    if (!got || *got == 0) co_return;
    stream.taken(*got);
    const Result<void> written = co_await stream.write(ByteView(bytes).first(*got));
    if (!written) co_return;
  }
}

Task<> send_until(session::Stream& to, const bool& stop) {
  while (!stop) {
    const Result<void> written = co_await to.write(pattern());
    if (!written) co_return;
  }
  to.end();
}

Task<> count_bytes(session::Stream& from, std::uint64_t& total) {
  Bytes into(kPiece);
  while (true) {
    const Result<std::size_t> got = co_await from.read(into);
    if (!got || *got == 0) co_return;
    from.taken(*got);
    total += *got;
  }
}

Task<Result<void>> send_bytes(tunnel::Transport& to, std::uint64_t bytes) {
  const std::array<ByteView, 4> parts = {
      ByteView(pattern()).subspan(0, kRecord), ByteView(pattern()).subspan(kRecord, kRecord),
      ByteView(pattern()).subspan(2 * kRecord, kRecord), ByteView(pattern()).subspan(3 * kRecord, kRecord)};
  while (bytes > 0) {
    Result<void> written = to.write_now(parts);
    if (written && to.backlog()) written = co_await to.writable();
    if (!written) co_return written;
    bytes -= std::min<std::uint64_t>(bytes, kPiece);
  }
  co_return Result<void>();
}

Task<Result<void>> receive_bytes(tunnel::Transport& from, std::uint64_t bytes) {
  Bytes into(kRecord);
  while (bytes > 0) {
    const Result<std::size_t> got = from.read_now(into);
    if (!got) co_return got.error();
    bytes -= std::min<std::uint64_t>(bytes, *got);
    if (*got > 0) continue;
    const Result<void> ready = co_await from.readable();
    if (!ready) co_return ready;
  }
  co_return Result<void>();
}

Task<Result<std::vector<double>>> ping(tunnel::Transport& stream, std::size_t times) {
  std::vector<double> trips;
  trips.reserve(times);
  std::array<std::uint8_t, kPingBytes> bytes{};
  const std::array<ByteView, 1> part = {ByteView(bytes)};
  for (std::size_t i = 0; i < times; ++i) {
    const double start = wall_time();
    Result<void> written = stream.write_now(part);
    if (written && stream.backlog()) written = co_await stream.writable();
    if (!written) co_return written.error();
    for (std::size_t have = 0; have < kPingBytes;) {
      const Result<void> ready = co_await stream.readable();
      if (!ready) co_return ready.error();
      const Result<std::size_t> got = stream.read_now(bytes);
      if (!got) co_return got.error();
      have += *got;
    }
    trips.push_back(wall_time() - start);
  }
  co_return trips;
}

Task<> echo(tunnel::Transport& stream) {
  Bytes bytes(kRecord);
  while (true) {
    const Result<void> ready = co_await stream.readable();
    if (!ready) co_return;
    while (true) {
      const Result<std::size_t> got = stream.read_now(bytes);
      if (!got) co_return;
      if (*got == 0) break;
      const ByteView part = ByteView(bytes).first(*got);
      Result<void> written = stream.write_now({&part, 1});
      if (written && stream.backlog()) written = co_await stream.writable();
      if (!written) co_return;
    }
  }
}

}  // namespace jump::bench
