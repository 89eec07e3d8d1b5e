#include "platform/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "common/base/bytes.h"
#include "platform/folder_walk.h"

namespace jump::platform {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error failed(const char* doing, const std::string& path) {
  return system_error(std::string(doing) + " " +
                      (path.empty() ? std::string("the folder") : printable(path)));
}

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  if (S_ISDIR(mode)) return FileKind::folder;
  if (S_ISLNK(mode)) return FileKind::link;
  return FileKind::other;
}

FileInfo to_info(const struct stat& from) {
  FileInfo info;
  info.kind = kind_of(from.st_mode);
  info.mode = from.st_mode & 07777;
  info.size = info.kind == FileKind::file ? static_cast<std::uint64_t>(from.st_size) : 0;
  info.modified = {from.st_mtim.tv_sec, static_cast<std::uint32_t>(from.st_mtim.tv_nsec)};
  info.device = from.st_dev;
  info.inode = from.st_ino;
  return info;
}

timespec to_timespec(FileTime time) {
  timespec result{};
  result.tv_sec = static_cast<time_t>(time.seconds);
  result.tv_nsec = std::min<std::uint32_t>(time.nanoseconds, 999'999'999);
  return result;
}

// The access time stays as it is.
std::array<timespec, 2> to_times(FileTime modified) {
  timespec untouched{};
  untouched.tv_nsec = UTIME_OMIT;
  return {untouched, to_timespec(modified)};
}

}  // namespace

Result<void> check_name(const std::string& name, const std::string& path) {
  if (!name.empty() && name != "." && name != ".." && name.find('\0') == std::string::npos) return {};
  return Error(Fault::invalid, "'" + printable(path) + "' is no path below a folder");
}

Result<Handle> step_down(int from, const std::string& name, const std::string& path) {
  Handle next(::openat(from, name.c_str(), kFolderFlags));
  if (next.valid()) return next;
  if (errno == ELOOP || errno == ENOTDIR) {
    struct stat info{};
    const bool link = ::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
    return Error(Fault::refused, printable(path) + (link ? ": a link is not followed" : ": not a folder"));
  }
  return failed("open", path);
}

bool concerns_all_files(const Error& error) {
  const boost::system::error_category& category = error.code.category();
  if (category != boost::system::generic_category() && category != boost::system::system_category())
    return false;
  constexpr std::array kNumbers = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE, ENOMEM, ESTALE};
  return std::ranges::find(kNumbers, error.code.value()) != kNumbers.end();
}

FileTime as_stored(FileTime time) {
  return time;
}

// --- File -----------------------------------------------------------------------------------------------

