#include "platform/paths.h"

#include <windows.h>

#include <array>

#include "platform/windows/native.h"
#include "platform/windows/registry.h"

namespace jump::platform {
namespace {

std::string variable(const wchar_t* name) {
  std::wstring value(32768, L'\0');  // the most that one can have
  value.resize(::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size())));
  std::string path = plain_path(value);
  while (path.size() > 3 && path.ends_with('/')) path.pop_back();
  return path;
}

// "jump-client" is "Jump Client" to a person who looks into the folder; the rest keeps its name.
std::string folder_name(std::string_view program) {
  if (program == "jump-client") return "Jump Client";
  if (program == "jumpoint") return "Jumpoint";
  return std::string(program);
}

// From where Windows has it itself: the environment is that of whoever starts us, and a service under Wine is
// told another one.
std::string common_data() {
  constexpr const wchar_t* kProfiles = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
  constexpr const wchar_t* kFolders =
      L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders";
  std::optional<std::string> folder = registry_text(kProfiles, L"ProgramData");
  if (!folder || folder->empty()) folder = registry_text(kFolders, L"Common AppData");
  if (!folder || folder->empty()) return "C:/ProgramData";
  return plain_path(to_wide(*folder));
}

}  // namespace

ProgramPaths program_paths(std::string_view program, std::string_view base) {
  std::string root(base);
  if (root.empty()) {
    root = common_data() + "/" + folder_name(program);
  }
  ProgramPaths paths;
  paths.config = root + "/config";
  paths.data = root + "/data";
  paths.run = root + "/run";
  paths.log = root + "/log";
  return paths;
}

std::string person_state_folder() {
  if (std::string own = variable(L"JUMP_HOME"); !own.empty()) return own;
  if (std::string local = variable(L"LOCALAPPDATA"); !local.empty()) return local + "/jump";
  std::string home = variable(L"USERPROFILE");
  if (home.empty()) home = "C:";
  return home + "/AppData/Local/jump";
}

bool begins_with_drive(std::string_view path) {
  if (path.size() < 2 || path[1] != ':') return false;
  const char letter = path[0];
  const bool is_letter = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
  return is_letter && (path.size() == 2 || path[2] == '/' || path[2] == '\\');
}

std::string own_program() {
  std::wstring path(32768, L'\0');
  path.resize(::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
  return plain_path(path);
}

}  // namespace jump::platform
