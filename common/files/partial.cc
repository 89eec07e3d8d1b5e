#include "common/files/partial.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/files/names.h"
#include "common/files/tree_digest.h"
#include "common/identity/random.h"

namespace jump::files {
namespace {

constexpr std::size_t kOlderLookMost = 10'000;  // names in a folder that is searched for older parts

}  // namespace

PartialFile::PartialFile(PartialFile&& other) noexcept
    : folder_(other.folder_),
      target_(std::move(other.target_)),
      path_(std::exchange(other.path_, {})),
      file_(std::exchange(other.file_, std::nullopt)),
      shared_name_(other.shared_name_),
      keep_from_(other.keep_from_),
      size_(other.size_),
      hash_(std::move(other.hash_)) {}

PartialFile::~PartialFile() {
  if (path_.empty()) return;
  if (!shared_name_ || size_ < keep_from_) discard();
}

Task<Result<PartialFile>> PartialFile::open(platform::Folder& folder, std::string path, const Entry& entry,
                                            bool resume, std::uint64_t keep_from) {
  const std::string name = partial_name(name_of(path), entry.size, entry.seconds, entry.nanoseconds);
  const std::string shared = join(parent_of(path), name);
  Result<platform::File> old = folder.open_own_file(shared);
  if (old && old->try_lock()) {
    PartialFile partial(folder, std::move(path), shared, std::move(*old), true, keep_from);
    const Result<platform::FileInfo> info = partial.file_->info();
    if (!info) co_return info.error();
    if (!resume || info->size > entry.size) {
      Result<void> emptied = partial.restart();
      if (!emptied) co_return emptied.error();
      co_return std::move(partial);
    }
    Result<identity::Sha256> hash = co_await hash_prefix(*partial.file_, info->size);
    if (!hash) co_return hash.error();
    partial.hash_ = std::move(*hash);
    partial.size_ = info->size;
    co_return std::move(partial);
  }
  if (!old) {
    Result<platform::File> made = folder.create_file(shared);
    if (made && made->try_lock()) {
      co_return PartialFile(folder, std::move(path), shared, std::move(*made), true, keep_from);
    }
    if (!made && !made.error().is(Fault::already_exists)) co_return made.error();
  }
  // The name is taken: by a transfer that lives, or by something that is not ours.
  const std::string own = shared + "-" + to_hex(identity::random_bytes(8));
  Result<platform::File> made = folder.create_file(own);
  if (!made) co_return made.error();
  PartialFile partial(folder, std::move(path), own, std::move(*made), false, keep_from);
  if (old && resume) {
    const Result<platform::FileInfo> info = old->info();
    if (info && info->size <= entry.size) {
      Result<void> copied = co_await partial.copy_from(*old, info->size);
      if (!copied) co_return copied.error();
    }
  }
  co_return std::move(partial);
}

Task<Result<void>> PartialFile::copy_from(const platform::File& other, std::uint64_t size) {
  Bytes piece(256 * 1024);
  while (size_ < size) {
    const Result<std::size_t> got = other.read_at(size_, piece);
    if (!got || *got == 0) break;  // what was copied so far is good
    Result<void> written = append(ByteView(piece.data(), std::min<std::uint64_t>(*got, size - size_)));
    if (!written) co_return written.error();
    co_await give_way();
  }
  co_return Result<void>();
}

Result<void> PartialFile::restart() {
  if (size_ == 0) {
    // Also one that holds more than we have counted.
    hash_.reset();
    return file_->truncate(0);
  }
  size_ = 0;
  hash_.reset();
  return file_->truncate(0);
}

Result<void> PartialFile::append(ByteView bytes) {
  if (Result<void> written = file_->write_at(size_, bytes); !written) return written;
  hash_.update(bytes);
  size_ += bytes.size();
  return {};
}

bool PartialFile::name_is_ours() {
  const Result<platform::FileInfo> named = folder_.info(path_);
  const Result<platform::FileInfo> held = file_->info();
  return named && held && named->device == held->device && named->inode == held->inode;
}

Result<void> PartialFile::complete(const Entry& entry) {
  if (Result<void> cut = file_->truncate(size_); !cut) return cut;
  if (Result<void> set = file_->set_mode(entry.mode & 0777); !set) return set;
  if (Result<void> set = file_->set_hidden(entry.hidden.value_or(false)); !set) return set;
  if (Result<void> set = file_->set_modified({entry.seconds, entry.nanoseconds}); !set) return set;
  file_->begin_sync();
  return {};
}

Result<void> PartialFile::commit() {
  if (Result<void> synced = file_->sync(); !synced) return synced;
  if (!name_is_ours()) return Error(Fault::refused, "what had arrived was moved or replaced meanwhile");
  if (Result<void> renamed = folder_.rename(path_, target_); !renamed) {
    discard();
    return renamed;
  }
  path_.clear();
  if (size_ >= keep_from_) remove_older();
  return {};
}

void PartialFile::discard() {
  if (path_.empty()) return;
  if (name_is_ours()) static_cast<void>(folder_.remove(path_));
  path_.clear();
}

// Parts of other versions of this file, and those of transfers that died.
void PartialFile::remove_older() {
  const std::string folder = parent_of(target_);
  const std::string prefix = partial_prefix(name_of(target_));
  const Result<std::vector<std::string>> names = folder_.names(folder, kOlderLookMost);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix)) continue;
    Result<platform::File> old = folder_.open_own_file(join(folder, name));
    if (old && old->try_lock()) static_cast<void>(folder_.remove(join(folder, name)));
  }
}

}  // namespace jump::files
