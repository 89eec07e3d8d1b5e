// The recording of a session that is no shell: JSON lines, read as lines for a person.
//     {"recording":1,"kind":"exec","title":"web-01 by anna","timestamp":1764000000}
//     {"after":0.12,"from":"console","message":{"kind":"stream_open","body":{…}}}
//     {"after":0.01,"stream":2,"text":"…"}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace jump::console {

class EventLog {
 public:
  // The line to show, without a line end; nothing for comments. What peers wrote is made printable.
  Result<std::optional<std::string>> line(std::string_view text);

 private:
  bool begun_ = false;
  double seconds_ = 0;
};

// The first line of a recording says what it is.
enum class RecordingKind { cast, events, unknown };
RecordingKind kind_of_recording(std::string_view first_line);

}  // namespace jump::console
