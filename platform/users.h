// Users of the operating system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace jump::platform {

// Windows has no numbers of users: there 0 is the system itself (LocalSystem), and any other stands for a SID
// where users are compared.
struct User {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;   // "/" where the system names none
  std::string shell;  // "/bin/sh" where the system names none
};

// Blocking (the name service may ask a server). Fault::not_found names the user.
Result<User> find_user(std::string_view name);
Result<User> find_user(std::uint32_t uid);
// The user this process acts as.
Result<User> current_user();
// True when this process may become another user.
bool may_become_users();

// Groups of the user, the primary one included, for setgroups(); asked before a fork, as nothing of this may
// run after it.
Result<std::vector<std::uint32_t>> groups_of(const User& user);

// What a fresh log-in of this user finds: HOME, SHELL, USER, LOGNAME, PATH; then `more` ("KEY=VALUE").
std::vector<std::string> login_environment(const User& user, const std::vector<std::string>& more);
// What a process of a service finds when it starts, and no more.
std::vector<std::string> service_environment();

// Who may do nothing, for a process of root that needs nothing; nullopt where a running process becomes
// nobody else (Windows).
Result<std::optional<User>> user_without_rights();

// Who a process that faces the network is where the configuration names nobody: an account made for this
// where the system has one that we may become (Windows: LOCAL SERVICE); nullopt: as we are.
std::optional<User> network_user();

}  // namespace jump::platform
