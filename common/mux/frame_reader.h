// FrameReader: finds whole frames in what a transport read. Holds no memory while nothing is half-read.
#pragma once

#include <optional>

#include "common/mux/block.h"
#include "common/mux/frame.h"

namespace jump::mux {

// A whole frame as it lies in the reader's block; valid until the next call of the reader.
struct FrameView {
  Header header;
  std::span<std::uint8_t> whole;  // header included; a relay may write its own slot into it
  Block* block = nullptr;

  ByteView body() const { return ByteView(whole).subspan(kHeaderBytes); }
  // Keeps the frame: shares the block when it is large, copies it when it is small.
  Slice keep() const;
};

class FrameReader {
 public:
  FrameReader() = default;
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader();

  // Where the next bytes go: at least 16 KiB (a whole TLS record).
  std::span<std::uint8_t> room();
  void filled(std::size_t bytes);
  // The next whole frame, nothing when more bytes are needed, or why these bytes are no frame.
  Result<std::optional<FrameView>> next();
  // Gives the block back when no part of a frame is in it. Called when the transport has nothing more.
  void rest();

 private:
  Block* block_ = nullptr;
  std::size_t begin_ = 0;  // of what is not yet given out
  std::size_t end_ = 0;
};

}  // namespace jump::mux
