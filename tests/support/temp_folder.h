// TempFolder: a folder of its own for one test, gone at its end. In memory where there is such a file system:
// writing through to a disk would be most of the time of a test. And text files, by paths in UTF-8.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace jump::test {

class TempFolder {
 public:
  TempFolder() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code ignored;
    const bool there = std::filesystem::is_directory(memory, ignored);
    const std::filesystem::path base = there ? memory : std::filesystem::temp_directory_path();
    std::random_device random;
    do {
      path_ = base / ("jump-test-" + std::to_string(random()));
    } while (!std::filesystem::create_directory(path_));
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path utf8_path(const std::string& path) {
  return std::u8string(path.begin(), path.end());
}
inline void put(const std::string& path, std::string_view text) {
  std::ofstream(utf8_path(path), std::ios::binary) << text;
}
inline std::string text_of(const std::string& path) {
  std::ifstream file(utf8_path(path), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline std::ptrdiff_t count_in(const std::string& folder) {
  return std::distance(std::filesystem::directory_iterator(utf8_path(folder)), {});
}

}  // namespace jump::test
