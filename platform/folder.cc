#include "platform/folder.h"

#include <algorithm>

#include "platform/folder_walk.h"

namespace jump::platform {

Result<int> Folder::folder_at(const std::string& path) {
  if (path.empty()) return root_.get();
  if (last_.valid() && last_path_ == path) return last_.get();
  Handle at;
  int from = root_.get();
  std::size_t begin = 0;
  // From the last folder, when the new one lies below it.
  if (last_.valid() && path.size() > last_path_.size() && path.starts_with(last_path_) &&
      path[last_path_.size()] == '/') {
    from = last_.get();
    begin = last_path_.size() + 1;
  }
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (Result<void> fine = check_name(name, path); !fine) return fine.error();
    Result<Handle> next = step_down(from, name, path);
    if (!next) return next.error();
    at = std::move(*next);
    from = at.get();
    begin = end + 1;
  }
  last_ = std::move(at);
  last_path_ = path;
  return last_.get();
}

Result<int> Folder::parent_of(const std::string& path, std::string& name) {
  const std::size_t slash = path.rfind('/');
  name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (Result<void> fine = check_name(name, path); !fine) return fine.error();
  return folder_at(slash == std::string::npos ? std::string() : path.substr(0, slash));
}

}  // namespace jump::platform
