// SftpClient: SFTP version 3 (draft-ietf-secsh-filexfer-02) over a channel, many requests at once. libssh's
// own waits for each answer; a transfer over it would be as slow as the round trip.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "jumpoint/bridge/bell.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {

struct SftpAttributes {
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> mode;  // as st_mode
  std::optional<std::uint32_t> modified;
  bool is_folder() const { return mode && (*mode & 0170000) == 0040000; }
  bool is_file() const { return mode && (*mode & 0170000) == 0100000; }
  bool is_link() const { return mode && (*mode & 0170000) == 0120000; }
};

struct SftpName {
  std::string name;
  SftpAttributes attributes;
};

class SftpClient {
 public:
  explicit SftpClient(SshConnection& connection);

  // Opens the channel and agrees on the version; then the two loops run in `group`.
  Task<Result<void>> start(TaskGroup& group);

  Task<Result<std::string>> real_path(std::string path);
  Task<Result<SftpAttributes>> stat(std::string path);   // links are followed
  Task<Result<SftpAttributes>> lstat(std::string path);  // and not
  // Without "." and ".."; at most `limit`.
  Task<Result<std::vector<SftpName>>> names(std::string path, std::size_t limit);
  Task<Result<std::string>> read_link(std::string path);
  Task<Result<void>> make_link(std::string path, std::string target);
  Task<Result<void>> make_folder(std::string path);
  Task<Result<void>> remove(std::string path);
  Task<Result<void>> remove_folder(std::string path);
  // Over what stands there where the target can (posix-rename@openssh.com), else by removing it before.
  Task<Result<void>> rename(std::string from, std::string to);
  Task<Result<void>> set_attributes(std::string path, SftpAttributes attributes);

  enum class Open { read, create_new, go_on };
  Task<Result<std::string>> open(std::string path, Open how);  // a handle
  Task<Result<void>> close(std::string handle);
  Task<Result<void>> sync(std::string handle);  // where the target can
  Task<Result<void>> truncate(std::string handle, std::uint64_t size);

  // --- pieces, many under way at once; the ids are redeemed in any order ---
  std::uint32_t ask_read(const std::string& handle, std::uint64_t offset, std::uint32_t size);
  Task<Result<std::string>> read_answer(std::uint32_t id);  // empty: the end of the file
  std::uint32_t ask_write(const std::string& handle, std::uint64_t offset, ByteView bytes);
  Task<Result<void>> done_answer(std::uint32_t id);
  // Nobody will redeem it.
  void forget(std::uint32_t id);

 private:
  struct Reply {
    std::uint8_t type = 0;
    std::string body;  // behind the id
  };
  struct Slot {
    std::optional<Reply> reply;
    bool forgotten = false;
  };

  Task<> read_replies();
  Task<> write_requests();
  Task<Result<void>> fill(std::size_t size);
  Task<Result<std::string>> next_packet();
  std::uint32_t ask(std::uint8_t type, const std::string& body);
  Task<Result<Reply>> answer(std::uint32_t id);
  Task<Result<void>> call_done(std::uint8_t type, std::string body, std::string what);
  Task<Result<Reply>> call(std::uint8_t type, std::string body, std::string what);
  void fail(Error error);

  SshChannel channel_;
  Bell bell_;
  std::string received_;
  std::string to_send_;
  std::map<std::uint32_t, Slot> slots_;
  std::uint32_t last_id_ = 0;
  bool posix_rename_ = false;
  bool fsync_ = false;
  std::optional<Error> broken_;
};

// A file from an offset on, in order, with reads under way ahead.
class SftpReadAhead {
 public:
  SftpReadAhead(SftpClient& client, std::string handle, std::uint64_t offset, std::uint64_t end);
  ~SftpReadAhead() {
    for (const Part& part : parts_) client_.forget(part.id);
  }
  SftpReadAhead(const SftpReadAhead&) = delete;
  SftpReadAhead& operator=(const SftpReadAhead&) = delete;
  // Empty: the end, of the file or as given.
  Task<Result<std::string>> next();

 private:
  struct Part {
    std::uint32_t id;
    std::uint64_t offset;
    std::uint32_t size;
  };
  void ask();
  SftpClient& client_;
  std::string handle_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::deque<Part> parts_;
};

// Writes at rising offsets with many under way.
class SftpWriteBehind {
 public:
  SftpWriteBehind(SftpClient& client, std::string handle, std::uint64_t offset)
      : client_(client), handle_(std::move(handle)), at_(offset) {}
  ~SftpWriteBehind() {
    for (const std::uint32_t id : ids_) client_.forget(id);
  }
  SftpWriteBehind(const SftpWriteBehind&) = delete;
  SftpWriteBehind& operator=(const SftpWriteBehind&) = delete;
  Task<Result<void>> write(ByteView bytes);
  // Until all is written; the first failure.
  Task<Result<void>> finish();

 private:
  Task<Result<void>> redeem();
  SftpClient& client_;
  std::string handle_;
  std::uint64_t at_;
  std::deque<std::uint32_t> ids_;
};

}  // namespace jump::bridge
