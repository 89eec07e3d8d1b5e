#include "platform/files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "platform/handle.h"

namespace jump::platform {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string random_suffix() {
  std::array<std::uint8_t, 8> bytes{};
  // Not a secret: only to keep two writers apart. O_EXCL guards what is left.
  [[maybe_unused]] const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
  return to_hex(bytes);
}

Result<void> write_all(int to, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(to, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write " + path);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const Handle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return system_error("write folder " + path + " to disk");
  return {};
}

Result<void> fill(const std::string& path, ByteView content, unsigned mode) {
  const Handle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error("create " + path);
  if (Result<void> written = write_all(file.get(), content, path); !written) return written;
  if (::fchmod(file.get(), mode) != 0) return system_error("set the mode of " + path);
  if (::fsync(file.get()) != 0) return system_error("write " + path + " to disk");
  return {};
}

Result<Bytes> read_all(int from, const std::string& path, std::size_t limit) {
  Bytes content;
  std::array<std::uint8_t, 16384> piece;
  while (true) {
    const ssize_t got = ::read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read " + path);
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit) {
      return Error(Fault::too_large, path + " is larger than " + std::to_string(limit) + " bytes");
    }
    content.insert(content.end(), piece.begin(), piece.begin() + got);
  }
}

Result<Handle> open_to_read(const std::string& path) {
  Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.valid()) return file;
  if (errno == ENOENT) return Error(Fault::not_found, path + " does not exist");
  return system_error("open " + path);
}

Result<void> make_with_parents(const std::string& path, mode_t mode) {
  if (path.empty() || path == "/" || path == ".") return {};
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return system_error("make folder " + path);
  if (Result<void> parent = make_with_parents(folder_of(path), 0755); !parent) return parent;
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return system_error("make folder " + path);
}

Result<void> make_own_folder(std::string path, mode_t mode) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (Result<void> made = make_with_parents(path, mode); !made) return made;
  // Checked through one handle, so that nobody swaps it in between.
  const Handle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    if (errno == ELOOP || errno == ENOTDIR) return Error(Fault::refused, path + " is not a folder");
    return system_error("open folder " + path);
  }
  struct stat info{};
  if (::fstat(folder.get(), &info) != 0) return system_error("look at folder " + path);
  if (info.st_uid != ::geteuid()) {
    return Error(Fault::refused, "folder " + path + " belongs to user number " + std::to_string(info.st_uid) +
                                     " and not to " + std::to_string(::geteuid()));
  }
  if ((info.st_mode & 07777) == mode) return {};
  if (::fchmod(folder.get(), mode) != 0) return system_error("set the mode of folder " + path);
  return {};
}

}  // namespace

Result<void> write_file(const std::string& path, ByteView content, unsigned mode) {
  const std::string temporary = path + ".new-" + random_suffix();
  Result<void> filled = fill(temporary, content, mode);
  if (filled && ::rename(temporary.c_str(), path.c_str()) != 0) filled = system_error("replace " + path);
  if (!filled) {
    ::unlink(temporary.c_str());
    return filled;
  }
  return sync_folder(folder_of(path));
}

Result<void> write_private_file(const std::string& path, ByteView content) {
  return write_file(path, content, 0600);
}

Result<Bytes> read_file(const std::string& path, std::size_t limit) {
  const Result<Handle> file = open_to_read(path);
  if (!file) return file.error();
  return read_all(file->get(), path, limit);
}

Result<Bytes> read_private_file(const std::string& path, std::size_t limit) {
  const Result<Handle> file = open_to_read(path);
  if (!file) return file.error();
  struct stat info{};
  if (::fstat(file->get(), &info) != 0) return system_error("look at " + path);
  if (!S_ISREG(info.st_mode)) return Error(Fault::refused, path + " is not a regular file");
  if ((info.st_mode & 077) != 0)
    return Error(Fault::refused, path + " may be read or changed by others; chmod 600 it");
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return Error(Fault::refused, path + " belongs to another user");
  }
  return read_all(file->get(), path, limit);
}

Result<void> refuse_foreign_file(const std::string&) {
  return {};
}

Result<void> make_private_folder(const std::string& path) {
  return make_own_folder(path, 0700);
}
Result<void> make_folder(const std::string& path) {
  return make_own_folder(path, 0755);
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return system_error("remove " + path);
}

Result<Space> disk_space(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return system_error("ask for the space of " + path);
  Space space;
  space.free = std::uint64_t{info.f_bavail} * info.f_frsize;
  space.total = std::uint64_t{info.f_blocks} * info.f_frsize;
  return space;
}

}  // namespace jump::platform
