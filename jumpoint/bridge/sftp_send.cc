// The sender of common/files/FORMAT.md for a target's files.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/files/names.h"
#include "common/files/record.h"
#include "common/files/tree_digest.h"
#include "common/identity/sha256.h"
#include "jumpoint/bridge/sftp_files.h"

namespace jump::bridge {
namespace {

using files::RecordType;

constexpr std::uint64_t kAskFrom = 1024 * 1024;  // bytes of a file from which resuming is worth a round trip

class Sender {
 public:
  Sender(SftpClient& client, session::Stream& stream, files::GetStart start)
      : client_(client), stream_(stream), reader_(stream), start_(std::move(start)) {}

  Task<Result<void>> go() {
    const Result<std::string> real = co_await client_.real_path(start_.path);
    if (!real) co_return real.error();
    root_ = *real;
    const Result<SftpAttributes> info = co_await client_.stat(root_);
    if (!info) co_return info.error();
    if (!info->is_folder() && !info->is_file())
      co_return Error(Fault::refused, printable(start_.path, 256) + " is neither file nor folder");
    if (info->is_folder() && !start_.recursive)
      co_return Error(Fault::refused,
                      printable(start_.path, 256) + " is a folder, and folders were not asked for");
    files::Begin begin;
    begin.name = root_name();
    begin.entries = 1;
    begin.bytes = info->is_file() ? info->size.value_or(0) : 0;
    Result<void> sent = co_await files::write_json(stream_, RecordType::begin, std::move(begin));
    if (!sent) co_return sent.error();
    sent = co_await send_item("", *info, 0);
    if (!sent) co_return sent.error();
    co_return co_await conclude();
  }

 private:
  std::string root_name() const {
    for (std::string path : {start_.path, root_}) {
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      std::string name = files::name_of(path);
      if (files::check_name(name)) return name;
    }
    return "root";
  }
  std::string full(const std::string& path) const { return files::join(root_, path); }

  Task<Result<void>> skip(std::string path, std::string reason) {
    files::Skip skipped;
    skipped.path = printable(path, files::kPathMost);
    skipped.reason = printable(reason);
    co_return co_await files::write_json(stream_, RecordType::skip, std::move(skipped));
  }

  Task<Result<void>> send_item(std::string path, SftpAttributes info, std::size_t depth) {
    std::optional<files::Entry> entry = sftp_entry(path, info);
    if (!entry) co_return co_await skip(path, "neither file, folder nor link");
    if (entry->kind == files::Kind::file) co_return co_await send_file(std::move(path));
    if (entry->kind == files::Kind::link) {
      Result<std::string> target = co_await client_.read_link(full(path));
      if (!target) co_return co_await skip(path, target.error().message());
      if (!is_utf8(*target)) co_return co_await skip(path, "the link's target is not UTF-8");
      entry->target = std::move(*target);
    }
    tree_.add(*entry, entry->target.value_or(std::string()));
    ++entries_;
    const bool folder = entry->kind == files::Kind::folder;
    Result<void> sent = co_await files::write_json(stream_, RecordType::entry, std::move(*entry));
    if (!sent || !folder) co_return sent;
    co_return co_await send_content_of(std::move(path), depth);
  }

  Task<Result<void>> send_content_of(std::string path, std::size_t depth) {
    if (depth >= files::kDepthMost) co_return co_await skip(path, "its content lies too deep");
    const Result<std::vector<SftpName>> names = co_await client_.names(full(path), kSftpNamesMost);
    if (!names) co_return co_await skip(path, names.error().message());
    for (const SftpName& one : *names) {
      const std::string below = files::join(path, one.name);
      Result<void> fine = files::check_name(one.name);
      if (fine) fine = files::check_path(below);
      Result<void> sent;
      if (fine) {
        sent = co_await send_item(below, one.attributes, depth + 1);
      } else {
        sent = co_await skip(below, fine.error().message());
      }
      if (!sent) co_return sent;
    }
    co_return Result<void>();
  }

  Task<Result<void>> send_file(std::string path) {
    const Result<std::string> handle = co_await client_.open(full(path), SftpClient::Open::read);
    if (!handle && path.empty()) co_return handle.error();
    if (!handle) co_return co_await skip(path, handle.error().message());
    Result<void> sent = co_await send_opened(std::move(path), *handle);
    static_cast<void>(co_await client_.close(*handle));
    co_return sent;
  }

