#include "common/identity/private_file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace jump::identity {
namespace {

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Result<void> write_all(int descriptor, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_error("write " + path);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> write_and_sync(const std::string& path, ByteView bytes) {
  // Left over from a crash; nobody else writes here.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove " + path);
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_error("create " + path);
  if (::fchmod(file.get(), 0600) != 0) return system_error("set the mode of " + path);
  Result<void> written = write_all(file.get(), bytes, path);
  if (!written) return written;
  if (::fsync(file.get()) != 0) return system_error("sync " + path);
  return {};
}

Result<void> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0) return system_error("open " + folder);
  // Some file systems cannot sync a folder and say EINVAL; the rename is as safe there as it gets.
  if (::fsync(file.get()) != 0 && errno != EINVAL) return system_error("sync " + folder);
  return {};
}

}  // namespace

Result<void> write_private_file(const std::string& path, ByteView bytes) {
  const std::string fresh = path + ".new";
  Result<void> written = write_and_sync(fresh, bytes);
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0) written = system_error("rename to " + path);
  if (!written) {
    ::unlink(fresh.c_str());
    return written;
  }
  return sync_folder_of(path);
}

Result<Secret> read_private_file(const std::string& path, std::size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ELOOP) return Error(Fault::refused, path + ": a symbolic link, not a file");
    if (errno == ENOENT) return Error(Fault::not_found, path + ": not there");
    return system_error("open " + path);
  }
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return system_error("stat " + path);
  if (!S_ISREG(about.st_mode)) return Error(Fault::refused, path + ": not a regular file");
  if ((about.st_mode & 077) != 0) {
    return Error(Fault::refused, path + ": others than its owner may use it; run chmod 600 on it");
  }
  if (static_cast<std::size_t>(about.st_size) > limit) {
    return Error(Fault::too_large, path + ": " + std::to_string(about.st_size) + " bytes, at most " +
                                       std::to_string(limit) + " are read");
  }
  Bytes bytes(static_cast<std::size_t>(about.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t done = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      wipe(bytes.data(), bytes.size());
      return system_error("read " + path);
    }
    if (done == 0) break;
    have += static_cast<std::size_t>(done);
  }
  bytes.resize(have);
  return Secret(std::move(bytes));
}

}  // namespace jump::identity
