// Whose files these are: for commands that root gives about the data of a service with a user of its own.
//
// Windows: rights do what ownership does on Linux. give_folder() lets the system, the administrators, us and
// `user` in and nobody else, and what lies in the folder inherits that; so ActingAs changes nothing there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/users.h"

namespace jump::platform {

// The owner of a file or folder, without following a link at its last name. Fault::not_found.
Result<User> owner_of(const std::string& path);

// The folder and the regular files right in it belong to `user` afterwards. Everything else in it (folders,
// links, files with several names) stays as it is. Does nothing where this process may not give files away
// and they are the user's already.
Result<void> give_folder(const std::string& path, const User& user);

// As long as it lives this process makes and opens files as `user`, and has no rights of root. No wall: code
// that was taken over could go back. Nothing happens where we are that user already or are not root.
class ActingAs {
 public:
  static Result<ActingAs> begin(const User& user);
  ActingAs(ActingAs&& other) noexcept;
  ActingAs& operator=(ActingAs&&) = delete;
  // Aborts when the way back fails: nothing may go on as the wrong user.
  ~ActingAs();

 private:
  ActingAs() = default;
  std::optional<std::vector<std::uint32_t>> groups_;  // those to come back to; nothing to do without
};

}  // namespace jump::platform
