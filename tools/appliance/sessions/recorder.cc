#include "tools/appliance/sessions/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/identity/sha256.h"
#include "tools/appliance/sessions/conversation.h"

namespace jump::appliance {
namespace {

constexpr std::uint64_t kExecKept = 16 * 1024 * 1024;
constexpr std::size_t kTail = 256 * 1024;  // read back on restart; a batch is never larger

std::int64_t wall_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Bytes at the end of `text` that begin a UTF-8 character and do not finish it.
std::size_t split_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t needs = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return needs > back ? back : 0;
  }
  return 0;
}

// JSON string of any bytes: what is not UTF-8 becomes U+FFFD.
std::string json_text(std::string_view bytes) {
  std::string clean;
  clean.reserve(bytes.size());
  while (!bytes.empty()) {
    std::size_t size = 1;
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (first >= 0x80) size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (size > bytes.size() || (first >= 0x80 && !is_utf8(bytes.substr(0, size)))) {
      clean += "\xEF\xBF\xBD";
      size = 1;
    } else {
      clean += bytes.substr(0, size);
    }
    bytes.remove_prefix(size);
  }
  return json::serialize(json::value(json::string(clean)));
}

std::string_view side_name(mux::Side side) {
  return side == mux::Side::console ? "console" : "endpoint";
}

}  // namespace

// What is recorded of one stream.
struct Recorder::Flow {
  std::uint64_t offset = 0;
  std::string tail;  // of a split character
  identity::Sha256 digest;
  std::uint64_t kept = 0;
  bool whole = true;  // the digest is of all bytes: no restart, no gap between
};

Recorder::Recorder(int file, const RecordingHeader& header) : file_(file), header_(header) {}

Recorder::~Recorder() {
  if (file_ >= 0) ::close(file_);
}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, const RecordingHeader& header) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    const Error failure = system_error("open recording " + path);
    if (!header.best_effort) return failure;
    std::unique_ptr<Recorder> without(new Recorder(-1, header));
    without->trouble_ = failure.message();
    return without;
  }
  std::unique_ptr<Recorder> recorder(new Recorder(file, header));
  struct stat about{};
  if (::fstat(file, &about) != 0) return system_error("open recording " + path);
  recorder->size_ = static_cast<std::uint64_t>(about.st_size);
  Result<void> ready = about.st_size == 0 ? recorder->begin() : recorder->go_on();
  if (!ready) return wrap(ready.error(), "recording " + path);
  return recorder;
}

Result<void> Recorder::begin() {
  json::object head;
  if (header_.terminal) {
    head["version"] = 3;
    head["term"] = {{"cols", header_.columns}, {"rows", header_.rows}, {"type", header_.term}};
  } else {
    head["recording"] = 1;
    head["kind"] = boost::describe::enum_to_string(header_.kind, "?");
  }
  head["timestamp"] = header_.started;
  head["title"] = header_.title;
  last_micros_ = wall_micros();
  if (!append(json::serialize(head) + "\n") && !header_.best_effort)
    return Error(Fault::unavailable, trouble_);
  return {};
}

// Cuts the file behind the last comment that ends a batch, and learns from the comments where it is.
Result<void> Recorder::go_on() {
  const std::uint64_t from = size_ > kTail ? size_ - kTail : 0;
  std::string tail(static_cast<std::size_t>(size_ - from), '\0');
  const ssize_t got = ::pread(file_, tail.data(), tail.size(), static_cast<off_t>(from));
  if (got < 0) return system_error("read");
  tail.resize(static_cast<std::size_t>(got));
  std::size_t whole = 0;
  std::size_t at = from == 0 ? 0 : tail.find('\n') + 1;
  bool first_line = from == 0;
  while (true) {
    const std::size_t end = tail.find('\n', at);
    if (end == std::string::npos) break;
    const std::string_view line(tail.data() + at, end - at);
    at = end + 1;
    if (line.starts_with("# ") || first_line) whole = at;
    first_line = false;
    std::uint64_t number = 0;
    if (line.starts_with("# offset ")) {
      const std::string_view text = line.substr(9);
      const std::size_t blank = text.find(' ');
      std::uint32_t stream = 2;
      std::from_chars(text.data(), text.data() + text.size(), number);
      if (blank != std::string_view::npos) {
        std::from_chars(text.data() + blank + 1, text.data() + text.size(), stream);
      }
      auto& flow = flows_[stream];
      if (!flow) flow = std::make_unique<Flow>();
      flow->offset = number;
      flow->kept = number;
      flow->whole = false;
    } else if (line.starts_with("# zero ")) {
      const bool console = line.substr(7).starts_with("console");
      Zero& zero = zero_[console ? 0 : 1];
      zero.skip = 0;
      const std::string_view rest = line.substr(7 + (console ? 8 : 9));
      const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      zero.partial.clear();
      zero.offset = number;
      if (parsed.ptr < rest.data() + rest.size() && *parsed.ptr == ' ') {
        std::string_view more(parsed.ptr + 1,
                              static_cast<std::size_t>(rest.data() + rest.size() - parsed.ptr - 1));
        const std::string_view bytes = more.substr(0, more.find(' '));
        more.remove_prefix(bytes.size());
        std::uint64_t seen = 0;
        if (more.starts_with(' ')) std::from_chars(more.data() + 1, more.data() + more.size(), seen);
        const Result<Bytes> partial = from_base64url(bytes);
        if (partial && seen > partial->size() && partial->size() == 2) {
          const std::uint64_t whole_message = 2 + std::uint64_t{get_u16(partial->data())};
          zero.offset += seen;
          zero.skip = whole_message > seen ? whole_message - seen : 0;
        } else if (partial) {
          zero.partial = as_text(*partial);
          zero.offset += partial->size();
        }
      }
    }
  }
  size_ = from + whole;
  if (::ftruncate(file_, static_cast<off_t>(size_)) != 0) return system_error("cut");
  struct stat about{};
  if (::fstat(file_, &about) == 0)
    last_micros_ = std::int64_t{about.st_mtim.tv_sec} * 1000000 + about.st_mtim.tv_nsec / 1000;
  return {};
}

