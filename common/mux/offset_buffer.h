// OffsetBuffer: a ring of bytes by absolute offset. On the sending side: what was written and the peer has
// not acknowledged (for a terminal also what was acknowledged last, so that a console that takes over sees it
// again). On the receiving side: what has arrived and was not read.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/bytes.h"

namespace jump::mux {

//   base ≤ acked ≤ cursor ≤ written: kept from base on, acknowledged below acked, sent in this
//   attachment below cursor. base equals acked but where `retain` keeps more.
class OffsetBuffer {
 public:
  // `retain`: acknowledged bytes kept at most, together with the unacknowledged ones.
  explicit OffsetBuffer(std::uint64_t start = 0, std::uint64_t retain = 0)
      : base_(start), acked_(start), cursor_(start), written_(start), retain_(retain) {}

  std::uint64_t base() const { return base_; }
  std::uint64_t acked() const { return acked_; }
  std::uint64_t cursor() const { return cursor_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t unacked() const { return written_ - acked_; }

  void write(ByteView bytes);
  // Bytes from the cursor on, at most `most`, in up to two pieces (the second may be empty). Advances the
  // cursor.
  struct Pieces {
    ByteView first;
    ByteView second;
  };
  Pieces take(std::size_t most);
  // False when `offset` is below acked or above written: the peer lies.
  bool acknowledge(std::uint64_t offset);
  // The peer wants to go on at `offset`: sending starts there. False below base or above written.
  bool rewind(std::uint64_t offset);

 private:
  void drop_until(std::uint64_t offset);
  void reserve(std::size_t size);
  std::size_t index(std::uint64_t offset) const { return static_cast<std::size_t>(offset & (capacity_ - 1)); }

  std::unique_ptr<std::uint8_t[]> ring_;
  std::size_t capacity_ = 0;  // a power of two
  std::uint64_t base_;
  std::uint64_t acked_;
  std::uint64_t cursor_;
  std::uint64_t written_;
  std::uint64_t retain_;
};

}  // namespace jump::mux
