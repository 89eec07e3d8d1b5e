// The buffers that all connections of one worker thread share: ciphertext that came and ciphertext that goes.
//
// Incoming: one recv fills `in`; the connection that asked owns what is left there until it has used it up,
// or until another one receives: then the rest moves to a small vector of its own. So the usual batch is
// never copied, and an idle connection holds nothing.
// Outgoing: filled and sent within one call; nothing stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/base/bytes.h"

namespace jump::tunnel {

class WorkerBuffers {
 public:
  static constexpr std::size_t kBatch = 256 * 1024;  // bytes for each recv, and plain bytes for each send
  static constexpr std::size_t kRecord = 16384;      // plain bytes of a TLS record (RFC 8446 section 5.1)
  // Header, content type and tag of each record; two neighbours hold more than one full record together.
  static constexpr std::size_t kOut = kBatch + (2 * kBatch / kRecord + 4) * 32;

  // Somebody whose bytes may stand in `in`.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    bool holds_input() const { return held_ != nullptr; }
    // Bytes of this owner in the buffer; empty when it holds none.
    ByteView input() const;
    void consume(std::size_t bytes);

   protected:
    ~Owner() { release(); }
    void release() noexcept;
    // Another one needs the buffer: keep these, they were received and not yet used.
    virtual void keep(ByteView rest) = 0;

   private:
    friend class WorkerBuffers;
    WorkerBuffers* held_ = nullptr;
  };

  WorkerBuffers();
  ~WorkerBuffers();
  WorkerBuffers(const WorkerBuffers&) = delete;
  WorkerBuffers& operator=(const WorkerBuffers&) = delete;

  // Of the calling thread; made at first use.
  static WorkerBuffers& mine();

  // The whole buffer, to receive into; whoever had bytes there has kept them. Then filled().
  std::span<std::uint8_t> claim();
  void filled(Owner& owner, std::size_t bytes);

  std::uint8_t* out() { return out_.get(); }
  // For gathering small pieces into one record.
  std::uint8_t* record() { return record_.get(); }

 private:
  std::unique_ptr<std::uint8_t[]> in_;
  std::unique_ptr<std::uint8_t[]> out_;
  std::unique_ptr<std::uint8_t[]> record_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Owner* owner_ = nullptr;
};

}  // namespace jump::tunnel
