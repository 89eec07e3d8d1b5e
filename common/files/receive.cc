#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/file_path.h"
#include "common/files/names.h"
#include "common/files/partial.h"
#include "common/files/record.h"
#include "common/files/transfer.h"
#include "common/files/tree_digest.h"

namespace jump::files {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRemarksMost = 1000;
constexpr std::size_t kWaitingMost = 64;  // files that wait together for the disk
constexpr std::uint64_t kWaitingBytes = 16 * 1024 * 1024;
constexpr std::size_t kRemarkBytes = 256 * 1024;  // of all paths and reasons, so that the result fits

// Where the root goes. Links in the typed path are followed.
Result<Place> find_place(const Destination& destination, const std::string& sent_name) {
  if (Result<void> fine = check_typed_path(destination.path); !fine) return fine.error();
  const std::string path = path_text(file_path(destination.path));
  std::error_code failed;
  if (fs::is_directory(file_path(path), failed)) {
    std::string name = destination.name;
    if (name.empty()) {
      if (Result<void> fine = check_name(sent_name); !fine) return wrap(fine.error(), "the sender's");
      if (sent_name.starts_with('.')) {
        return Error(Fault::refused,
                     "the sender names it '" + printable(sent_name, 80) + "': name the target yourself");
      }
      name = sent_name;
    }
    Result<platform::Folder> folder = platform::Folder::open(path);
    if (!folder) return folder.error();
    return Place{std::move(*folder), std::move(name)};
  }
  if (path.ends_with('/'))
    return Error(Fault::not_found, "folder " + printable(path, 256) + " does not exist");
  const fs::path whole = file_path(path);
  const std::string name = path_text(whole.filename());
  if (Result<void> fine = check_name(name); !fine) return fine.error();
  const std::string parent = whole.parent_path().empty() ? std::string(".") : path_text(whole.parent_path());
  Result<platform::Folder> folder = platform::Folder::open(parent);
  if (!folder) return folder.error();
  return Place{std::move(*folder), name};
}

class Receiver {
 public:
  Receiver(session::Stream& stream, Destination destination, ReceiveOptions options, ProgressSink progress)
      : stream_(stream),
        reader_(stream),
        destination_(std::move(destination)),
        options_(options),
        sink_(std::move(progress)) {}

  Task<Result<TransferResult>> go() {
    Result<void> done = co_await begin();
    if (!done) co_return done.error();
    done = co_await entries();
    if (!done) co_return done.error();
    co_return co_await conclude();
  }

 private:
  // A folder whose content is coming. `skipped`: it is not there, so its content is dropped.
  struct OpenFolder {
    Entry entry;
    bool skipped = false;
  };

  Task<Result<void>> begin() {
    const Result<Begin> begin = co_await reader_.expect<Begin>(RecordType::begin);
    if (!begin) co_return begin.error();
    if (begin->format != kFormat) {
      co_return Error(Fault::unsupported, "transfer format " + std::to_string(begin->format) +
                                              ", this end knows " + std::to_string(kFormat));
    }
    progress_.entries_total = begin->entries;
    progress_.bytes_total = begin->bytes;
    Result<Place> place = find_place(destination_, begin->name);
    if (!place) co_return place.error();
    place_ = std::make_unique<Place>(std::move(*place));
    co_return Result<void>();
  }

  Task<Result<void>> entries() {
    while (true) {
      const Result<RecordHeader> header = co_await reader_.next();
      if (!header) co_return header.error();
      Result<void> done;
      switch (header->type) {
        case RecordType::entry:
          done = co_await entry();
          break;
        case RecordType::skip:
          done = co_await skip();
          break;
        case RecordType::finish:
          co_return co_await finish();
        default:
          done = Error(Fault::malformed, std::string("record ") + name_of(header->type) + " between entries");
      }
      if (!done) co_return done.error();
    }
  }

  Task<Result<void>> skip() {
    Result<Skip> skip = co_await reader_.body<Skip>();
    if (!skip) co_return skip.error();
    drop(std::move(skip->path), std::move(skip->reason));
    co_return Result<void>();
  }

  Task<Result<void>> entry() {
    Result<Entry> entry = co_await reader_.body<Entry>();
    if (!entry) co_return entry.error();
    if (Result<void> fine = check(*entry); !fine) co_return fine.error();
    progress_.path = entry->path;
    seen_root_ = true;
    const bool dropped = !folders_.empty() && folders_.back().skipped;
    Result<void> done;
    switch (entry->kind) {
      case Kind::folder:
        done = folder(std::move(*entry), dropped);
        break;
      case Kind::link:
        done = link(*entry, dropped);
        break;
      case Kind::file:
        done = co_await file(*entry, dropped);
        break;
    }
    report();
    co_return done;
  }

