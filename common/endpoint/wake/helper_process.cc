#include "common/endpoint/wake/helper_process.h"

#include "platform/handle.h"
#include "platform/pipe.h"
#include "platform/privileges.h"
#include "platform/users.h"

namespace jump::endpoint {

Result<Secret> read_input(std::size_t limit) {
  Result<Secret> text = platform::read_to_end(platform::standard_input(), limit);
  if (!text) return wrap(text.error(), "read the job");
  return text;
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
