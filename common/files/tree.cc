#include "common/files/tree.h"

#include <filesystem>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/file_path.h"
#include "common/files/names.h"

namespace jump::files {
namespace {

namespace fs = std::filesystem;

// The last name of a path as it was typed, when it is one that a receiver can use.
std::string typed_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::string name = name_of(path);
  return check_name(name) ? name : std::string();
}

}  // namespace

std::string Place::at(const std::string& path) const {
  return join(prefix, path);
}

Result<Source> open_source(const std::string& path) {
  std::error_code failed;
  const fs::path real = fs::canonical(file_path(path), failed);
  if (failed == std::errc::no_such_file_or_directory) {
    return Error(Fault::not_found, printable(path, 256) + " does not exist");
  }
  if (failed) return Error(boost::system::error_code(failed), "open " + printable(path, 256));
  std::string name = typed_name(path_text(file_path(path)));
  if (name.empty()) name = typed_name(path_text(real));
  if (name.empty()) name = "root";
  const bool folder = fs::is_directory(real, failed);
  Result<platform::Folder> opened = platform::Folder::open(path_text(folder ? real : real.parent_path()));
  if (!opened) return opened.error();
  Place place{std::move(*opened), folder ? std::string() : path_text(real.filename())};
  const Result<platform::FileInfo> info = place.folder.info(place.prefix);
  if (!info) return info.error();
  return Source{std::move(place), *info, std::move(name)};
}

void TreeWalk::enter(const std::string& path) {
  Result<std::vector<std::string>> names = source_.place.folder.names(source_.place.at(path), kNamesMost);
  if (!names) {
    pending_ = WalkItem{path, {}, names.error().message()};
    return;
  }
  levels_.push_back(Level{path, std::move(*names), 0});
}

std::optional<WalkItem> TreeWalk::next() {
  if (pending_) return std::exchange(pending_, std::nullopt);
  if (!begun_) {
    begun_ = true;
    if (source_.info.kind == platform::FileKind::folder) enter("");
    return WalkItem{"", source_.info, std::nullopt};
  }
  while (!levels_.empty() && levels_.back().at == levels_.back().names.size()) levels_.pop_back();
  if (levels_.empty()) return std::nullopt;
  Level& level = levels_.back();
  WalkItem item;
  item.path = join(level.path, level.names[level.at++]);
  if (Result<void> fine = check_path(item.path); !fine) {
    item.trouble = fine.error().message();
    return item;
  }
  const Result<platform::FileInfo> info = source_.place.folder.info(source_.place.at(item.path));
  if (!info) {
    item.trouble = info.error().message();
    return item;
  }
  item.info = *info;
  if (info->kind == platform::FileKind::other) item.trouble = "neither file, folder nor link";
  if (info->kind == platform::FileKind::folder) enter(item.path);
  return item;
}

Entry to_entry(const std::string& path, const platform::FileInfo& info) {
  Entry entry;
  entry.path = path;
  entry.kind = info.kind == platform::FileKind::folder ? Kind::folder
               : info.kind == platform::FileKind::link ? Kind::link
                                                       : Kind::file;
  entry.mode = info.mode & 0777;
  entry.size = info.size;
  entry.seconds = info.modified.seconds;
  entry.nanoseconds = info.modified.nanoseconds;
  if (info.hidden) entry.hidden = true;
  return entry;
}

}  // namespace jump::files
