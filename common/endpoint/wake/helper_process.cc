#include "common/endpoint/wake/helper_process.h"

#include <unistd.h>

#include <array>

#include "platform/privileges.h"
#include "platform/users.h"

namespace jump::endpoint {

Result<Secret> read_input(std::size_t limit) {
  Bytes text;
  std::array<std::uint8_t, 4096> buffer;
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0) return system_error("read the job");
    if (got == 0) break;
    text.insert(text.end(), buffer.begin(), buffer.begin() + got);
    if (text.size() > limit) {
      return Error(Fault::too_large,
                   "the job is too large; at most " + std::to_string(limit) + " bytes are taken");
    }
  }
  wipe(buffer.data(), buffer.size());
  Secret secret(std::move(text));
  return secret;
}

Result<void> keep_raw_network_alone(const std::string& user) {
  platform::Confinement confinement;
  confinement.keep = {platform::Right::raw_network};
  confinement.limits.open_files = 1024;
  if (!user.empty()) {
    Result<platform::User> found = platform::find_user(user);
    if (!found) return found.error();
    confinement.user = *found;
  }
  return platform::confine(confinement);
}

}  // namespace jump::endpoint
