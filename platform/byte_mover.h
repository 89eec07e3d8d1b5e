// ByteMover: moves bytes from one connected stream socket to another with few system calls and without
// holding memory for either. Linux: the first bytes by copy, a backlog by splice(2) through pipes that a flow
// has only while bytes are in it. Elsewhere: by copy.
//
// One mover for each thread. Sockets are native handles; nothing here waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/system/error_code.hpp>

#include "platform/handle.h"

namespace jump::platform {

// A TCP socket whose bytes are relayed: no Nagle delay; a peer that is gone without a word is found by the
// kernel, 2 minutes idle or 1 minute with unacknowledged data. On a listener: for all that it accepts. Best
// effort.
void tune_relayed(int socket);

// How many relayed pairs of sockets this process can have: as many files as the system lets it open (the soft
// limit is raised to that), less some for the rest.
std::size_t relayed_pairs_most();

// One direction between two sockets.
struct Flow {
  std::uint64_t moved = 0;  // bytes that the sink's socket took
  std::uint32_t held = 0;   // taken from the source, not yet by the sink: in the pipe, or in `kept`
  std::int16_t pipe = -1;   // of the mover, while one is needed
  bool backlog = false;     // the source had more than a copy takes: splice
  bool ended = false;       // the source has ended; done() when nothing is held
  std::unique_ptr<std::uint8_t[]> kept;
  std::uint32_t kept_at = 0;

  bool done() const { return ended && held == 0; }
};

enum class MoveStop {
  source_empty,  // wait until the source is readable
  sink_full,     // wait until the sink is writable
  budget,        // more is there: others' turn first
  ended,         // Flow::done()
  source_failed,
  sink_failed,
};

class ByteMover {
 public:
  static constexpr std::size_t kPipesMost = 128;         // flows beyond copy
  static constexpr std::size_t kPipeBytes = 256 * 1024;  // the system may give less

  ByteMover();
  ByteMover(const ByteMover&) = delete;
  ByteMover& operator=(const ByteMover&) = delete;
  ~ByteMover();

  // Until something is to be waited for, or `budget` bytes have moved.
  MoveStop move(int source, int sink, Flow& flow, std::size_t budget, boost::system::error_code& failed);
  // A flow that will not move any more; what it holds is lost.
  void release(Flow& flow) noexcept;

  std::size_t pipes_in_use() const;

 private:
  struct Pipes;
  std::unique_ptr<Pipes> pipes_;
  std::unique_ptr<std::uint8_t[]> buffer_;
};

}  // namespace jump::platform
