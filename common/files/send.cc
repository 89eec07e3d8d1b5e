#include <algorithm>
#include <memory>
#include <utility>

#include "common/files/names.h"
#include "common/files/record.h"
#include "common/files/transfer.h"
#include "common/files/tree_digest.h"

namespace jump::files {
namespace {

constexpr int kStepsBetweenYields = 64;  // of a walk

class Sender {
 public:
  Sender(session::Stream& stream, Source& source, SendOptions options, ProgressSink progress)
      : stream_(stream), reader_(stream), source_(source), options_(options), sink_(std::move(progress)) {
    buffer_.resize(kHeaderBytes + kPieceBytes);
  }

  Task<Result<TransferResult>> go() {
    if (source_.info.kind == platform::FileKind::other) {
      co_return Error(Fault::refused, source_.name + " is neither file nor folder");
    }
    if (source_.info.kind == platform::FileKind::folder && !options_.recursive) {
      co_return Error(Fault::refused, source_.name + " is a folder, and folders were not asked for");
    }
    Begin begin = co_await look();
    Result<void> sent = co_await write_json(stream_, RecordType::begin, std::move(begin));
    if (!sent) co_return sent.error();
    sent = co_await send_items();
    if (!sent) co_return sent.error();
    co_return co_await conclude();
  }

 private:
  // The totals of a first walk.
  Task<Begin> look() {
    Begin begin;
    begin.name = source_.name;
    TreeWalk walk(source_);
    int steps = 0;
    while (const std::optional<WalkItem> item = walk.next()) {
      if (!item->trouble) {
        ++begin.entries;
        begin.bytes += item->info.size;
      }
      if (++steps % kStepsBetweenYields == 0) co_await give_way();
    }
    progress_.entries_total = begin.entries;
    progress_.bytes_total = begin.bytes;
    co_return begin;
  }

  Task<Result<void>> send_items() {
    TreeWalk walk(source_);
    while (std::optional<WalkItem> item = walk.next()) {
      Result<void> sent = co_await send_item(*item);
      if (!sent) co_return sent.error();
      progress_.path = std::move(item->path);
      report();
    }
    co_return Result<void>();
  }

  Task<Result<void>> send_item(const WalkItem& item) {
    if (item.trouble) co_return co_await skip(item.path, *item.trouble);
    if (item.info.kind == platform::FileKind::file) co_return co_await send_file(item.path);
    Entry entry = to_entry(item.path, item.info);
    if (entry.kind == Kind::link) {
      Result<std::string> target = source_.place.folder.link_target(source_.place.at(item.path));
      if (!target) co_return co_await skip(item.path, target.error().message());
      if (!is_utf8(*target)) co_return co_await skip(item.path, "the link's target is not UTF-8");
      entry.target = std::move(*target);
    }
    tree_.add(entry, entry.target.value_or(std::string()));
    ++progress_.entries;
    co_return co_await write_json(stream_, RecordType::entry, std::move(entry));
  }

  Task<Result<void>> skip(const std::string& path, const std::string& reason) {
    Skip skipped;
    // A name that cannot be told as it is.
    skipped.path = printable(path, kPathMost);
    skipped.reason = printable(reason);
    co_return co_await write_json(stream_, RecordType::skip, std::move(skipped));
  }

  Task<Result<void>> send_file(const std::string& path) {
    Result<platform::File> file = source_.place.folder.open_file(source_.place.at(path));
    if (!file && path.empty()) co_return file.error();
    if (!file) co_return co_await skip(path, file.error().message());
    // Of the open file, not of the name: that may mean another one by now.
    const Result<platform::FileInfo> info = file->info();
    if (!info) co_return co_await skip(path, info.error().message());
    Entry entry = to_entry(path, *info);
    const bool ask = options_.resume && entry.size >= options_.ask_from;
    if (ask) entry.ask = true;
    Result<void> sent = co_await write_json(stream_, RecordType::entry, entry);
    if (!sent) co_return sent.error();
    progress_.path = path;
    identity::Sha256 hash;
    std::uint64_t offset = 0;
    if (ask) {
      Result<std::uint64_t> agreed = co_await agree(*file, entry.size, hash);
      if (!agreed) co_return agreed.error();
      offset = *agreed;
    }
    co_return co_await send_content(*file, entry, *info, offset, std::move(hash));
  }

