// The described messages of file transfers: arguments of the streams and JSON records. FORMAT.md is their
// specification.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"

namespace jump::files {

using Digest = std::array<std::uint8_t, 32>;  // SHA-256

// --- arguments of StreamOpen ------------------------------------------------------------------------------

struct GetStart {
  std::string path;
  bool recursive = false;
  bool resume = true;
};
BOOST_DESCRIBE_STRUCT(GetStart, (), (path, recursive, resume))

struct PutStart {
  std::string path;
};
BOOST_DESCRIBE_STRUCT(PutStart, (), (path))

// list and stat
struct PathStart {
  std::string path;
};
BOOST_DESCRIBE_STRUCT(PathStart, (), (path))

struct MakeFolderStart {
  std::string path;
  bool parents = false;
};
BOOST_DESCRIBE_STRUCT(MakeFolderStart, (), (path, parents))

struct RemoveStart {
  std::string path;
  bool recursive = false;
};
BOOST_DESCRIBE_STRUCT(RemoveStart, (), (path, recursive))

// --- records
// ------------------------------------------------------------------------------------------------

inline constexpr std::uint32_t kFormat = 1;

struct Begin {
  std::uint32_t format = kFormat;
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Begin, (), (format, name, entries, bytes))

enum class Kind { file, folder, link };
BOOST_DESCRIBE_ENUM(Kind, file, folder, link)

struct Entry {
  std::string path;
  Kind kind = Kind::file;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t seconds = 0;  // modified, since 1970
  std::uint32_t nanoseconds = 0;
  std::optional<std::string> target;  // of a link
  std::optional<bool> ask;
  std::optional<bool> hidden;  // Windows: the attribute
};
BOOST_DESCRIBE_STRUCT(Entry, (), (path, kind, mode, size, seconds, nanoseconds, target, ask, hidden))

struct Have {
  std::uint64_t offset = 0;
  Digest digest{};
};
BOOST_DESCRIBE_STRUCT(Have, (), (offset, digest))

struct Start {
  std::uint64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(Start, (), (offset))

struct Trailer {
  Digest digest{};
  bool changed = false;
};
BOOST_DESCRIBE_STRUCT(Trailer, (), (digest, changed))

struct Abandon {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Abandon, (), (reason))

struct Skip {
  std::string path;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Skip, (), (path, reason))

struct Finish {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  Digest digest{};
};
BOOST_DESCRIBE_STRUCT(Finish, (), (entries, bytes, digest))

// What a transfer came to, as the receiver saw it.
struct TransferResult {
  std::uint64_t entries = 0;  // that are in place
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;    // of these files
  std::uint64_t resumed = 0;  // of these bytes, what was there before
  Digest digest{};
  std::uint64_t skipped_count = 0;  // that are not in place
  std::vector<Skip> remarks;        // why, and what else is to be said; at most 1000, of both sides
};
BOOST_DESCRIBE_STRUCT(TransferResult, (), (entries, files, bytes, resumed, digest, skipped_count, remarks))

// --- progress
// -------------------------------------------------------------------------------------------------

struct Progress {
  std::uint64_t entries = 0;
  std::uint64_t entries_total = 0;  // of the sender's first look; more may come
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t resumed = 0;  // of `bytes`, what did not travel this time
  std::string path;           // of the present file
};

}  // namespace jump::files