  Task<Result<void>> send_opened(std::string path, std::string handle) {
    const Result<SftpAttributes> info = co_await client_.stat(full(path));
    if (!info) co_return co_await skip(path, info.error().message());
    const std::optional<files::Entry> described = sftp_entry(path, *info);
    if (!described || described->kind != files::Kind::file) co_return co_await skip(path, "no file any more");
    files::Entry entry = *described;
    const bool ask = start_.resume && entry.size >= kAskFrom;
    if (ask) entry.ask = true;
    Result<void> sent = co_await files::write_json(stream_, RecordType::entry, entry);
    if (!sent) co_return sent;
    identity::Sha256 hash;
    std::uint64_t offset = 0;
    if (ask) {
      Result<std::uint64_t> agreed = co_await agree(handle, entry.size, hash);
      if (!agreed) co_return agreed.error();
      offset = *agreed;
    }
    SftpReadAhead ahead(client_, handle, offset, entry.size);
    while (offset < entry.size) {
      const Result<std::string> piece = co_await ahead.next();
      if (!piece || piece->empty()) {
        files::Abandon abandon;
        abandon.reason = piece ? "it became shorter while it was read" : printable(piece.error().message());
        co_return co_await files::write_json(stream_, RecordType::abandon, std::move(abandon));
      }
      hash.update(as_bytes(*piece));
      sent = co_await files::write_record(stream_, RecordType::data, as_bytes(*piece));
      if (!sent) co_return sent;
      offset += piece->size();
    }
    const Result<SftpAttributes> after = co_await client_.stat(full(path));
    files::Trailer trailer;
    trailer.digest = hash.finish();
    trailer.changed = !after || after->modified != info->modified || after->size != info->size;
    tree_.add_file(entry, trailer.digest);
    bytes_ += entry.size;
    ++entries_;
    co_return co_await files::write_json(stream_, RecordType::trailer, trailer);
  }

  // Where to start, with the hash of what comes before.
  Task<Result<std::uint64_t>> agree(std::string handle, std::uint64_t size, identity::Sha256& hash) {
    const Result<files::Have> have = co_await reader_.expect<files::Have>(RecordType::have);
    if (!have) co_return have.error();
    if (have->offset > size)
      co_return Error(Fault::malformed, "the receiver says that it holds more than the file has");
    files::Start start;
    if (have->offset > 0) {
      identity::Sha256 prefix;
      std::uint64_t at = 0;
      SftpReadAhead ahead(client_, handle, 0, have->offset);
      while (at < have->offset) {
        const Result<std::string> piece = co_await ahead.next();
        if (!piece || piece->empty()) break;
        prefix.update(as_bytes(*piece));
        at += piece->size();
      }
      if (at == have->offset && prefix.fork().finish() == have->digest) {
        start.offset = at;
        hash = std::move(prefix);
      }
    }
    const std::uint64_t offset = start.offset;
    Result<void> sent = co_await files::write_json(stream_, RecordType::start, start);
    if (!sent) co_return sent.error();
    co_return offset;
  }

  Task<Result<void>> conclude() {
    files::Finish finish;
    finish.entries = entries_;
    finish.bytes = bytes_;
    finish.digest = tree_.finish();
    const files::Digest digest = finish.digest;
    Result<void> sent = co_await files::write_json(stream_, RecordType::finish, finish);
    if (!sent) co_return sent.error();
    stream_.end();
    const Result<files::TransferResult> result =
        co_await reader_.expect<files::TransferResult>(RecordType::result);
    if (!result) co_return result.error();
    if (result->digest != digest)
      co_return Error(Fault::malformed, "the receiver has verified something else than was sent");
    Result<void> ended = co_await reader_.end();
    if (!ended) co_return ended.error();
    co_return co_await stream_.flushed();
  }

  SftpClient& client_;
  session::Stream& stream_;
  files::RecordReader reader_;
  files::GetStart start_;
  std::string root_;
  files::TreeDigest tree_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Task<Result<void>> sftp_get(SftpClient& client, session::Stream& stream, files::GetStart start) {
  Sender sender(client, stream, std::move(start));
  co_return co_await sender.go();
}

}  // namespace jump::bridge