// One write for one batch; a batch that did not fit is taken back whole.
bool Recorder::append(const std::string& text) {
  if (file_ < 0) return false;
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t size =
        ::pwrite(file_, text.data() + done, text.size() - done, static_cast<off_t>(size_ + done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      trouble_ = system_error("write the recording").message();
      if (::ftruncate(file_, static_cast<off_t>(size_)) != 0) return false;
      return false;
    }
    done += static_cast<std::size_t>(size);
  }
  size_ += text.size();
  dirty_ = true;
  trouble_.clear();
  return true;
}

bool Recorder::append_or_miss(const std::string& text, std::uint64_t bytes) {
  const std::string mark =
      missing_ == 0 ? std::string()
                    : "# missing " + std::to_string(missing_) + " bytes that could not be written\n";
  if (append(mark + text)) {
    missing_ = 0;
    return true;
  }
  if (!header_.best_effort) return false;
  missing_ += bytes;
  return true;
}

// When a whole batch fits: a few bytes nearly always do, behind the end of a file, and the session would be
// held again at once.
bool Recorder::recovered() {
  const bool full = ::fallocate(file_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_), kTail) != 0 &&
                    (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
  return !full && append("# goes on\n");
}

void Recorder::mark(std::string_view text) {
  append("# " + printable(text) + "\n");
}

std::string Recorder::stamp() {
  const std::int64_t now = wall_micros();
  const std::int64_t since = std::max<std::int64_t>(0, now - last_micros_);
  last_micros_ = now;
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(since / 1000000),
                static_cast<long long>(since % 1000000));
  return text;
}

bool Recorder::on_data(mux::Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) {
  if (stream == 0) return on_message_bytes(from, offset, bytes);
  if (from == mux::Side::console) return true;  // what was typed is not recorded
  if (header_.terminal) return on_output(stream, offset, bytes);
  if (header_.kind == control::SessionKind::exec) return on_exec_output(stream, offset, bytes);
  return true;
}

bool Recorder::on_output(std::uint32_t stream, std::uint64_t offset, ByteView bytes) {
  auto& flow = flows_[stream];
  if (!flow) flow = std::make_unique<Flow>();
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t seen = flow->offset + flow->tail.size();
  if (end <= seen) return true;
  std::string batch;
  std::string text;
  if (offset > seen) {
    // Only after a power cut: neither end holds these any more.
    batch += "# missing " + std::to_string(flow->offset) + " to " + std::to_string(offset) + "\n";
    flow->offset = offset;
    flow->tail.clear();
  } else {
    bytes = bytes.subspan(static_cast<std::size_t>(seen - offset));
    text = flow->tail;
  }
  text += as_text(bytes);
  const std::size_t tail = split_tail(text);
  const std::string_view whole = std::string_view(text).substr(0, text.size() - tail);
  const std::int64_t before = last_micros_;
  if (!whole.empty()) batch += "[" + stamp() + ", \"o\", " + json_text(whole) + "]\n";
  batch += "# offset " + std::to_string(end - tail) + "\n";
  if (!append_or_miss(batch, bytes.size())) {
    last_micros_ = before;
    return false;
  }
  flow->offset = end - tail;
  flow->tail = text.substr(text.size() - tail);
  return true;
}

bool Recorder::on_exec_output(std::uint32_t stream, std::uint64_t offset, ByteView bytes) {
  auto& flow = flows_[stream];
  if (!flow) flow = std::make_unique<Flow>();
  const std::uint64_t end = offset + bytes.size();
  if (end <= flow->offset) return true;
  if (offset < flow->offset) bytes = bytes.subspan(static_cast<std::size_t>(flow->offset - offset));
  if (flow->kept < kExecKept) {
    const std::int64_t before = last_micros_;
    const std::string batch = R"({"after":)" + stamp() + R"(,"stream":)" + std::to_string(stream) +
                              R"(,"text":)" + json_text(as_text(bytes)) + "}\n# offset " +
                              std::to_string(end) + " " + std::to_string(stream) + "\n";
    if (!append_or_miss(batch, bytes.size())) {
      last_micros_ = before;
      return false;
    }
    flow->kept += bytes.size();
  }
  if (offset > flow->offset) flow->whole = false;
  flow->digest.update(bytes);
  flow->offset = end;
  return true;
}

