#include "platform/sandbox.h"

namespace jump::platform {
namespace {

Error no_walls() {
  return {
      Fault::unsupported,
      "Windows has no walls for a process that runs already; what faces the network has few rights from its "
      "start there"};
}

}  // namespace

bool system_has_walls() {
  return false;
}

Result<void> enter_sandbox(Sandbox) {
  return no_walls();
}

Result<void> try_sandbox(Sandbox) {
  return no_walls();
}

}  // namespace jump::platform
