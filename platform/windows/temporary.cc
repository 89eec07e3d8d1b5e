#include "platform/temporary.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>

#include <array>
#include <random>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

// The person's own folder for such things, which others cannot enter; a service's belongs to administrators.
Result<std::wstring> new_path(const std::string& name) {
  std::array<wchar_t, MAX_PATH + 1> folder;
  const DWORD size = ::GetTempPathW(static_cast<DWORD>(folder.size()), folder.data());
  if (size == 0 || size > folder.size()) return windows_error("find the folder for temporary files");
  std::random_device random;
  return std::wstring(folder.data(), size) +
         to_wide(name + std::to_string(random()) + std::to_string(random()));
}

}  // namespace

Result<std::FILE*> temporary_file() {
  const Result<std::wstring> path = new_path("jump-");
  if (!path) return path.error();
  void* const handle =
      ::CreateFileW(path->c_str(), GENERIC_READ | GENERIC_WRITE | DELETE, 0, nullptr, CREATE_NEW,
                    FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return windows_error("make a temporary file");
  const int number = ::_open_osfhandle(reinterpret_cast<std::intptr_t>(handle), _O_RDWR | _O_BINARY);
  if (number < 0) {
    ::CloseHandle(handle);
    return system_error("make a temporary file");
  }
  std::FILE* const file = ::_fdopen(number, "w+b");
  if (file == nullptr) {
    ::_close(number);
    return system_error("make a temporary file");
  }
  return file;
}

Result<std::string> make_temporary_folder(const std::string& name) {
  const Result<std::wstring> path = new_path(name);
  if (!path) return path.error();
  if (::CreateDirectoryW(path->c_str(), nullptr) == 0) return windows_error("make a temporary folder");
  return plain_path(*path);
}

}  // namespace jump::platform