  // Names, and that the entry lies in a folder that is open; folders that it is not in are complete by that.
  Result<void> check(const Entry& entry) {
    if (!seen_root_) {
      if (!entry.path.empty()) return Error(Fault::malformed, "the first entry is not the root");
      if (entry.kind == Kind::folder && !options_.recursive) {
        return Error(Fault::refused, "a folder was sent where a file is meant");
      }
      return {};
    }
    if (Result<void> fine = check_path(entry.path); !fine) return fine;
    const std::string parent = parent_of(entry.path);
    while (!folders_.empty() && folders_.back().entry.path != parent) {
      if (Result<void> closed = close_folder(); !closed) return closed;
    }
    if (folders_.empty()) {
      return Error(Fault::malformed,
                   "entry '" + printable(entry.path, 256) + "' lies in no folder that was sent");
    }
    return {};
  }

  // A failure of one entry below the root is listed, any other is given back.
  Result<void> or_drop(const Entry& entry, const Error& error) {
    if (entry.path.empty() || platform::concerns_all_files(error)) {
      return wrap(error, "receive " + printable(shown(entry.path), 256));
    }
    drop(entry.path, error.message());
    return {};
  }

  std::string shown(const std::string& path) const { return place_->at(path); }

  Result<void> folder(Entry entry, bool dropped) {
    tree_.add(entry, "");
    OpenFolder open{std::move(entry), dropped};
    if (!dropped) {
      const Result<bool> made = place_->folder.make_folder(place_->at(open.entry.path));
      if (!made) {
        if (Result<void> kept = or_drop(open.entry, made.error()); !kept) return kept;
        open.skipped = true;
      } else {
        ++result_.entries;
        ++progress_.entries;
      }
    } else {
      ++result_.skipped_count;
    }
    folders_.push_back(std::move(open));
    return {};
  }

  // Its content is complete, so its time stays now.
  Result<void> close_folder() {
    if (Result<void> placed_all = place_waiting(); !placed_all) return placed_all;
    const OpenFolder open = std::move(folders_.back());
    folders_.pop_back();
    if (open.skipped) return {};
    const std::string path = place_->at(open.entry.path);
    Result<void> done = place_->folder.sync(path);
    if (!done) return or_drop(open.entry, done.error());
    done =
        place_->folder.set_folder(path, open.entry.mode & 0777, {open.entry.seconds, open.entry.nanoseconds});
    if (!done) return or_drop(open.entry, done.error());
    return {};
  }

  Result<void> link(const Entry& entry, bool dropped) {
    const std::string target = entry.target.value_or(std::string());
    tree_.add(entry, target);
    if (dropped) {
      ++result_.skipped_count;
      return {};
    }
    const std::string path = place_->at(entry.path);
    // Made beside its place and renamed over it, as a file is.
    const std::string temporary =
        join(parent_of(path), partial_name(name_of(path), 0, entry.seconds, entry.nanoseconds) + "-link");
    static_cast<void>(place_->folder.remove(temporary));
    Result<void> made = place_->folder.make_link(temporary, target);
    if (made) {
      static_cast<void>(place_->folder.set_link_time(temporary, {entry.seconds, entry.nanoseconds}));
      made = place_->folder.rename(temporary, path);
      if (!made) static_cast<void>(place_->folder.remove(temporary));
    }
    if (!made) return or_drop(entry, made.error());
    ++result_.entries;
    ++progress_.entries;
    return {};
  }

  Task<Result<void>> file(const Entry& entry, bool dropped) {
    const bool ask = entry.ask.value_or(false);
    std::optional<PartialFile> partial;
    bool complete = false;
    identity::Sha256 known;
    if (!dropped) {
      if (ask) {
        Result<bool> there = co_await already_there(entry, known);
        if (!there) co_return there.error();
        complete = *there;
      }
      if (!complete) {
        Result<PartialFile> opened = co_await PartialFile::open(place_->folder, place_->at(entry.path), entry,
                                                                ask, options_.keep_from);
        if (opened) {
          partial.emplace(std::move(*opened));
        } else if (Result<void> kept = or_drop(entry, opened.error()); !kept) {
          co_return kept.error();
        }
      }
    } else {
      ++result_.skipped_count;
    }
    if (ask) {
      Have have;
      if (complete) {
        have.offset = entry.size;
        have.digest = known.fork().finish();
      } else if (partial) {
        have.offset = partial->size();
        have.digest = partial->digest();
      }
      Result<bool> continued = co_await agree(have);
      if (!continued) co_return continued.error();
      if (complete && !*continued) {
        // The sender's content is another one: receive it.
        complete = false;
        known.reset();
        Result<PartialFile> opened = co_await PartialFile::open(place_->folder, place_->at(entry.path), entry,
                                                                false, options_.keep_from);
        if (opened) {
          partial.emplace(std::move(*opened));
        } else if (Result<void> kept = or_drop(entry, opened.error()); !kept) {
          co_return kept.error();
        }
      } else if (partial && !*continued) {
        Result<void> emptied = partial->restart();
        if (!emptied) co_return emptied.error();
      }
      const std::uint64_t resumed = complete ? entry.size : partial ? partial->size() : 0;
      progress_.resumed += resumed;
      progress_.bytes += resumed;
      if (complete || partial) result_.resumed += resumed;
    }
    co_return co_await content(entry, std::move(partial), complete, std::move(known));
  }

