// A shell's recording (asciicast v3, https://docs.asciinema.org/manual/asciicast/v3/; v2 too), line by line,
// as what a player does. Lines may come from anywhere: each is limited and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace jump::console {

inline constexpr std::size_t kCastLineBytes = 4 * 1024 * 1024;

struct CastHeader {
  int version = 3;
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
  std::string title;
};

struct CastEvent {
  Duration at{};    // since the beginning
  char code = 'o';  // o output, i input, r resize, m marker, x exit
  std::string data;
};

class CastReader {
 public:
  // The header comes first; then events. Nothing: a comment, an empty line, or an event of no interest.
  Result<std::optional<CastEvent>> line(std::string_view text);
  const std::optional<CastHeader>& header() const { return header_; }

 private:
  std::optional<CastHeader> header_;
  Duration clock_{};  // v3 tells the time since the event before, v2 since the beginning
};

// When the next event is to be shown: pauses above the idle limit are cut to it, then everything goes `speed`
// times as fast.
class CastClock {
 public:
  CastClock(double speed, std::optional<Duration> idle_limit) : speed_(speed), idle_limit_(idle_limit) {}
  // How long to wait before this event.
  Duration pause_before(const CastEvent& event);

 private:
  double speed_;
  std::optional<Duration> idle_limit_;
  Duration last_{};
};

}  // namespace jump::console
