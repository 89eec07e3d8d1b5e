#include "jumpoint/bridge/sftp_client.h"

#include <algorithm>
#include <array>
#include <utility>

namespace jump::bridge {
namespace {

// draft-ietf-secsh-filexfer-02 section 3
enum Type : std::uint8_t {
  kInit = 1,
  kVersion = 2,
  kOpen = 3,
  kClose = 4,
  kRead = 5,
  kWrite = 6,
  kLstat = 7,
  kSetstat = 9,
  kFsetstat = 10,
  kOpendir = 11,
  kReaddir = 12,
  kRemove = 13,
  kMkdir = 14,
  kRmdir = 15,
  kRealpath = 16,
  kStat = 17,
  kRename = 18,
  kReadlink = 19,
  kSymlink = 20,
  kStatus = 101,
  kHandle = 102,
  kData = 103,
  kName = 104,
  kAttrs = 105,
  kExtended = 200,
};
constexpr std::uint32_t kStatusOk = 0;
constexpr std::uint32_t kStatusEof = 1;
constexpr std::uint32_t kAttrSize = 1;
constexpr std::uint32_t kAttrIds = 2;
constexpr std::uint32_t kAttrMode = 4;
constexpr std::uint32_t kAttrTimes = 8;
constexpr std::uint32_t kAttrExtended = 0x80000000;

constexpr std::size_t kPacketMost = 1024 * 1024;  // of the target; larger ends the session
constexpr std::uint32_t kPiece = 32 * 1024;       // that every server takes
constexpr std::size_t kAhead = 48;                // pieces under way of one file: 1.5 MiB
constexpr auto kAnswerLimit = std::chrono::seconds(60);

void put32(std::string& to, std::uint32_t value) {
  std::array<std::uint8_t, 4> bytes{};
  put_u32(bytes.data(), value);
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
void put64(std::string& to, std::uint64_t value) {
  put32(to, static_cast<std::uint32_t>(value >> 32));
  put32(to, static_cast<std::uint32_t>(value));
}
void put_text(std::string& to, std::string_view text) {
  put32(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}
std::string text_of(std::string_view text) {
  std::string body;
  put_text(body, text);
  return body;
}

void put_attributes(std::string& to, const SftpAttributes& attributes) {
  put32(to, (attributes.size ? kAttrSize : 0) | (attributes.mode ? kAttrMode : 0) |
                (attributes.modified ? kAttrTimes : 0));
  if (attributes.size) put64(to, *attributes.size);
  if (attributes.mode) put32(to, *attributes.mode & 07777);
  if (attributes.modified) {
    put32(to, *attributes.modified);
    put32(to, *attributes.modified);
  }
}

// Reads a packet's fields; past its end everything is empty and ok() is false.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}
  bool ok() const { return ok_; }
  bool more() const { return ok_ && !left_.empty(); }
  std::uint32_t u32() {
    const std::string_view bytes = take(4);
    return bytes.empty() ? 0 : get_u32(reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  std::uint64_t u64() {
    const std::uint64_t high = u32();
    return high << 32 | u32();
  }
  std::string text() {
    const std::uint32_t size = u32();
    return std::string(take(size));
  }
  SftpAttributes attributes() {
    SftpAttributes found;
    const std::uint32_t flags = u32();
    if ((flags & kAttrSize) != 0) found.size = u64();
    if ((flags & kAttrIds) != 0) static_cast<void>(u64());
    if ((flags & kAttrMode) != 0) found.mode = u32();
    if ((flags & kAttrTimes) != 0) {
      static_cast<void>(u32());
      found.modified = u32();
    }
    if ((flags & kAttrExtended) != 0) {
      const std::uint32_t count = u32();
      for (std::uint32_t at = 0; at < count && ok_; ++at) {
        static_cast<void>(text());
        static_cast<void>(text());
      }
    }
    return found;
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::string_view left_;
  bool ok_ = true;
};

Error malformed() {
  return {Fault::malformed, "the target's SFTP server sends what makes no sense"};
}

Error status_error(std::uint32_t code, const std::string& text, const std::string& what) {
  Fault fault = Fault::unavailable;
  std::string words = text.empty() ? "failure " + std::to_string(code) : printable(text, 200);
  if (code == 2) fault = Fault::not_found;
  if (code == 3) fault = Fault::refused;
  if (code == 8) fault = Fault::unsupported;
  return {fault, what.empty() ? words : what + ": " + words};
}

// A status as the result of something that answers nothing else.
Result<void> status_of(std::uint8_t type, const std::string& body, const std::string& what) {
  if (type != kStatus) return malformed();
  Fields fields(body);
  const std::uint32_t code = fields.u32();
  if (!fields.ok()) return malformed();
  if (code == kStatusOk) return {};
  return status_error(code, fields.text(), what);
}

}  // namespace

SftpClient::SftpClient(SshConnection& connection) : channel_(connection), bell_(connection.executor()) {}

Task<Result<void>> SftpClient::start(TaskGroup& group) {
  Result<void> done = co_await channel_.open();
  if (!done) co_return done;
  done = co_await channel_.request_subsystem("sftp");
  if (!done) co_return wrap(done.error(), "the target has no SFTP");
  std::string hello;
  put32(hello, 5);
  hello += static_cast<char>(kInit);
  put32(hello, 3);
  done = co_await channel_.write(as_bytes(hello));
  if (!done) co_return done;
  Result<std::string> packet = co_await next_packet();
  if (!packet) co_return packet.error();
  Fields fields(std::string_view(*packet).substr(1));
  const std::uint32_t version = fields.u32();
  if (packet->front() != static_cast<char>(kVersion) || !fields.ok()) co_return malformed();
  if (version != 3)
    co_return Error(Fault::unsupported, "SFTP version " + std::to_string(version) + " of the target");
  while (fields.more()) {
    const std::string name = fields.text();
    static_cast<void>(fields.text());
    if (name == "posix-rename@openssh.com") posix_rename_ = true;
    if (name == "fsync@openssh.com") fsync_ = true;
  }
  group.spawn("sftp replies", read_replies());
  group.spawn("sftp requests", write_requests());
  co_return Result<void>();
}

// --- packets -----------------------------------------------------------------------------------------------

Task<Result<void>> SftpClient::fill(std::size_t size) {
  std::array<std::uint8_t, 64 * 1024> piece;
  while (received_.size() < size) {
    const Result<std::size_t> got = co_await channel_.read(piece);
    if (!got) co_return got.error();
    if (*got == 0) co_return Error(Fault::unavailable, "the target's SFTP server ended");
    received_ += as_text(ByteView(piece.data(), *got));
  }
  co_return Result<void>();
}

// Type, and what is behind it.
Task<Result<std::string>> SftpClient::next_packet() {
  Result<void> there = co_await fill(4);
  if (!there) co_return there.error();
  const std::size_t size = get_u32(reinterpret_cast<const std::uint8_t*>(received_.data()));
  if (size < 1 || size > kPacketMost) co_return malformed();
  there = co_await fill(4 + size);
  if (!there) co_return there.error();
  std::string packet = received_.substr(4, size);
  received_.erase(0, 4 + size);
  co_return packet;
}

Task<> SftpClient::read_replies() {
  while (!broken_) {
    Result<std::string> packet = co_await next_packet();
    if (!packet) co_return fail(packet.error());
    if (packet->size() < 5) co_return fail(malformed());
    const std::uint32_t id = get_u32(reinterpret_cast<const std::uint8_t*>(packet->data()) + 1);
    const auto slot = slots_.find(id);
    if (slot == slots_.end() || slot->second.reply) co_return fail(malformed());
    if (slot->second.forgotten) {
      slots_.erase(slot);
      continue;
    }
    slot->second.reply = Reply{static_cast<std::uint8_t>(packet->front()), packet->substr(5)};
    bell_.ring();
  }
}

Task<> SftpClient::write_requests() {
  while (!broken_) {
    if (to_send_.empty()) {
      co_await bell_.wait();
      continue;
    }
    const std::string piece = std::exchange(to_send_, {});
    const Result<void> written = co_await channel_.write(as_bytes(piece));
    if (!written) co_return fail(written.error());
  }
}

void SftpClient::fail(Error error) {
  if (!broken_) broken_ = std::move(error);
  bell_.ring();
}

std::uint32_t SftpClient::ask(std::uint8_t type, const std::string& body) {
  const std::uint32_t id = ++last_id_;
  slots_[id];
  put32(to_send_, static_cast<std::uint32_t>(body.size() + 5));
  to_send_ += static_cast<char>(type);
  put32(to_send_, id);
  to_send_ += body;
  bell_.ring();
  return id;
}

void SftpClient::forget(std::uint32_t id) {
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return;
  if (slot->second.reply || broken_) {
    slots_.erase(slot);
  } else {
    slot->second.forgotten = true;
  }
}

Task<Result<SftpClient::Reply>> SftpClient::answer(std::uint32_t id) {
  // Also when this is cancelled.
  struct Leave {
    SftpClient& client;
    std::uint32_t id;
    ~Leave() { client.forget(id); }
  } leave{*this, id};
  const Instant until = BootClock::now() + kAnswerLimit;
  while (true) {
    Slot& slot = slots_[id];
    if (slot.reply) co_return std::move(*slot.reply);
    if (broken_) co_return *broken_;
    const bool rung = co_await bell_.wait_until(until);
    if (!rung) fail(Error(Fault::timed_out, "the target's SFTP server does not answer for 60 s"));
  }
}

Task<Result<SftpClient::Reply>> SftpClient::call(std::uint8_t type, std::string body, std::string what) {
  Result<Reply> reply = co_await answer(ask(type, body));
  if (!reply) co_return reply.error();
  if (reply->type != kStatus) co_return reply;
  Fields fields(reply->body);
  const std::uint32_t code = fields.u32();
  co_return status_error(code, fields.text(), what);
}

Task<Result<void>> SftpClient::call_done(std::uint8_t type, std::string body, std::string what) {
  const Result<Reply> reply = co_await answer(ask(type, body));
  if (!reply) co_return reply.error();
  co_return status_of(reply->type, reply->body, what);
}

// --- calls -------------------------------------------------------------------------------------------------

Task<Result<std::string>> SftpClient::real_path(std::string path) {
  const Result<Reply> reply = co_await call(kRealpath, text_of(path), printable(path, 256));
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  const std::uint32_t count = fields.u32();
  std::string real = fields.text();
  if (reply->type != kName || count != 1 || !fields.ok() || real.empty()) co_return malformed();
  co_return real;
}

Task<Result<SftpAttributes>> SftpClient::stat(std::string path) {
  const Result<Reply> reply = co_await call(kStat, text_of(path), printable(path, 256));
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  SftpAttributes found = fields.attributes();
  if (reply->type != kAttrs || !fields.ok()) co_return malformed();
  co_return found;
}

Task<Result<SftpAttributes>> SftpClient::lstat(std::string path) {
  const Result<Reply> reply = co_await call(kLstat, text_of(path), printable(path, 256));
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  SftpAttributes found = fields.attributes();
  if (reply->type != kAttrs || !fields.ok()) co_return malformed();
  co_return found;
}

Task<Result<std::vector<SftpName>>> SftpClient::names(std::string path, std::size_t limit) {
  const Result<Reply> opened = co_await call(kOpendir, text_of(path), printable(path, 256));
  if (!opened) co_return opened.error();
  Fields head(opened->body);
  const std::string handle = head.text();
  if (opened->type != kHandle || !head.ok()) co_return malformed();
  std::vector<SftpName> found;
  std::optional<Error> failed;
  while (!failed) {
    const Result<Reply> reply = co_await answer(ask(kReaddir, text_of(handle)));
    if (!reply) co_return reply.error();
    Fields fields(reply->body);
    const std::uint32_t count = fields.u32();
    if (reply->type == kStatus) {
      if (count != kStatusEof) failed = status_error(count, fields.text(), printable(path, 256));
      break;
    }
    if (reply->type != kName) co_return malformed();
    // Some end so; and one that sends nothing for ever is not waited for.
    if (count == 0) break;
    for (std::uint32_t at = 0; at < count && fields.ok(); ++at) {
      SftpName one;
      one.name = fields.text();
      static_cast<void>(fields.text());  // as ls would show it
      one.attributes = fields.attributes();
      if (one.name != "." && one.name != "..") found.push_back(std::move(one));
    }
    if (!fields.ok()) co_return malformed();
    if (found.size() > limit)
      failed = Error(Fault::too_large,
                     printable(path, 256) + " has more than " + std::to_string(limit) + " names");
  }
  Result<void> closed = co_await close(handle);
  if (failed) co_return *failed;
  if (!closed) co_return closed.error();
  std::sort(found.begin(), found.end(), [](const SftpName& a, const SftpName& b) { return a.name < b.name; });
  co_return found;
}

Task<Result<std::string>> SftpClient::read_link(std::string path) {
  const Result<Reply> reply = co_await call(kReadlink, text_of(path), printable(path, 256));
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  static_cast<void>(fields.u32());
  std::string target = fields.text();
  if (reply->type != kName || !fields.ok()) co_return malformed();
  co_return target;
}

Task<Result<void>> SftpClient::make_link(std::string path, std::string target) {
  // OpenSSH and all that follow it have the two in this order, against the draft.
  std::string body = text_of(target);
  put_text(body, path);
  co_return co_await call_done(kSymlink, std::move(body), printable(path, 256));
}

Task<Result<void>> SftpClient::make_folder(std::string path) {
  std::string body = text_of(path);
  SftpAttributes attributes;
  attributes.mode = 0700;
  put_attributes(body, attributes);
  co_return co_await call_done(kMkdir, std::move(body), "make folder " + printable(path, 256));
}

Task<Result<void>> SftpClient::remove(std::string path) {
  co_return co_await call_done(kRemove, text_of(path), printable(path, 256));
}

Task<Result<void>> SftpClient::remove_folder(std::string path) {
  co_return co_await call_done(kRmdir, text_of(path), printable(path, 256));
}

Task<Result<void>> SftpClient::rename(std::string from, std::string to) {
  if (posix_rename_) {
    std::string body = text_of("posix-rename@openssh.com");
    put_text(body, from);
    put_text(body, to);
    co_return co_await call_done(kExtended, std::move(body), printable(to, 256));
  }
  const Result<SftpAttributes> there = co_await lstat(to);
  if (there && !there->is_folder()) {
    const Result<void> removed = co_await remove(to);
    if (!removed) co_return removed.error();
  }
  std::string body = text_of(from);
  put_text(body, to);
  co_return co_await call_done(kRename, std::move(body), printable(to, 256));
}

Task<Result<void>> SftpClient::set_attributes(std::string path, SftpAttributes attributes) {
  std::string body = text_of(path);
  put_attributes(body, attributes);
  co_return co_await call_done(kSetstat, std::move(body), printable(path, 256));
}

Task<Result<std::string>> SftpClient::open(std::string path, Open how) {
  constexpr std::uint32_t kReadFlag = 1;
  constexpr std::uint32_t kWriteFlag = 2;
  constexpr std::uint32_t kCreateFlag = 8;
  constexpr std::uint32_t kExclusiveFlag = 0x20;
  std::string body = text_of(path);
  put32(body, how == Open::read         ? kReadFlag
              : how == Open::create_new ? kReadFlag | kWriteFlag | kCreateFlag | kExclusiveFlag
                                        : kReadFlag | kWriteFlag);
  SftpAttributes attributes;
  if (how == Open::create_new) attributes.mode = 0600;
  put_attributes(body, attributes);
  const Result<Reply> reply = co_await call(kOpen, std::move(body), printable(path, 256));
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  std::string handle = fields.text();
  if (reply->type != kHandle || !fields.ok()) co_return malformed();
  co_return handle;
}

Task<Result<void>> SftpClient::close(std::string handle) {
  co_return co_await call_done(kClose, text_of(handle), "close");
}

Task<Result<void>> SftpClient::sync(std::string handle) {
  if (!fsync_) co_return Result<void>();
  std::string body = text_of("fsync@openssh.com");
  put_text(body, handle);
  co_return co_await call_done(kExtended, std::move(body), "fsync");
}

Task<Result<void>> SftpClient::truncate(std::string handle, std::uint64_t size) {
  std::string body = text_of(handle);
  SftpAttributes attributes;
  attributes.size = size;
  put_attributes(body, attributes);
  co_return co_await call_done(kFsetstat, std::move(body), "truncate");
}

// --- pieces ------------------------------------------------------------------------------------------------

std::uint32_t SftpClient::ask_read(const std::string& handle, std::uint64_t offset, std::uint32_t size) {
  std::string body = text_of(handle);
  put64(body, offset);
  put32(body, size);
  return ask(kRead, body);
}

Task<Result<std::string>> SftpClient::read_answer(std::uint32_t id) {
  const Result<Reply> reply = co_await answer(id);
  if (!reply) co_return reply.error();
  Fields fields(reply->body);
  if (reply->type == kStatus) {
    const std::uint32_t code = fields.u32();
    if (code == kStatusEof) co_return std::string();
    co_return status_error(code, fields.text(), "read");
  }
  std::string bytes = fields.text();
  if (reply->type != kData || !fields.ok() || bytes.empty()) co_return malformed();
  co_return bytes;
}

std::uint32_t SftpClient::ask_write(const std::string& handle, std::uint64_t offset, ByteView bytes) {
  std::string body = text_of(handle);
  put64(body, offset);
  put_text(body, as_text(bytes));
  return ask(kWrite, body);
}

Task<Result<void>> SftpClient::done_answer(std::uint32_t id) {
  const Result<Reply> reply = co_await answer(id);
  if (!reply) co_return reply.error();
  co_return status_of(reply->type, reply->body, "write");
}

SftpReadAhead::SftpReadAhead(SftpClient& client, std::string handle, std::uint64_t offset, std::uint64_t end)
    : client_(client), handle_(std::move(handle)), at_(offset), end_(end) {
  ask();
}

void SftpReadAhead::ask() {
  while (parts_.size() < kAhead && at_ < end_) {
    const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(kPiece, end_ - at_));
    parts_.push_back(Part{client_.ask_read(handle_, at_, size), at_, size});
    at_ += size;
  }
}

Task<Result<std::string>> SftpReadAhead::next() {
  if (parts_.empty()) co_return std::string();
  const Part part = parts_.front();
  parts_.pop_front();
  Result<std::string> bytes = co_await client_.read_answer(part.id);
  if (!bytes) co_return bytes;
  if (bytes->size() > part.size) co_return malformed();
  if (bytes->size() < part.size && !bytes->empty()) {
    // Servers may give less than was asked for: the rest comes before the next part.
    const Part rest{client_.ask_read(handle_, part.offset + bytes->size(),
                                     part.size - static_cast<std::uint32_t>(bytes->size())),
                    part.offset + bytes->size(), part.size - static_cast<std::uint32_t>(bytes->size())};
    parts_.push_front(rest);
  } else {
    ask();
  }
  co_return bytes;
}

Task<Result<void>> SftpWriteBehind::redeem() {
  const std::uint32_t id = ids_.front();
  ids_.pop_front();
  co_return co_await client_.done_answer(id);
}

Task<Result<void>> SftpWriteBehind::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min<std::size_t>(bytes.size(), kPiece));
    ids_.push_back(client_.ask_write(handle_, at_, piece));
    at_ += piece.size();
    bytes = bytes.subspan(piece.size());
    while (ids_.size() > kAhead) {
      Result<void> done = co_await redeem();
      if (!done) co_return done;
    }
  }
  co_return Result<void>();
}

Task<Result<void>> SftpWriteBehind::finish() {
  Result<void> result;
  while (!ids_.empty()) {
    Result<void> done = co_await redeem();
    if (!done && result) result = done;
  }
  co_return result;
}

}  // namespace jump::bridge
