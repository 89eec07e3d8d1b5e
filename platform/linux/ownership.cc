#include "platform/ownership.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "platform/handle.h"

namespace jump::platform {
namespace {

struct Listing {
  DIR* folder;
  ~Listing() { ::closedir(folder); }
};

Result<void> give(int file, const struct stat& info, const User& user, const std::string& path) {
  if (info.st_uid == user.uid && info.st_gid == user.gid) return {};
  if (::fchown(file, user.uid, user.gid) != 0)
    return system_error("give " + path + " to user '" + user.name + "'");
  return {};
}

}  // namespace

Result<User> owner_of(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Error(Fault::not_found, path + " does not exist");
    return system_error("look at " + path);
  }
  return find_user(static_cast<std::uint32_t>(info.st_uid));
}

Result<void> give_folder(const std::string& path, const User& user) {
  Handle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return system_error("open folder " + path);
  const int again = ::dup(folder.get());
  DIR* list = again < 0 ? nullptr : ::fdopendir(again);
  if (list == nullptr) return system_error("list folder " + path);
  const Listing listing{list};
  while (const dirent* entry = ::readdir(list)) {
    // Who owned the folder until now may have put anything there: a pipe is not waited for, a link not
    // followed, and a file that has another name elsewhere not given away.
    const Handle file(
        ::openat(folder.get(), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct stat info{};
    if (!file.valid() || ::fstat(file.get(), &info) != 0) continue;
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) continue;
    if (Result<void> given = give(file.get(), info, user, path + "/" + entry->d_name); !given) return given;
  }
  struct stat info{};
  if (::fstat(folder.get(), &info) != 0) return system_error("look at folder " + path);
  return give(folder.get(), info, user, path);
}

Result<ActingAs> ActingAs::begin(const User& user) {
  ActingAs acting;
  if (::geteuid() != 0 || user.uid == 0) return acting;
  const int count = ::getgroups(0, nullptr);
  std::vector<std::uint32_t> before(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count < 0 || ::getgroups(count, before.data()) != count) return system_error("ask for our groups");
  const Result<std::vector<std::uint32_t>> groups = groups_of(user);
  if (!groups) return groups.error();
  acting.groups_ = std::move(before);
  const std::string who = "act as user '" + user.name + "'";
  if (::setgroups(groups->size(), groups->data()) != 0) return system_error(who + ": groups");
  if (::setegid(user.gid) != 0) return system_error(who + ": group");
  if (::seteuid(user.uid) != 0) return system_error(who);
  return acting;
}

ActingAs::ActingAs(ActingAs&& other) noexcept : groups_(std::exchange(other.groups_, std::nullopt)) {}

ActingAs::~ActingAs() {
  if (!groups_) return;
  CHECK(::seteuid(0) == 0);
  CHECK(::setegid(::getgid()) == 0);
  CHECK(::setgroups(groups_->size(), groups_->data()) == 0);
}

}  // namespace jump::platform
