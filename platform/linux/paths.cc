#include "platform/paths.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "platform/users.h"

namespace jump::platform {
namespace {

// systemd.exec(5): several folders are separated by colons; ours have one.
std::string handed_over(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value != '/') return otherwise;
  const std::string text(value);
  return text.substr(0, text.find(':'));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value == '/' ? std::string(value) : std::string();
}

}  // namespace

ProgramPaths program_paths(std::string_view program, std::string_view base) {
  ProgramPaths paths;
  if (!base.empty()) {
    const std::string root(base);
    paths.config = root + "/config";
    paths.data = root + "/data";
    paths.run = root + "/run";
    paths.log = root + "/log";
    return paths;
  }
  const std::string name(program);
  paths.config = handed_over("CONFIGURATION_DIRECTORY", "/etc/" + name);
  paths.data = handed_over("STATE_DIRECTORY", "/var/lib/" + name);
  paths.run = handed_over("RUNTIME_DIRECTORY", "/run/" + name);
  paths.log = handed_over("LOGS_DIRECTORY", "/var/log/" + name);
  return paths;
}

std::string person_state_folder() {
  if (std::string own = variable("JUMP_HOME"); !own.empty()) return own;
  if (std::string state = variable("XDG_STATE_HOME"); !state.empty()) return state + "/jump";
  std::string home = variable("HOME");
  if (home.empty()) {
    const Result<User> user = current_user();
    home = user ? user->home : std::string("/");
  }
  return home + "/.local/state/jump";
}

bool begins_with_drive(std::string_view) {
  return false;
}

std::string own_program() {
  std::array<char, PATH_MAX> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  std::string text = size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
  // An upgrade has replaced the file under us: what stands there now is the program.
  constexpr std::string_view kReplaced = " (deleted)";
  if (text.ends_with(kReplaced)) text.resize(text.size() - kReplaced.size());
  return text;
}

}  // namespace jump::platform
