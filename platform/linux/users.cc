#include "platform/users.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/bytes.h"

namespace jump::platform {
namespace {

constexpr std::size_t kEntryMost = 1024 * 1024;  // of a passwd entry; a larger one is a broken name service

User to_user(const passwd& entry) {
  User user;
  user.name = entry.pw_name;
  user.uid = entry.pw_uid;
  user.gid = entry.pw_gid;
  user.home = entry.pw_dir != nullptr && *entry.pw_dir != '\0' ? entry.pw_dir : "/";
  user.shell = entry.pw_shell != nullptr && *entry.pw_shell != '\0' ? entry.pw_shell : "/bin/sh";
  return user;
}

template <typename Ask>
Result<User> find(const std::string& what, Ask ask) {
  std::vector<char> text(4096);
  while (true) {
    passwd entry{};
    passwd* found = nullptr;
    const int failed = ask(&entry, text.data(), text.size(), &found);
    if (failed == ERANGE && text.size() < kEntryMost) {
      text.resize(text.size() * 4);
      continue;
    }
    if (failed != 0 && failed != ENOENT && failed != ESRCH) return system_error(failed, "look up " + what);
    if (found == nullptr) return Error(Fault::not_found, what + " does not exist on this machine");
    return to_user(entry);
  }
}

}  // namespace

Result<User> find_user(std::string_view name) {
  const std::string text(name);
  return find("user '" + printable(name, 64) + "'",
              [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
                return ::getpwnam_r(text.c_str(), entry, buffer, size, found);
              });
}

Result<User> find_user(std::uint32_t uid) {
  return find("user number " + std::to_string(uid),
              [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
                return ::getpwuid_r(uid, entry, buffer, size, found);
              });
}

Result<User> current_user() {
  return find_user(static_cast<std::uint32_t>(::geteuid()));
}

bool may_become_users() {
  return ::geteuid() == 0;
}

Result<std::vector<std::uint32_t>> groups_of(const User& user) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) < 0) {
    if (count <= static_cast<int>(groups.size()) || count > 65536) {
      return Error(Fault::invalid, "user '" + user.name + "' has too many groups");
    }
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return std::vector<std::uint32_t>(groups.begin(), groups.end());
}

std::vector<std::string> login_environment(const User& user, const std::vector<std::string>& more) {
  std::vector<std::string> env = {
      "HOME=" + user.home,
      "SHELL=" + user.shell,
      "USER=" + user.name,
      "LOGNAME=" + user.name,
      // As Debian's login.defs.
      user.uid == 0 ? "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                    : "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
  };
  env.insert(env.end(), more.begin(), more.end());
  return env;
}

std::vector<std::string> service_environment() {
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
}

Result<std::optional<User>> user_without_rights() {
  Result<User> nobody = find_user("nobody");
  if (!nobody) return nobody.error();
  return std::optional<User>(std::move(*nobody));
}

std::optional<User> network_user() {
  return std::nullopt;
}

}  // namespace jump::platform