// What was printed beyond what is kept: how much in all, and its digest where this process saw all of it.
std::string Recorder::exec_totals() {
  std::string lines;
  for (auto& [stream, flow] : flows_) {
    if (flow->offset <= kExecKept) continue;
    lines += R"({"stream":)" + std::to_string(stream) + R"(,"bytes":)" + std::to_string(flow->offset);
    if (flow->whole) lines += R"(,"sha256":")" + to_hex(flow->digest.fork().finish()) + "\"";
    lines += "}\n";
  }
  return lines;
}

bool Recorder::on_message_bytes(mux::Side from, std::uint64_t offset, ByteView bytes) {
  Zero& zero = zero_[static_cast<std::size_t>(from)];
  const std::uint64_t end = offset + bytes.size();
  if (zero.lost || end <= zero.offset) return true;
  if (offset > zero.offset) {
    // A console that takes over starts at a message of its own; after a power cut the place is unknown.
    zero.partial.clear();
    zero.skip = 0;
    zero.offset = offset;
  }
  ByteView fresh = bytes.subspan(static_cast<std::size_t>(zero.offset - offset));
  const std::uint64_t skipped = std::min<std::uint64_t>(zero.skip, fresh.size());
  fresh = fresh.subspan(static_cast<std::size_t>(skipped));
  std::string text = zero.partial;
  text += as_text(fresh);
  std::string batch;
  std::vector<json::value> heard;
  const std::int64_t before = last_micros_;
  std::string_view rest(text);
  while (rest.size() >= 2) {
    const std::size_t length = get_u16(reinterpret_cast<const std::uint8_t*>(rest.data()));
    if (length > limits::kSessionMessageBytes) {
      zero.lost = true;
      append("# the " + std::string(side_name(from)) + " sent no messages but other bytes\n");
      return true;
    }
    if (rest.size() < 2 + length) break;
    Result<json::value> message = parse_json_value(rest.substr(2, length), limits::kSessionMessageBytes);
    if (message) {
      batch += message_line(from, *message);
      heard.push_back(std::move(*message));
    }
    rest.remove_prefix(2 + length);
  }
  // Skipped ones are of a message that is not whole yet, or just was.
  const bool skipping = zero.skip > skipped;
  if (!skipping) {
    batch += "# zero " + std::string(side_name(from)) + " " + std::to_string(end - rest.size());
    if (!rest.empty() && from == mux::Side::endpoint) batch += " " + to_base64url(as_bytes(rest));
    if (!rest.empty() && from == mux::Side::console) {
      batch += " " + to_base64url(as_bytes(rest.substr(0, 2))) + " " + std::to_string(rest.size());
    }
    batch += "\n";
    if (!append_or_miss(batch, fresh.size())) {
      last_micros_ = before;
      wipe(text.data(), text.size());
      return false;
    }
  }
  zero.skip -= skipped;
  zero.offset = end;
  wipe(zero.partial.data(), zero.partial.size());
  zero.partial = std::string(rest);
  wipe(text.data(), text.size());
  if (listener_) {
    for (const json::value& message : heard) listener_(from, message);
  }
  return true;
}

// For a terminal: a size or the exit; for others every message, as it was said, but for answers to prompts.
std::string Recorder::message_line(mux::Side from, const json::value& value) {
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  const json::value* kind = object.if_contains("kind");
  const json::value* body = object.if_contains("body");
  if (kind == nullptr || !kind->is_string() || body == nullptr || !body->is_object()) return {};
  if (!header_.terminal) {
    std::string extra;
    if (header_.kind == control::SessionKind::exec && kind->get_string() == "exit") extra = exec_totals();
    return extra + R"({"after":)" + stamp() + R"(,"from":")" + std::string(side_name(from)) +
           R"(","message":)" + json::serialize(recordable(value)) + "}\n";
  }
  if (kind->get_string() == "resize" && from == mux::Side::console) {
    const json::value* columns = body->get_object().if_contains("columns");
    const json::value* rows = body->get_object().if_contains("rows");
    if (columns == nullptr || rows == nullptr || !columns->is_int64() || !rows->is_int64()) return {};
    return "[" + stamp() + ", \"r\", \"" + std::to_string(columns->get_int64()) + "x" +
           std::to_string(rows->get_int64()) + "\"]\n";
  }
  if (kind->get_string() == "exit" && from == mux::Side::endpoint) {
    const json::value* status = body->get_object().if_contains("status");
    const std::string text =
        status != nullptr && status->is_int64() ? std::to_string(status->get_int64()) : "signal";
    return "[" + stamp() + ", \"x\", \"" + text + "\"]\n";
  }
  return {};
}

}  // namespace jump::appliance