Result<FileInfo> File::info() const {
  struct stat info{};
  if (::fstat(handle_.get(), &info) != 0) return system_error("look at a file");
  return to_info(info);
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
  while (true) {
    const ssize_t got = ::pread(handle_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return system_error("read");
  }
}

Result<void> File::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(handle_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("write");
    offset += static_cast<std::uint64_t>(put);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> File::truncate(std::uint64_t size) {
  if (::ftruncate(handle_.get(), static_cast<off_t>(size)) != 0) return system_error("cut a file");
  return {};
}

Result<void> File::set_mode(std::uint32_t mode) {
  if (::fchmod(handle_.get(), mode & 07777) != 0) return system_error("set the mode");
  return {};
}

Result<void> File::set_hidden(bool) {
  return {};
}

Result<void> File::set_modified(FileTime time) {
  const std::array<timespec, 2> times = to_times(time);
  if (::futimens(handle_.get(), times.data()) != 0) return system_error("set the time");
  return {};
}

void File::begin_sync() {
  ::sync_file_range(handle_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

Result<void> File::sync() {
  if (::fsync(handle_.get()) != 0) return system_error("write to disk");
  return {};
}

bool File::try_lock() {
  return ::flock(handle_.get(), LOCK_EX | LOCK_NB) == 0;
}

// --- Folder ---------------------------------------------------------------------------------------------

Result<Folder> Folder::open(const std::string& path) {
  Handle root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return failed("open folder", path);
  return Folder(std::move(root));
}

Result<FileInfo> Folder::info(const std::string& path) {
  struct stat info{};
  if (path.empty()) {
    if (::fstat(root_.get(), &info) != 0) return failed("look at", path);
    return to_info(info);
  }
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  if (::fstatat(*parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Error(Fault::not_found, printable(path) + " does not exist");
    return failed("look at", path);
  }
  return to_info(info);
}

Result<std::vector<std::string>> Folder::names(const std::string& path, std::size_t limit) {
  const Result<int> at = folder_at(path);
  if (!at) return at.error();
  // A handle of its own: reading moves its position.
  Handle own(::openat(*at, ".", kFolderFlags));
  if (!own.valid()) return failed("open", path);
  DIR* listing = ::fdopendir(own.get());
  if (listing == nullptr) return failed("list", path);
  own.release();
  std::vector<std::string> names;
  bool complete = true;
  errno = 0;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == limit) {
      complete = false;
      break;
    }
    names.emplace_back(name);
    errno = 0;
  }
  const int read_error = errno;
  ::closedir(listing);
  if (!complete)
    return Error(Fault::too_large, printable(path) + " holds more than " + std::to_string(limit) + " names");
  if (read_error != 0) return system_error(read_error, "list " + printable(path));
  std::ranges::sort(names);
  return names;
}

Result<std::string> Folder::link_target(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(*parent, name.c_str(), target.data(), target.size());
  if (size < 0) return failed("read link", path);
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<File> Folder::open_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  // O_NONBLOCK: a pipe that took the name's place must not hold us.
  Handle file(::openat(*parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ELOOP) return Error(Fault::refused, printable(path) + ": a link is not followed");
    return failed("open", path);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return failed("look at", path);
  if (!S_ISREG(info.st_mode)) return Error(Fault::refused, printable(path) + ": not a regular file");
  return File(std::move(file));
}

Result<File> Folder::create_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle file(::openat(*parent, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.valid()) return File(std::move(file));
  if (errno == EEXIST) return Error(Fault::already_exists, printable(path) + " is there already");
  return failed("create", path);
}

Result<File> Folder::open_own_file(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  Handle file(::openat(*parent, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return Error(Fault::not_found, printable(path) + " does not exist");
    return failed("open", path);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return failed("look at", path);
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || info.st_nlink != 1) {
    return Error(Fault::refused, printable(path) + ": not a file of ours alone");
  }
  return File(std::move(file));
}

Result<bool> Folder::make_folder(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  if (::mkdirat(*parent, name.c_str(), 0700) == 0) return true;
  if (errno != EEXIST) return failed("make folder", path);
  struct stat info{};
  if (::fstatat(*parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return failed("look at", path);
  if (S_ISDIR(info.st_mode)) return false;
  return Error(Fault::already_exists,
               printable(path) + (S_ISLNK(info.st_mode) ? " is a link" : " is there and is no folder"));
}

Result<void> Folder::make_link(const std::string& path, const std::string& target) {
  if (target.empty() || target.size() >= PATH_MAX || target.find('\0') != std::string::npos) {
    return Error(Fault::invalid,
                 printable(path) + ": a link to '" + printable(target, 64) + "' is impossible");
  }
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  if (::symlinkat(target.c_str(), *parent, name.c_str()) == 0) return {};
  if (errno == EEXIST) return Error(Fault::already_exists, printable(path) + " is there already");
  return failed("make link", path);
}

Result<void> Folder::rename(const std::string& from, const std::string& to) {
  std::string from_name;
  const Result<int> source = parent_of(from, from_name);
  if (!source) return source.error();
  // A second walk may close what the first one gave.
  const Handle kept(::fcntl(*source, F_DUPFD_CLOEXEC, 3));
  if (!kept.valid()) return failed("rename", from);
  std::string to_name;
  const Result<int> goal = parent_of(to, to_name);
  if (!goal) return goal.error();
  if (::renameat(kept.get(), from_name.c_str(), *goal, to_name.c_str()) != 0) {
    if (errno == EISDIR) return Error(Fault::already_exists, printable(to) + " is a folder");
    return failed("replace", to);
  }
  return {};
}

Result<void> Folder::remove(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  if (::unlinkat(*parent, name.c_str(), 0) != 0) return failed("remove", path);
  return {};
}

Result<void> Folder::remove_folder(const std::string& path) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  if (::unlinkat(*parent, name.c_str(), AT_REMOVEDIR) != 0) return failed("remove folder", path);
  if (last_path_ == path || last_path_.starts_with(path + "/")) last_.close();
  return {};
}

Result<void> Folder::set_folder(const std::string& path, std::uint32_t mode, FileTime modified) {
  const Result<int> at = folder_at(path);
  if (!at) return at.error();
  const std::array<timespec, 2> times = to_times(modified);
  if (::futimens(*at, times.data()) != 0) return failed("set the time of", path);
  if (::fchmod(*at, mode & 07777) != 0) return failed("set the mode of", path);
  return {};
}

Result<void> Folder::set_link_time(const std::string& path, FileTime modified) {
  std::string name;
  const Result<int> parent = parent_of(path, name);
  if (!parent) return parent.error();
  const std::array<timespec, 2> times = to_times(modified);
  if (::utimensat(*parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return failed("set the time of", path);
  return {};
}

Result<void> Folder::sync(const std::string& path) {
  const Result<int> at = folder_at(path);
  if (!at) return at.error();
  if (::fsync(*at) != 0) return failed("write to disk", path);
  return {};
}

}  // namespace jump::platform
