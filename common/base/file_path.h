// Paths are UTF-8 in std::string everywhere. The standard library's own conversion is another one on Windows.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace jump {

inline std::filesystem::path file_path(std::string_view utf8) {
  return {std::u8string(utf8.begin(), utf8.end())};
}

// With "/" between names.
inline std::string path_text(const std::filesystem::path& path) {
  const std::u8string text = path.generic_u8string();
  return {text.begin(), text.end()};
}

}  // namespace jump
