#include "platform/program.h"

namespace jump::platform {

std::vector<std::string> begin_program(int argc, char** argv) {
  return {argv, argv + argc};
}

}  // namespace jump::platform
