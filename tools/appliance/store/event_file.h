// The events as JSON lines in a file that other programs read. The table is the truth: what a crash kept from
// the file is added at the next start, so that the file has every event once and in order. Rotation by
// another program is expected: how far we are stands in the database too, for a file that is found empty.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"
#include "tools/appliance/store/events.h"
#include "tools/appliance/store/settings.h"

namespace jump::store {

class EventFile {
 public:
  // Opens for appending (mode 0600), cuts half a line off the end, and finds the last id in it.
  static Result<EventFile> open(const std::string& path);
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;
  ~EventFile();

  // Appends what the table has and the file has not; at most 10,000 a call, the rest by the next one. After
  // an error (full disk) nothing is lost: call again later.
  Result<std::int64_t> follow(Events& events, Settings& settings);
  // After a rotation by rename: goes on in a new file of the old name.
  Result<void> reopen();
  std::int64_t last_id() const { return last_id_; }

 private:
  EventFile(std::string path, int fd, std::int64_t last_id)
      : path_(std::move(path)), fd_(fd), last_id_(last_id) {}

  std::string path_;
  int fd_ = -1;
  std::int64_t last_id_ = 0;
};

}  // namespace jump::store
