// The receiver of common/files/FORMAT.md for a target's files: beside the target, checked, then renamed over
// it.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/files/names.h"
#include "common/files/record.h"
#include "common/files/tree_digest.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "jumpoint/bridge/sftp_files.h"

namespace jump::bridge {
namespace {

using files::RecordType;

constexpr std::uint64_t kKeepFrom = 1024 * 1024;  // bytes of a broken file from which its part is kept
constexpr std::size_t kRemarksMost = 1000;
constexpr std::size_t kRemarkBytes = 256 * 1024;

class Receiver {
 public:
  Receiver(SftpClient& client, session::Stream& stream, files::PutStart start)
      : client_(client), stream_(stream), reader_(stream), start_(std::move(start)) {}

  Task<Result<void>> go() {
    const Result<files::Begin> begin = co_await reader_.expect<files::Begin>(RecordType::begin);
    if (!begin) co_return begin.error();
    if (begin->format != files::kFormat)
      co_return Error(Fault::unsupported, "transfer format " + std::to_string(begin->format));
    Result<void> done = co_await find_place(begin->name);
    if (!done) co_return done;
    while (true) {
      const Result<files::RecordHeader> header = co_await reader_.next();
      if (!header) co_return header.error();
      if (header->type == RecordType::finish) break;
      if (header->type == RecordType::entry) {
        done = co_await entry();
      } else if (header->type == RecordType::skip) {
        Result<files::Skip> skipped = co_await reader_.body<files::Skip>();
        if (!skipped) co_return skipped.error();
        drop(skipped->path, skipped->reason);
      } else {
        done = Error(Fault::malformed,
                     std::string("record ") + files::name_of(header->type) + " between entries");
      }
      if (!done) co_return done;
    }
    co_return co_await conclude();
  }

 private:
  struct OpenFolder {
    files::Entry entry;
    bool skipped = false;  // it is not there, so its content is dropped
  };

  // A file on its way.
  struct Partial {
    std::string path;
    std::string handle;
    std::uint64_t size = 0;
    identity::Sha256 hash;
    std::unique_ptr<SftpWriteBehind> writer;
  };

  Task<Result<void>> find_place(std::string sent_name) {
    root_ = start_.path;
    const Result<SftpAttributes> there = co_await client_.stat(root_);
    if (there && there->is_folder()) {
      Result<void> fine = files::check_name(sent_name);
      if (!fine) co_return wrap(fine.error(), "the sender's");
      if (sent_name.starts_with('.'))
        co_return Error(Fault::refused,
                        "the sender names it '" + printable(sent_name, 80) + "': name the target yourself");
      root_ = files::join(root_, sent_name);
      co_return Result<void>();
    }
    if (root_.ends_with('/'))
      co_return Error(Fault::not_found, "folder " + printable(root_, 256) + " does not exist");
    co_return files::check_name(files::name_of(root_));
  }

  std::string full(const std::string& path) const { return files::join(root_, path); }

  void drop(const std::string& path, const std::string& reason) {
    ++result_.skipped_count;
    note(path, reason);
  }
  void note(const std::string& path, const std::string& reason) {
    files::Skip item;
    item.path = printable(path, files::kPathMost);
    item.reason = printable(reason);
    remark_bytes_ += item.path.size() + item.reason.size() + 64;
    if (result_.remarks.size() < kRemarksMost && remark_bytes_ <= kRemarkBytes)
      result_.remarks.push_back(std::move(item));
  }
  // A failure of one entry below the root is listed, any other is given back.
  Result<void> or_drop(const files::Entry& entry, const Error& error) {
    const bool of_one =
        error.is(Fault::refused) || error.is(Fault::not_found) || error.is(Fault::unavailable);
    if (entry.path.empty() || !of_one) return wrap(error, "receive");
    drop(entry.path, error.message());
    return {};
  }

  Task<Result<void>> entry() {
    Result<files::Entry> entry = co_await reader_.body<files::Entry>();
    if (!entry) co_return entry.error();
    Result<void> fine = co_await check(*entry);
    if (!fine) co_return fine;
    seen_root_ = true;
    const bool dropped = !folders_.empty() && folders_.back().skipped;
    if (dropped && entry->kind != files::Kind::folder) ++result_.skipped_count;
    if (entry->kind == files::Kind::folder) co_return co_await folder(std::move(*entry), dropped);
    if (entry->kind == files::Kind::link) co_return co_await link(std::move(*entry), dropped);
    co_return co_await file(std::move(*entry), dropped);
  }