  // True when the target is a file of this size and time; then `known` has its content.
  Task<Result<bool>> already_there(const Entry& entry, identity::Sha256& known) {
    const std::string path = place_->at(entry.path);
    const Result<platform::FileInfo> info = place_->folder.info(path);
    const platform::FileTime time{entry.seconds, entry.nanoseconds};
    if (!info || info->kind != platform::FileKind::file || info->size != entry.size ||
        info->modified != platform::as_stored(time)) {
      co_return false;
    }
    const Result<platform::File> file = place_->folder.open_file(path);
    if (!file) co_return false;
    Result<identity::Sha256> hash = co_await hash_prefix(*file, entry.size);
    if (!hash) co_return false;
    known = std::move(*hash);
    co_return true;
  }

  // True when the sender goes on from what we have; else it begins at 0.
  Task<Result<bool>> agree(Have have) {
    const std::uint64_t offset = have.offset;
    Result<void> sent = co_await write_json(stream_, RecordType::have, have);
    if (!sent) co_return sent.error();
    const Result<Start> start = co_await reader_.expect<Start>(RecordType::start);
    if (!start) co_return start.error();
    if (start->offset != offset && start->offset != 0) {
      co_return Error(Fault::malformed, "the sender starts at " + std::to_string(start->offset) +
                                            ", not at " + std::to_string(offset) + " or 0");
    }
    co_return start->offset == offset;
  }

  // The records of a file up to its trailer. `partial`: where it goes; none: it is dropped, or it is
  // complete.
  Task<Result<void>> content(const Entry& entry, std::optional<PartialFile> partial, bool complete,
                             identity::Sha256 known) {
    std::uint64_t dropped_size = complete ? entry.size : 0;
    while (true) {
      const Result<RecordHeader> header = co_await reader_.next();
      if (!header) co_return header.error();
      if (header->type == RecordType::trailer) break;
      if (header->type == RecordType::abandon) {
        const Result<Abandon> abandon = co_await reader_.body<Abandon>();
        if (!abandon) co_return abandon.error();
        drop(entry.path, abandon->reason);
        if (partial) partial->discard();
        co_return Result<void>();
      }
      if (header->type != RecordType::data) {
        co_return Error(Fault::malformed, std::string("record ") + name_of(header->type) + " inside a file");
      }
      Result<void> taken = co_await data(entry, partial, known, dropped_size);
      if (!taken) co_return taken.error();
    }
    const Result<Trailer> trailer = co_await reader_.body<Trailer>();
    if (!trailer) co_return trailer.error();
    const std::uint64_t size = partial ? partial->size() : dropped_size;
    const Digest digest = partial ? partial->digest() : known.finish();
    if (size != entry.size || digest != trailer->digest) {
      if (partial) partial->discard();
      co_return Error(Fault::malformed, "the content of " + printable(shown(entry.path), 256) +
                                            " is not what the sender read: " + std::to_string(size) + " of " +
                                            std::to_string(entry.size) + " bytes, or another digest");
    }
    tree_.add_file(entry, trailer->digest);
    if (partial) co_return keep(entry, std::move(*partial), trailer->changed);
    if (complete) placed(entry, trailer->changed);
    co_return Result<void>();
  }

  // Whole, and put into its place with others: waiting for the disk file by file would take most of the time.
  Result<void> keep(const Entry& entry, PartialFile partial, bool changed) {
    if (Result<void> whole = partial.complete(entry); !whole) return or_drop(entry, whole.error());
    waiting_bytes_ += entry.size;
    waiting_.push_back(Waiting{entry, std::move(partial), changed});
    if (waiting_.size() < kWaitingMost && waiting_bytes_ < kWaitingBytes) return {};
    return place_waiting();
  }

