// A file or folder tree on this machine: where a path leads, and the walk over what lies below it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/files/requests.h"
// lint: allow platform-users: a transfer is file system work; Folder is what makes hostile names harmless
#include "platform/folder.h"

namespace jump::files {

inline constexpr std::size_t kNamesMost = 1'000'000;  // in one folder

// What an absolute path means: an opened folder and a path in it. Links in a typed path are the user's own
// word and are followed; nothing is followed below.
struct Place {
  platform::Folder folder;
  std::string prefix;  // of the thing within `folder`; empty for the folder itself

  // A path of the tree as a path of `folder`.
  std::string at(const std::string& path) const;
};

struct Source {
  Place place;
  platform::FileInfo info;
  std::string name;  // what a receiver calls it: the last name that was typed, or that of the real path
};

// Fault::not_found names the path.
Result<Source> open_source(const std::string& path);

// What one step of a walk found. `trouble` says why there is nothing to send at this path.
struct WalkItem {
  std::string path;
  platform::FileInfo info;
  std::optional<std::string> trouble;
};

// The tree of a source, depth first, folders before their content, names in byte order. Blocking for one
// folder at a time.
class TreeWalk {
 public:
  explicit TreeWalk(Source& source) : source_(source) {}
  // Nothing when the walk is over.
  std::optional<WalkItem> next();

 private:
  struct Level {
    std::string path;
    std::vector<std::string> names;
    std::size_t at = 0;
  };
  void enter(const std::string& path);

  Source& source_;
  std::vector<Level> levels_;
  std::optional<WalkItem> pending_;  // a folder that could not be read: told after its own entry
  bool begun_ = false;
};

Entry to_entry(const std::string& path, const platform::FileInfo& info);

}  // namespace jump::files