  // Names, and that the entry lies in a folder that is open; folders that it is not in are complete by that.
  Task<Result<void>> check(const files::Entry& entry) {
    if (!seen_root_) {
      if (!entry.path.empty()) co_return Error(Fault::malformed, "the first entry is not the root");
      co_return Result<void>();
    }
    Result<void> fine = files::check_path(entry.path);
    if (!fine) co_return fine;
    const std::string parent = files::parent_of(entry.path);
    while (!folders_.empty() && folders_.back().entry.path != parent) co_await close_folder();
    if (folders_.empty())
      co_return Error(Fault::malformed,
                      "entry '" + printable(entry.path, 256) + "' lies in no folder that was sent");
    co_return Result<void>();
  }

  Task<Result<void>> folder(files::Entry entry, bool dropped) {
    tree_.add(entry, "");
    OpenFolder open;
    open.skipped = dropped;
    if (!dropped) {
      const std::string path = full(entry.path);
      Result<void> made = co_await client_.make_folder(path);
      if (!made) {
        // One that is there is used; a link to one is not followed.
        const Result<SftpAttributes> there = co_await client_.lstat(path);
        if (there && there->is_folder()) made = Result<void>();
      }
      if (made) {
        ++result_.entries;
      } else {
        Result<void> kept = or_drop(entry, made.error());
        if (!kept) co_return kept;
        open.skipped = true;
      }
    } else {
      ++result_.skipped_count;
    }
    open.entry = std::move(entry);
    folders_.push_back(std::move(open));
    co_return Result<void>();
  }

  // Its content is complete, so its time stays now.
  Task<> close_folder() {
    const OpenFolder open = std::move(folders_.back());
    folders_.pop_back();
    if (open.skipped) co_return;
    const Result<void> set =
        co_await client_.set_attributes(full(open.entry.path), attributes_of(open.entry));
    if (!set) note(open.entry.path, set.error().message());
  }

  static SftpAttributes attributes_of(const files::Entry& entry) {
    SftpAttributes attributes;
    attributes.mode = entry.mode & 0777;
    attributes.modified =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(entry.seconds, 0, 0xffffffffLL));
    return attributes;
  }

  Task<Result<void>> link(files::Entry entry, bool dropped) {
    const std::string target = entry.target.value_or(std::string());
    tree_.add(entry, target);
    if (dropped) co_return Result<void>();
    const std::string path = full(entry.path);
    const std::string temporary = beside(path, entry) + "-link";
    static_cast<void>(co_await client_.remove(temporary));
    Result<void> made = co_await client_.make_link(temporary, target);
    if (made) {
      made = co_await client_.rename(temporary, path);
      if (!made) static_cast<void>(co_await client_.remove(temporary));
    }
    if (!made) co_return or_drop(entry, made.error());
    ++result_.entries;
    co_return Result<void>();
  }

  static std::string beside(const std::string& path, const files::Entry& entry) {
    return files::join(files::parent_of(path),
                       files::partial_name(files::name_of(path), entry.size, entry.seconds, 0));
  }

