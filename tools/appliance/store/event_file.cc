#include "tools/appliance/store/event_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/base/clock.h"

namespace jump::store {
namespace {

constexpr std::int64_t kBatch = 1000;
constexpr std::string_view kMark = "events_file_id";
constexpr int kBatchesACall = 10;
constexpr off_t kTail = 256 * 1024;  // more than the longest line

// The line as other programs read it: the time as text beside everything else.
std::string line_of(const Event& event) {
  json::object object = to_json(event).as_object();
  object["time"] = iso8601(event.at);
  return json::serialize(object) + "\n";
}

Result<void> append(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("events file");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Cuts half a line (the process was killed while it wrote) and returns the id of the last whole one; 0 for an
// empty file.
Result<std::int64_t> settle(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return system_error("events file");
  const off_t from = info.st_size > kTail ? info.st_size - kTail : 0;
  std::string tail(static_cast<std::size_t>(info.st_size - from), '\0');
  std::size_t have = 0;
  while (have < tail.size()) {
    const ssize_t n = ::pread(fd, tail.data() + have, tail.size() - have, from + static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("events file");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  tail.resize(have);
  const std::size_t end = tail.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole == 0 && from > 0)
    return Error(Fault::malformed, "events file: its last line is longer than 256 KiB");
  if (whole < tail.size() && ::ftruncate(fd, from + static_cast<off_t>(whole)) != 0)
    return system_error("events file");
  if (whole == 0) return 0;
  const std::size_t before = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  const Result<json::value> line = parse_json_value(std::string_view(tail).substr(begin, end - begin), kTail);
  const json::value* id = line && line->is_object() ? line->get_object().if_contains("id") : nullptr;
  if (id == nullptr || !id->is_int64())
    return Error(Fault::malformed, "events file: its last line is not an event");
  return id->get_int64();
}

}  // namespace

Result<EventFile> EventFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("events file " + path);
  const Result<std::int64_t> last = settle(fd);
  if (!last) {
    ::close(fd);
    return wrap(last.error(), path);
  }
  return EventFile(path, fd, *last);
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), last_id_(other.last_id_) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(last_id_, other.last_id_);
  return *this;
}

EventFile::~EventFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::int64_t> EventFile::follow(Events& events, Settings& settings) {
  std::int64_t written = 0;
  if (last_id_ == 0) {
    const Result<std::optional<json::value>> known = settings.own(kMark);
    if (!known) return known.error();
    if (*known && (*known)->is_int64()) last_id_ = (*known)->get_int64();
  }
  for (int batch = 0; batch < kBatchesACall; ++batch) {
    EventFilter filter;
    filter.since_id = last_id_;
    const Result<std::vector<Event>> next = events.list(filter, kBatch);
    if (!next) return next.error();
    if (next->empty()) break;
    std::string text;
    for (const Event& event : *next) text += line_of(event);
    const Result<void> done = append(fd_, text);
    if (!done) {
      // Part of it may stand there.
      const Result<std::int64_t> last = settle(fd_);
      if (last) last_id_ = std::max(last_id_, *last);
      return done.error();
    }
    last_id_ = next->back().id;
    written += static_cast<std::int64_t>(next->size());
    if (next->size() < kBatch) break;
  }
  if (written > 0) {
    const Result<void> done = settings.set_own(kMark, last_id_, Durability::soft);
    if (!done) return done.error();
  }
  return written;
}

Result<void> EventFile::reopen() {
  const int fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("events file " + path_);
  ::close(std::exchange(fd_, fd));
  return {};
}

}  // namespace jump::store
