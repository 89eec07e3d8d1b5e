#include "jumpoint/bridge/sftp_files.h"

#include <memory>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/files/names.h"
#include "common/files/record.h"

namespace jump::bridge {
namespace {

using files::RecordType;

constexpr std::size_t kListedMost = 100'000;
constexpr std::size_t kRemarksMost = 100;

// Our direction is over; so is the console's, which has nothing more to say on this stream.
Task<Result<void>> conclude(session::Stream& stream) {
  stream.end();
  files::RecordReader reader(stream);
  Result<void> ended = co_await reader.end();
  if (!ended) co_return ended.error();
  co_return co_await stream.flushed();
}

Task<Result<void>> send_entry(SftpClient& client, session::Stream& stream, std::string path, SftpName one) {
  files::Skip skip;
  skip.path = printable(one.name, files::kPathMost);
  Result<void> fine = one.name.empty() ? Result<void>() : files::check_name(one.name);
  std::optional<files::Entry> entry = sftp_entry(one.name, one.attributes);
  if (fine && !entry) fine = Error(Fault::refused, "neither file, folder nor link");
  if (!fine) {
    skip.reason = printable(fine.error().message());
    co_return co_await files::write_json(stream, RecordType::skip, std::move(skip));
  }
  if (entry->kind == files::Kind::link) {
    const Result<std::string> target = co_await client.read_link(files::join(path, one.name));
    if (target && is_utf8(*target)) entry->target = *target;
  }
  co_return co_await files::write_json(stream, RecordType::entry, std::move(*entry));
}

Task<Result<void>> list(SftpClient& client, session::Stream& stream, files::PathStart start, bool content) {
  const Result<SftpAttributes> info = co_await client.stat(start.path);
  if (!info) co_return info.error();
  std::vector<SftpName> names{SftpName{"", *info}};
  if (content && info->is_folder()) {
    Result<std::vector<SftpName>> found = co_await client.names(start.path, kListedMost);
    if (!found) co_return found.error();
    names = std::move(*found);
  }
  for (SftpName& one : names) {
    Result<void> sent = co_await send_entry(client, stream, start.path, std::move(one));
    if (!sent) co_return sent.error();
  }
  files::Finish finish;
  finish.entries = names.size();
  Result<void> sent = co_await files::write_json(stream, RecordType::finish, finish);
  if (!sent) co_return sent.error();
  co_return co_await conclude(stream);
}

Task<Result<bool>> make_one(SftpClient& client, std::string path) {
  const Result<void> made = co_await client.make_folder(path);
  if (made) {
    SftpAttributes open;
    open.mode = 0755;
    static_cast<void>(co_await client.set_attributes(path, open));
    co_return true;
  }
  const Result<SftpAttributes> there = co_await client.stat(path);
  if (there && there->is_folder()) co_return false;
  co_return made.error();
}

Task<Result<void>> make_folder(SftpClient& client, session::Stream& stream, files::MakeFolderStart start) {
  std::vector<std::string> paths{start.path};
  while (start.parents && paths.size() < files::kDepthMost) {
    const std::string parent = files::parent_of(paths.back());
    if (parent.empty()) break;
    const Result<SftpAttributes> there = co_await client.stat(parent);
    if (there) break;
    paths.push_back(parent);
  }
  files::TransferResult result;
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    const Result<bool> made = co_await make_one(client, *path);
    if (!made) co_return made.error();
    result.entries = *made ? 1 : 0;
    if (!*made && !start.parents)
      co_return Error(Fault::already_exists, printable(*path, 256) + " is there already");
  }
  Result<void> sent = co_await files::write_json(stream, RecordType::result, std::move(result));
  if (!sent) co_return sent.error();
  co_return co_await conclude(stream);
}

// Removes what is below, then the thing itself; links are removed, never followed.
class Remover {
 public:
  explicit Remover(SftpClient& client) : client_(client) {}

  Task<files::TransferResult> remove(std::string path, bool recursive) {
    const Result<SftpAttributes> info = co_await client_.lstat(path);
    if (info) {
      co_await remove_one(std::move(path), *info, recursive, 0);
    } else {
      remark(path, info.error());
    }
    co_return std::move(result_);
  }

 private:
  Task<> remove_one(std::string path, SftpAttributes info, bool recursive, std::size_t depth) {
    if (info.is_folder() && recursive) {
      if (depth >= files::kDepthMost) co_return remark(path, Error(Fault::too_large, "it lies too deep"));
      const Result<std::vector<SftpName>> names = co_await client_.names(path, kSftpNamesMost);
      if (!names) co_return remark(path, names.error());
      for (const SftpName& one : *names) {
        // A server that names what lies elsewhere is not followed there.
        if (one.name.find('/') != std::string::npos || one.name.empty()) continue;
        co_await remove_one(files::join(path, one.name), one.attributes, true, depth + 1);
      }
    }
    Result<void> done;
    if (info.is_folder()) {
      done = co_await client_.remove_folder(path);
    } else {
      done = co_await client_.remove(path);
    }
    if (!done) co_return remark(path, done.error());
    ++result_.entries;
  }

