// PartialFile: what has arrived of one file, beside its target, until it is whole (FORMAT.md, "Resume",
// "Atomic").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/files/requests.h"
#include "common/identity/sha256.h"
// lint: allow platform-users: a transfer is file system work
#include "platform/folder.h"

namespace jump::files {

class PartialFile {
 public:
  // For the file of `entry` at `path` of `folder`, which outlives this. With `resume` it begins with what an
  // earlier transfer of the same name, size and time has left. One that another transfer is writing is
  // copied, not shared.
  static Task<Result<PartialFile>> open(platform::Folder& folder, std::string path, const Entry& entry,
                                        bool resume, std::uint64_t keep_from);
  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  // Not committed: kept for resuming when it is worth it, else removed.
  ~PartialFile();

  // What it holds, and the digest of that.
  std::uint64_t size() const { return size_; }
  Digest digest() const { return hash_.fork().finish(); }

  // Forgets everything.
  Result<void> restart();
  Result<void> append(ByteView bytes);
  // It is whole: mode and time, and on its way to the disk.
  Result<void> complete(const Entry& entry);
  // After complete(): on the disk, then renamed over the target, whatever but a folder that is.
  Result<void> commit();
  // It is of no use: removed now.
  void discard();

 private:
  PartialFile(platform::Folder& folder, std::string target, std::string path, platform::File file,
              bool shared_name, std::uint64_t keep_from)
      : folder_(folder),
        target_(std::move(target)),
        path_(std::move(path)),
        file_(std::move(file)),
        shared_name_(shared_name),
        keep_from_(keep_from) {}
  // Fills an own, new file with what another transfer has got so far.
  Task<Result<void>> copy_from(const platform::File& other, std::uint64_t size);
  bool name_is_ours();
  void remove_older();

  platform::Folder& folder_;
  std::string target_;
  std::string path_;  // empty once it is gone
  std::optional<platform::File> file_;
  bool shared_name_;  // the name that a later transfer looks for
  std::uint64_t keep_from_;
  std::uint64_t size_ = 0;
  identity::Sha256 hash_;
};

}  // namespace jump::files