  Task<Result<void>> file(files::Entry entry, bool dropped) {
    std::optional<Partial> partial;
    bool complete = false;
    identity::Sha256 known;
    if (!dropped) {
      if (entry.ask.value_or(false)) complete = co_await already_there(entry, known);
      if (!complete) {
        Result<Partial> opened = co_await open_partial(entry);
        if (opened) {
          partial.emplace(std::move(*opened));
        } else {
          Result<void> kept = or_drop(entry, opened.error());
          if (!kept) co_return kept;
        }
      }
    }
    if (entry.ask.value_or(false)) {
      files::Have have;
      if (complete) {
        have.offset = entry.size;
        have.digest = known.fork().finish();
      } else if (partial) {
        have.offset = partial->size;
        have.digest = partial->hash.fork().finish();
      }
      const Result<bool> continued = co_await agree(have);
      if (!continued) co_return continued.error();
      if (complete && !*continued) {
        complete = false;
        known.reset();
        Result<Partial> opened = co_await open_partial(entry);
        if (!opened) co_return opened.error();
        partial.emplace(std::move(*opened));
      }
      if (partial && !*continued && partial->size > 0) {
        Result<void> emptied = co_await client_.truncate(partial->handle, 0);
        if (!emptied) co_return emptied;
        partial->size = 0;
        partial->hash.reset();
      }
      result_.resumed += complete ? entry.size : partial ? partial->size : 0;
    }
    if (partial) partial->writer = std::make_unique<SftpWriteBehind>(client_, partial->handle, partial->size);
    Result<void> done = co_await content(entry, partial, complete, known);
    if (!partial) co_return done;
    // Not put into its place: its part is kept when it is worth it.
    if (!partial->handle.empty()) {
      static_cast<void>(co_await partial->writer->finish());
      static_cast<void>(co_await client_.close(partial->handle));
      if (discard_ || partial->size < kKeepFrom) static_cast<void>(co_await client_.remove(partial->path));
    }
    discard_ = false;
    co_return done;
  }

  Task<bool> already_there(const files::Entry& entry, identity::Sha256& known) {
    const Result<SftpAttributes> info = co_await client_.lstat(full(entry.path));
    if (!info || !info->is_file() || info->size != entry.size || info->modified != entry.seconds)
      co_return false;
    const Result<std::string> handle = co_await client_.open(full(entry.path), SftpClient::Open::read);
    if (!handle) co_return false;
    const Result<std::uint64_t> size = co_await hash_content(*handle, entry.size, known);
    static_cast<void>(co_await client_.close(*handle));
    co_return size && *size == entry.size;
  }

  Task<Result<std::uint64_t>> hash_content(std::string handle, std::uint64_t size, identity::Sha256& hash) {
    SftpReadAhead ahead(client_, std::move(handle), 0, size);
    std::uint64_t at = 0;
    while (at < size) {
      const Result<std::string> piece = co_await ahead.next();
      if (!piece) co_return piece.error();
      if (piece->empty()) break;
      hash.update(as_bytes(*piece));
      at += piece->size();
    }
    co_return at;
  }

  // With what an earlier transfer of the same name, size and time has left.
  Task<Result<Partial>> open_partial(const files::Entry& entry) {
    Partial partial;
    partial.path = beside(full(entry.path), entry);
    const Result<SftpAttributes> old = co_await client_.lstat(partial.path);
    if (old && old->is_file() && entry.ask.value_or(false) && old->size.value_or(0) <= entry.size) {
      Result<std::string> handle = co_await client_.open(partial.path, SftpClient::Open::go_on);
      if (handle) {
        partial.handle = std::move(*handle);
        const Result<std::uint64_t> size =
            co_await hash_content(partial.handle, old->size.value_or(0), partial.hash);
        if (!size) co_return size.error();
        partial.size = *size;
        co_return std::move(partial);
      }
    }
    if (old) static_cast<void>(co_await client_.remove(partial.path));
    Result<std::string> handle = co_await client_.open(partial.path, SftpClient::Open::create_new);
    if (!handle) co_return handle.error();
    partial.handle = std::move(*handle);
    co_return std::move(partial);
  }

  Task<Result<bool>> agree(files::Have have) {
    const std::uint64_t offset = have.offset;
    Result<void> sent = co_await files::write_json(stream_, RecordType::have, have);
    if (!sent) co_return sent.error();
    const Result<files::Start> start = co_await reader_.expect<files::Start>(RecordType::start);
    if (!start) co_return start.error();
    if (start->offset != offset && start->offset != 0)
      co_return Error(Fault::malformed, "the sender starts at " + std::to_string(start->offset) +
                                            ", not at " + std::to_string(offset) + " or 0");
    co_return start->offset == offset;
  }

