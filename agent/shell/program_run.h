// What a shell and an exec share: pumps between a stream and a program, and the orderly end.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/codec.h"
#include "common/session/endings.h"
#include "common/session/stream_io.h"
#include "platform/process.h"

namespace jump::agent {

using namespace std::chrono_literals;

inline constexpr std::size_t kPieceBytes = 64 * 1024;
inline constexpr auto kHangupGrace = 5s;  // after SIGHUP, before the line is cut; again before SIGKILL

// One direction from a program to the console.
class OutputPump {
 public:
  // `ended` rings when a pump of a program is over.
  explicit OutputPump(Event& ended) : ended_event_(ended) {}

  // `Source` has read() as platform::Pipe and Pty have. Ends at the source's end, or when the stream takes no
  // more.
  template <typename Source>
  Task<> run(Source& from, session::Stream& to) {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await from.read(piece);
      if (!got || *got == 0) break;
      busy_ = true;
      const Result<void> written = co_await to.write(ByteView(piece.data(), *got));
      busy_ = false;
      moved_ = true;
      if (!written) break;
    }
    ended_ = true;
    ended_event_.set();
  }

  bool ended() const { return ended_; }
  // True when it waits for the console now, or has moved something since the last call.
  bool alive() { return std::exchange(moved_, false) || busy_; }

 private:
  Event& ended_event_;
  bool busy_ = false;
  bool moved_ = false;
  bool ended_ = false;
};

// For after the program's end. Ends at the end of all output, or when nothing has come for `quiet` while the
// console was not what we waited for: then some other program holds the output open.
Task<> drain(Event& ended, std::vector<OutputPump*> pumps, std::chrono::nanoseconds quiet);

// From the console to a program, until the console's end, or to nowhere when the program takes no more:
// the console must not wait for that. True: the console ended its direction.
template <typename Sink>
Task<bool> pump_input(session::Stream& from, Sink& to) {
  std::array<std::uint8_t, kPieceBytes> piece;
  bool wanted = true;
  while (true) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    if (wanted) {
      const ByteView bytes(piece.data(), *got);
      const Result<void> written = co_await to.write(bytes);
      wanted = written.has_value();
    }
    from.taken(*got);
  }
}

session::Exit to_exit(const platform::ExitStatus& status);

using session::all_taken;
using session::fail_session;
using session::taken_or_given_up;

}  // namespace jump::agent
