// The digest over a whole tree, made by both sides from what passed between them (FORMAT.md, "Digest"), and
// the yielding that both sides do between pieces of blocking work.
#pragma once

#include "common/base/bytes.h"
#include "common/base/task_group.h"
#include "common/files/requests.h"
#include "common/identity/sha256.h"
// lint: allow platform-users: a transfer is file system work
#include "platform/folder.h"

namespace jump::files {

class TreeDigest {
 public:
  void add(const Entry& entry, std::string_view content) {
    std::string line = boost::describe::enum_to_string(entry.kind, "?");
    line += '\0';
    line += entry.path;
    line += '\0';
    line += content;
    line += '\n';
    hash_.update(as_bytes(line));
  }
  void add_file(const Entry& entry, const Digest& digest) { add(entry, to_hex(digest)); }
  Digest finish() { return hash_.finish(); }

 private:
  identity::Sha256 hash_;
};

// Lets the other tasks of this thread run.
Task<> give_way();

// The digest of the first `size` bytes of a file, from its beginning; gives way in between.
Task<Result<identity::Sha256>> hash_prefix(const platform::File& file, std::uint64_t size);

}  // namespace jump::files
