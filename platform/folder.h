// Folder and File: the file system below one opened folder, for content and names that come from a stranger.
//
// Every path is relative to the folder, with "/" between names, "" for the folder itself. No name is ".",
// ".." or empty, and no symbolic link is followed at any place of it, however the tree changes meanwhile:
// each name is opened below the one before (Linux: openat with O_NOFOLLOW; Windows: NtCreateFile, reparse
// points as themselves). So nothing outside can be reached. On Windows names that it gives another meaning
// (devices, streams, a dot or space at the end) are refused, and links are read but never made. Blocking;
// read and write in pieces of at most 256 KiB and let others run in between.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

enum class FileKind { file, folder, link, other };

struct FileTime {
  std::int64_t seconds = 0;  // since 1970
  std::uint32_t nanoseconds = 0;
  friend bool operator==(const FileTime&, const FileTime&) = default;
};

struct FileInfo {
  FileKind kind = FileKind::other;
  std::uint32_t mode = 0;  // permission bits, 07777; Windows: 0755, 0644, or 0444 of what is read-only
  bool hidden = false;     // Windows: the attribute
  std::uint64_t size = 0;  // of a file, bytes
  FileTime modified;
  std::uint64_t device = 0;  // with `inode`: which file it is
  std::uint64_t inode = 0;
};

// What the system's file systems keep of this time (Windows: 100 ns).
FileTime as_stored(FileTime time);

// True for a failure that any other write there would meet too: disk or quota full, read-only, broken, too
// many open files.
bool concerns_all_files(const Error& error);

// An open regular file.
class File {
 public:
  explicit File(Handle handle) : handle_(std::move(handle)) {}

  Result<FileInfo> info() const;
  // At this offset; 0 = end of the file.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const;
  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  Result<void> truncate(std::uint64_t size);
  Result<void> set_mode(std::uint32_t mode);
  Result<void> set_hidden(bool hidden);  // nothing where names say it
  Result<void> set_modified(FileTime time);
  // Begins to write to the disk and does not wait: so that sync() of many files waits once and not for each.
  void begin_sync();
  // On the disk, not in a cache.
  Result<void> sync();
  // True when nobody else holds the lock of this file; held until the file is closed.
  bool try_lock();

 private:
  Handle handle_;
};

class Folder {
 public:
  // Links on the way are followed here: this path is the user's own word.
  static Result<Folder> open(const std::string& path);

  // Of the name itself, never of what a link points to.
  Result<FileInfo> info(const std::string& path);
  // Names in a folder without "." and "..", sorted by bytes. Fault::too_large above `limit`.
  Result<std::vector<std::string>> names(const std::string& path, std::size_t limit);
  Result<std::string> link_target(const std::string& path);

  // Regular files only; a pipe or device that stands there is refused, never waited for.
  Result<File> open_file(const std::string& path);
  // A new one, 0600; already_exists when the name is taken by anything.
  Result<File> create_file(const std::string& path);
  // An existing one for reading and writing, if it is ours, regular, and has this one name.
  Result<File> open_own_file(const std::string& path);

  // True: made now, with 0700. False: a folder was there. Anything else there, a link too, is an error.
  Result<bool> make_folder(const std::string& path);
  Result<void> make_link(const std::string& path, const std::string& target);
  // Replaces what stands at `to`, unless that is a folder.
  Result<void> rename(const std::string& from, const std::string& to);
  Result<void> remove(const std::string& path);         // anything but a folder
  Result<void> remove_folder(const std::string& path);  // an empty one
  Result<void> set_folder(const std::string& path, std::uint32_t mode, FileTime modified);
  Result<void> set_link_time(const std::string& path, FileTime modified);
  // The names in this folder are on the disk.
  Result<void> sync(const std::string& path);

 private:
  explicit Folder(Handle root) : root_(std::move(root)) {}
  // The opened folder that holds `path`'s last name, which goes to `name`. Borrowed; valid until the next
  // call.
  Result<int> parent_of(const std::string& path, std::string& name);
  Result<int> folder_at(const std::string& path);

  Handle root_;
  // The last folder that was walked to: a tree is visited folder by folder.
  std::string last_path_;
  Handle last_;
};

}  // namespace jump::platform
