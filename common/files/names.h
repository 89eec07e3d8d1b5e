// Which names and paths a transfer may contain (PRODUCT.md 10: whoever receives files checks names).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace jump::files {

inline constexpr std::size_t kNameMost = 255;
inline constexpr std::size_t kPathMost = 4096;
inline constexpr std::size_t kDepthMost = 128;

// One name: not empty, "." or "..", at most 255 bytes, UTF-8, no "/", no control character (C0, DEL, C1).
Result<void> check_name(std::string_view name);
// A path below the root: names with "/" between; not empty.
Result<void> check_path(std::string_view path);
// A path that a person typed: 1 to 4096 bytes without NUL.
Result<void> check_typed_path(std::string_view path);

// "a/b" and "c" make "a/b/c"; an empty side leaves the other.
std::string join(std::string_view folder, std::string_view name);
// "a/b/c" → "a/b"; "a" → "".
std::string parent_of(std::string_view path);
// "a/b/c" → "c".
std::string name_of(std::string_view path);

// A typed path as an absolute one: "~", "~/x" and "x" lie in `home`.
std::string absolute(std::string_view typed, const std::string& home);

// Where a receiver keeps what has arrived of a file, in the file's own folder (FORMAT.md, "Resume").
std::string partial_name(std::string_view name, std::uint64_t size, std::int64_t seconds,
                         std::uint32_t nanoseconds);
// The beginning that all partial names of this file name share.
std::string partial_prefix(std::string_view name);

}  // namespace jump::files