  // Where to start, with the hash of what comes before.
  Task<Result<std::uint64_t>> agree(const platform::File& file, std::uint64_t size, identity::Sha256& hash) {
    const Result<Have> have = co_await reader_.expect<Have>(RecordType::have);
    if (!have) co_return have.error();
    if (have->offset > size) {
      co_return Error(Fault::malformed, "the receiver says that it holds more than the file has");
    }
    Start start;
    if (have->offset > 0) {
      Result<identity::Sha256> prefix = co_await hash_prefix(file, have->offset);
      // A file that cannot be read so far is found out again below, and abandoned.
      if (prefix && prefix->fork().finish() == have->digest) {
        start.offset = have->offset;
        hash = std::move(*prefix);
        progress_.resumed += start.offset;
        progress_.bytes += start.offset;
        report();
      }
    }
    const std::uint64_t offset = start.offset;
    Result<void> sent = co_await write_json(stream_, RecordType::start, start);
    if (!sent) co_return sent.error();
    co_return offset;
  }

  Task<Result<void>> send_content(const platform::File& file, const Entry& entry,
                                  const platform::FileInfo& before, std::uint64_t offset,
                                  identity::Sha256 hash) {
    // A file that grows is sent as long as it was: a log that is being written is no reason to fail.
    while (offset < entry.size) {
      const std::size_t wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, entry.size - offset));
      const Result<std::size_t> got = file.read_at(offset, std::span(buffer_).subspan(kHeaderBytes, wanted));
      if (!got || *got == 0) {
        Abandon abandon;
        abandon.reason = got ? "it became shorter while it was read" : printable(got.error().message());
        co_return co_await write_json(stream_, RecordType::abandon, std::move(abandon));
      }
      hash.update(ByteView(buffer_.data() + kHeaderBytes, *got));
      Result<void> sent = co_await send_data(*got);
      if (!sent) co_return sent.error();
      offset += *got;
      progress_.bytes += *got;
      report();
    }
    const Result<platform::FileInfo> after = file.info();
    Trailer trailer;
    trailer.digest = hash.finish();
    trailer.changed = !after || after->modified != before.modified || after->size != before.size;
    tree_.add_file(entry, trailer.digest);
    bytes_ += entry.size;
    ++progress_.entries;
    co_return co_await write_json(stream_, RecordType::trailer, trailer);
  }

  // The bytes stand in the buffer behind the room for the header, so that nothing is copied.
  Task<Result<void>> send_data(std::size_t size) {
    RecordHeader header;
    header.type = RecordType::data;
    header.length = static_cast<std::uint32_t>(size);
    const std::array<std::uint8_t, kHeaderBytes> head = encode_header(header);
    std::copy(head.begin(), head.end(), buffer_.begin());
    co_return co_await stream_.write(ByteView(buffer_.data(), kHeaderBytes + size));
  }

  Task<Result<TransferResult>> conclude() {
    Finish finish;
    finish.entries = progress_.entries;
    finish.bytes = bytes_;
    finish.digest = tree_.finish();
    const Digest digest = finish.digest;
    Result<void> sent = co_await write_json(stream_, RecordType::finish, finish);
    if (!sent) co_return sent.error();
    stream_.end();
    Result<TransferResult> result = co_await reader_.expect<TransferResult>(RecordType::result);
    if (!result) co_return result.error();
    if (result->digest != digest) {
      co_return Error(Fault::malformed, "the receiver has verified something else than was sent");
    }
    Result<void> ended = co_await reader_.end();
    if (!ended) co_return ended.error();
    Result<void> flushed = co_await stream_.flushed();
    if (!flushed) co_return flushed.error();
    co_return result;
  }

  void report() {
    if (sink_) sink_(progress_);
  }

  session::Stream& stream_;
  RecordReader reader_;
  Source& source_;
  SendOptions options_;
  ProgressSink sink_;
  Progress progress_;
  TreeDigest tree_;
  Bytes buffer_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Task<Result<TransferResult>> send_tree(session::Stream& stream, Source& source, SendOptions options,
                                       ProgressSink progress) {
  Sender sender(stream, source, options, std::move(progress));
  Result<TransferResult> result = co_await sender.go();
  if (!result) stream.reset(result.error().message());
  co_return result;
}

}  // namespace jump::files
