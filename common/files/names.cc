#include "common/files/names.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/file_path.h"
#include "common/identity/sha256.h"

namespace jump::files {
namespace {

Error bad_name(std::string_view name, std::string_view why) {
  return {Fault::invalid, "name '" + printable(name, 80) + "' " + std::string(why)};
}

bool has_control_character(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    // C1 in UTF-8: C2 80 to C2 9F.
    if (byte == 0xc2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xa0) return true;
  }
  return false;
}

std::string short_hash(std::string_view text) {
  const identity::Digest digest = identity::sha256(as_bytes(text));
  return to_hex(digest).substr(0, 16);
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty()) return bad_name(name, "is empty");
  if (name == "." || name == "..") return bad_name(name, "leads elsewhere");
  if (name.size() > kNameMost)
    return bad_name(name, "has " + std::to_string(name.size()) + " bytes, at most 255");
  if (name.find('/') != std::string_view::npos) return bad_name(name, "contains '/'");
  if (has_control_character(name)) return bad_name(name, "contains a control character");
  if (!is_utf8(name)) return bad_name(name, "is not UTF-8");
  return {};
}

Result<void> check_path(std::string_view path) {
  if (path.size() > kPathMost) {
    return Error(Fault::too_large, "path '" + printable(path, 80) + "' has " + std::to_string(path.size()) +
                                       " bytes, at most " + std::to_string(kPathMost));
  }
  std::size_t depth = 0;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (Result<void> fine = check_name(path.substr(begin, end - begin)); !fine) return fine;
    if (++depth > kDepthMost) {
      return Error(Fault::too_large,
                   "path '" + printable(path, 80) + "' is deeper than " + std::to_string(kDepthMost));
    }
    begin = end + 1;
  }
  return {};
}

Result<void> check_typed_path(std::string_view path) {
  if (path.empty()) return Error(Fault::invalid, "no path is given");
  if (path.size() > kPathMost) {
    return Error(Fault::too_large,
                 "a path of " + std::to_string(path.size()) + " bytes, at most " + std::to_string(kPathMost));
  }
  if (path.find('\0') != std::string_view::npos) return Error(Fault::invalid, "a path contains a NUL byte");
  return {};
}

std::string join(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  if (name.empty()) return std::string(folder);
  std::string path(folder);
  if (!path.ends_with('/')) path += '/';
  path += name;
  return path;
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string absolute(std::string_view typed, const std::string& home) {
  if (typed == "~") return home;
  if (typed.starts_with("~/")) return join(home, typed.substr(2));
  // As the system has it: "/x" begins anew, on Windows "D:/x" too.
  return path_text(file_path(home) / file_path(typed));
}

std::string partial_prefix(std::string_view name) {
  return ".jump-" + short_hash(name) + "-";
}

std::string partial_name(std::string_view name, std::uint64_t size, std::int64_t seconds,
                         std::uint32_t nanoseconds) {
  const std::string version =
      std::to_string(size) + ":" + std::to_string(seconds) + ":" + std::to_string(nanoseconds);
  return partial_prefix(name) + short_hash(version) + ".part";
}

}  // namespace jump::files