  Task<Result<void>> content(const files::Entry& entry, std::optional<Partial>& partial, bool complete,
                             identity::Sha256& known) {
    std::uint64_t size = complete ? entry.size : partial ? partial->size : 0;
    while (true) {
      const Result<files::RecordHeader> header = co_await reader_.next();
      if (!header) co_return header.error();
      if (header->type == RecordType::trailer) break;
      if (header->type == RecordType::abandon) {
        const Result<files::Abandon> abandon = co_await reader_.body<files::Abandon>();
        if (!abandon) co_return abandon.error();
        drop(entry.path, abandon->reason);
        discard_ = true;
        co_return Result<void>();
      }
      if (header->type != RecordType::data)
        co_return Error(Fault::malformed,
                        std::string("record ") + files::name_of(header->type) + " inside a file");
      Result<void> taken = co_await data(entry, partial, known, size);
      if (!taken) co_return taken;
    }
    const Result<files::Trailer> trailer = co_await reader_.body<files::Trailer>();
    if (!trailer) co_return trailer.error();
    const files::Digest digest = partial ? partial->hash.fork().finish() : known.fork().finish();
    if (size != entry.size || digest != trailer->digest) {
      discard_ = true;
      co_return Error(Fault::malformed, "the content of " + printable(full(entry.path), 256) +
                                            " is not what the sender read: " + std::to_string(size) + " of " +
                                            std::to_string(entry.size) + " bytes, or another digest");
    }
    tree_.add_file(entry, trailer->digest);
    if (partial) co_return co_await commit(entry, *partial, trailer->changed);
    if (complete) placed(entry, trailer->changed);
    co_return Result<void>();
  }

  Task<Result<void>> data(const files::Entry& entry, std::optional<Partial>& partial, identity::Sha256& known,
                          std::uint64_t& size) {
    while (true) {
      const Result<ByteView> piece = co_await reader_.piece();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return Result<void>();
      if (size + piece->size() > entry.size)
        co_return Error(Fault::malformed, "more data for " + printable(full(entry.path), 256) + " than the " +
                                              std::to_string(entry.size) + " bytes that were announced");
      if (partial) {
        partial->hash.update(*piece);
        partial->size += piece->size();
        const Result<void> written = co_await partial->writer->write(*piece);
        if (!written) co_return wrap(written.error(), "receive " + printable(full(entry.path), 256));
      } else {
        known.update(*piece);
      }
      size += piece->size();
      reader_.taken(piece->size());
    }
  }

  Task<Result<void>> commit(const files::Entry& entry, Partial& partial, bool changed) {
    Result<void> done = co_await partial.writer->finish();
    if (!done) co_return wrap(done.error(), "receive " + printable(full(entry.path), 256));
    static_cast<void>(co_await client_.sync(partial.handle));
    const std::string handle = std::exchange(partial.handle, {});
    done = co_await client_.close(handle);
    if (done) done = co_await client_.set_attributes(partial.path, attributes_of(entry));
    if (done) done = co_await client_.rename(partial.path, full(entry.path));
    if (!done) {
      static_cast<void>(co_await client_.remove(partial.path));
      co_return or_drop(entry, done.error());
    }
    placed(entry, changed);
    co_return Result<void>();
  }

  void placed(const files::Entry& entry, bool changed) {
    ++result_.entries;
    ++result_.files;
    result_.bytes += entry.size;
    if (changed) note(entry.path, "copied, but changed while it was read");
  }

  Task<Result<void>> conclude() {
    const Result<files::Finish> finish = co_await reader_.body<files::Finish>();
    if (!finish) co_return finish.error();
    while (!folders_.empty()) co_await close_folder();
    result_.digest = tree_.finish();
    if (result_.digest != finish->digest)
      co_return Error(Fault::malformed,
                      "what arrived is not what the sender sent: another digest of the whole");
    Result<void> sent = co_await files::write_json(stream_, RecordType::result, result_);
    if (!sent) co_return sent.error();
    stream_.end();
    Result<void> ended = co_await reader_.end();
    if (!ended) co_return ended.error();
    co_return co_await stream_.flushed();
  }

  SftpClient& client_;
  session::Stream& stream_;
  files::RecordReader reader_;
  files::PutStart start_;
  std::string root_;
  std::vector<OpenFolder> folders_;
  bool seen_root_ = false;
  bool discard_ = false;  // the present part is of no use
  files::TreeDigest tree_;
  files::TransferResult result_;
  std::size_t remark_bytes_ = 0;
};

}  // namespace

Task<Result<void>> sftp_put(SftpClient& client, session::Stream& stream, files::PutStart start) {
  Receiver receiver(client, stream, std::move(start));
  co_return co_await receiver.go();
}

}  // namespace jump::bridge
