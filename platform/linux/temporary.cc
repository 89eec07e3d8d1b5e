#include "platform/temporary.h"

#include <cstdlib>
#include <filesystem>

namespace jump::platform {

Result<std::FILE*> temporary_file() {
  std::FILE* const file = std::tmpfile();
  if (file == nullptr) return system_error("make a temporary file");
  return file;
}

Result<std::string> make_temporary_folder(const std::string& name) {
  std::error_code failed;
  std::string path = (std::filesystem::temp_directory_path(failed) / (name + "XXXXXX")).string();
  if (failed) return Error(failed, "find the folder for temporary files");
  if (::mkdtemp(path.data()) == nullptr) return system_error("make a temporary folder");
  return path;
}

}  // namespace jump::platform