  void remark(const std::string& path, const Error& error) {
    ++result_.skipped_count;
    if (result_.remarks.size() >= kRemarksMost) return;
    files::Skip skip;
    skip.path = printable(path);
    skip.reason = printable(error.message());
    result_.remarks.push_back(std::move(skip));
  }

  SftpClient& client_;
  files::TransferResult result_;
};

class FileServer {
 public:
  FileServer(SftpClient& client, std::string home) : client_(client), home_(std::move(home)) {}

  Task<> serve(session::StreamOpen open, std::unique_ptr<session::Stream> stream) {
    const Result<void> done = co_await dispatch(open, *stream);
    if (done) co_return;
    log::info("files", "not done", {{"purpose", open.purpose}, {"why", done.error().message()}});
    stream->reset(done.error().message());
  }

 private:
  template <typename T>
  Result<T> arguments_of(const session::StreamOpen& open) {
    Result<T> start = from_json<T>(open.arguments);
    if (!start) return wrap(start.error(), open.purpose);
    if (Result<void> fine = files::check_typed_path(start->path); !fine) return fine.error();
    start->path = files::absolute(start->path, home_);
    return start;
  }

  Task<Result<void>> remove(session::Stream& stream, files::RemoveStart start) {
    std::string path = start.path;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (path == "/" || path == home_ || home_.starts_with(path + "/") ||
        path.find("/..") != std::string::npos) {
      co_return Error(Fault::refused,
                      "'" + printable(path, 256) + "' is not removed: the home folder may lie in it");
    }
    Remover remover(client_);
    files::TransferResult result = co_await remover.remove(path, start.recursive);
    if (result.entries == 0 && !result.remarks.empty())
      co_return Error(Fault::refused, result.remarks.front().reason);
    Result<void> sent = co_await files::write_json(stream, RecordType::result, std::move(result));
    if (!sent) co_return sent.error();
    co_return co_await conclude(stream);
  }

  Task<Result<void>> dispatch(const session::StreamOpen& open, session::Stream& stream) {
    if (open.purpose == "get") {
      Result<files::GetStart> start = arguments_of<files::GetStart>(open);
      if (!start) co_return start.error();
      co_return co_await sftp_get(client_, stream, std::move(*start));
    }
    if (open.purpose == "put") {
      Result<files::PutStart> start = arguments_of<files::PutStart>(open);
      if (!start) co_return start.error();
      co_return co_await sftp_put(client_, stream, std::move(*start));
    }
    if (open.purpose == "list" || open.purpose == "stat") {
      Result<files::PathStart> start = arguments_of<files::PathStart>(open);
      if (!start) co_return start.error();
      co_return co_await list(client_, stream, std::move(*start), open.purpose == "list");
    }
    if (open.purpose == "make_folder") {
      Result<files::MakeFolderStart> start = arguments_of<files::MakeFolderStart>(open);
      if (!start) co_return start.error();
      co_return co_await make_folder(client_, stream, std::move(*start));
    }
    if (open.purpose == "remove") {
      Result<files::RemoveStart> start = arguments_of<files::RemoveStart>(open);
      if (!start) co_return start.error();
      co_return co_await remove(stream, std::move(*start));
    }
    co_return Error(Fault::refused, "file sessions have no stream '" + printable(open.purpose, 32) + "'");
  }

  SftpClient& client_;
  std::string home_;
};

Task<Result<void>> accept_streams(SshConnection& connection, SftpClient& client, Conversation& person,
                                  TaskGroup& group) {
  TaskGroup transfers(connection.executor());
  Result<void> started = co_await client.start(group);
  if (!started) co_return started;
  const Result<std::string> home = co_await client.real_path(".");
  FileServer server(client, home ? *home : "/");
  Task<Result<void>> serving = [](Conversation& with, FileServer& by, TaskGroup& in) -> Task<Result<void>> {
    while (true) {
      Result<Conversation::Opened> opened = co_await with.next_open();
      if (!opened) co_return opened.error();
      if (in.size() >= limits::kLiveStreams) {
        opened->stream->reset(std::to_string(limits::kLiveStreams) + " streams at once are the most");
        continue;
      }
      in.spawn("sftp stream", by.serve(std::move(opened->open), std::move(opened->stream)));
    }
  }(person, server, transfers);
  co_return co_await and_stop(transfers, std::move(serving));
}

}  // namespace

std::optional<files::Entry> sftp_entry(const std::string& path, const SftpAttributes& attributes) {
  files::Entry entry;
  entry.path = path;
  if (attributes.is_folder()) {
    entry.kind = files::Kind::folder;
  } else if (attributes.is_link()) {
    entry.kind = files::Kind::link;
  } else if (!attributes.is_file()) {
    return std::nullopt;
  }
  entry.mode = attributes.mode.value_or(0644) & 0777;
  entry.size = attributes.size.value_or(0);
  entry.seconds = attributes.modified.value_or(0);
  return entry;
}

Task<Result<void>> serve_sftp(SshConnection& connection, Conversation& person) {
  SftpClient client(connection);
  TaskGroup group(connection.executor());
  Task<Result<void>> work = accept_streams(connection, client, person, group);
  co_return co_await and_stop(group, std::move(work));
}

}  // namespace jump::bridge
