// TempFolder: a folder of its own for one test, gone at its end. In memory where there is such a file system:
// writing through to a disk would be most of the time of a test.
#pragma once

#include <filesystem>
#include <random>
#include <string>

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

}  // namespace jump::test