  Result<void> place_waiting() {
    std::vector<Waiting> waiting = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    for (Waiting& item : waiting) {
      if (Result<void> committed = item.partial.commit(); !committed) {
        if (Result<void> kept = or_drop(item.entry, committed.error()); !kept) return kept;
      } else {
        placed(item.entry, item.changed);
      }
    }
    return {};
  }

  // One data record. A write that fails ends the transfer.
  Task<Result<void>> data(const Entry& entry, std::optional<PartialFile>& partial, identity::Sha256& known,
                          std::uint64_t& dropped_size) {
    while (true) {
      const Result<ByteView> piece = co_await reader_.piece();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return Result<void>();
      const std::uint64_t before = partial ? partial->size() : dropped_size;
      if (before + piece->size() > entry.size) {
        co_return Error(Fault::malformed, "more data for " + printable(shown(entry.path), 256) +
                                              " than the " + std::to_string(entry.size) +
                                              " bytes that were announced");
      }
      if (partial) {
        Result<void> written = partial->append(*piece);
        if (!written) co_return wrap_write(entry, *partial, written.error());
      } else {
        known.update(*piece);
        dropped_size += piece->size();
      }
      reader_.taken(piece->size());
      progress_.bytes += piece->size();
      report();
    }
  }

  Error wrap_write(const Entry& entry, const PartialFile& partial, const Error& error) {
    std::string text = "receive " + printable(shown(entry.path), 256) + ": " + error.message();
    if (partial.size() >= options_.keep_from) {
      text += "; the " + std::to_string(partial.size()) +
              " bytes that arrived are kept, the same transfer again goes on there";
    }
    return {Fault::unavailable, std::move(text)};
  }

  void placed(const Entry& entry, bool changed) {
    ++result_.entries;
    ++result_.files;
    ++progress_.entries;
    result_.bytes += entry.size;
    if (changed) note(entry.path, "copied, but changed while it was read");
  }

  Task<Result<void>> finish() {
    const Result<Finish> finish = co_await reader_.body<Finish>();
    if (!finish) co_return finish.error();
    while (!folders_.empty()) {
      if (Result<void> closed = close_folder(); !closed) co_return closed.error();
    }
    if (Result<void> placed_all = place_waiting(); !placed_all) co_return placed_all.error();
    result_.digest = tree_.finish();
    if (result_.digest != finish->digest) {
      co_return Error(Fault::malformed,
                      "what arrived is not what the sender sent: another digest of the whole");
    }
    if (Result<void> synced = place_->folder.sync(parent_of(place_->prefix)); !synced)
      co_return synced.error();
    co_return Result<void>();
  }

  Task<Result<TransferResult>> conclude() {
    Result<void> sent = co_await write_json(stream_, RecordType::result, result_);
    if (!sent) co_return sent.error();
    stream_.end();
    Result<void> ended = co_await reader_.end();
    if (!ended) co_return ended.error();
    Result<void> flushed = co_await stream_.flushed();
    if (!flushed) co_return flushed.error();
    co_return std::move(result_);
  }

  void drop(std::string path, std::string reason) {
    ++result_.skipped_count;
    note(std::move(path), std::move(reason));
  }

  void note(std::string path, std::string reason) {
    Skip item;
    item.path = printable(path, kPathMost);
    item.reason = printable(reason);
    remark_bytes_ += item.path.size() + item.reason.size() + 64;
    if (result_.remarks.size() < kRemarksMost && remark_bytes_ <= kRemarkBytes) {
      result_.remarks.push_back(std::move(item));
    }
  }

  void report() {
    if (sink_) sink_(progress_);
  }

  // A file that is whole and not yet in its place.
  struct Waiting {
    Entry entry;
    PartialFile partial;
    bool changed = false;
  };

  session::Stream& stream_;
  RecordReader reader_;
  Destination destination_;
  ReceiveOptions options_;
  ProgressSink sink_;
  std::unique_ptr<Place> place_;
  std::vector<OpenFolder> folders_;
  std::vector<Waiting> waiting_;  // of the present folder
  std::uint64_t waiting_bytes_ = 0;
  bool seen_root_ = false;
  Progress progress_;
  TreeDigest tree_;
  TransferResult result_;
  std::size_t remark_bytes_ = 0;
};

}  // namespace

Task<Result<TransferResult>> receive_tree(session::Stream& stream, Destination destination,
                                          ReceiveOptions options, ProgressSink progress) {
  Receiver receiver(stream, std::move(destination), options, std::move(progress));
  Result<TransferResult> result = co_await receiver.go();
  if (!result) stream.reset(result.error().message());
  co_return result;
}

}  // namespace jump::files
