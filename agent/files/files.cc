#include "agent/files/files.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "common/base/file_path.h"
#include "common/base/log.h"
#include "common/files/names.h"
#include "common/files/record.h"
#include "common/files/transfer.h"
#include "common/files/tree.h"
#include "common/files/tree_digest.h"
#include "common/session/serve_streams.h"
#include "platform/folder.h"

namespace jump::agent {
namespace {

namespace fs = std::filesystem;
using files::RecordType;

constexpr std::size_t kListedMost = 100'000;

// The arguments of a stream, with the path made absolute.
template <typename T>
Result<T> arguments_of(const session::StreamOpen& open, const FilesOptions& options) {
  Result<T> start = from_json<T>(open.arguments);
  if (!start) return wrap(start.error(), open.purpose);
  if (Result<void> fine = files::check_typed_path(start->path); !fine) return fine.error();
  start->path = files::absolute(start->path, options.home);
  return start;
}

// Our direction is over; so is the console's, which has nothing more to say on this stream.
Task<Result<void>> conclude(session::Stream& stream) {
  stream.end();
  files::RecordReader reader(stream);
  Result<void> ended = co_await reader.end();
  if (!ended) co_return ended.error();
  co_return co_await stream.flushed();
}

Task<Result<void>> get(session::Stream& stream, files::GetStart start) {
  Result<files::Source> source = files::open_source(start.path);
  if (!source) co_return source.error();
  files::SendOptions options;
  options.recursive = start.recursive;
  options.resume = start.resume;
  const Result<files::TransferResult> result = co_await files::send_tree(stream, *source, options, nullptr);
  if (!result) co_return result.error();
  co_return Result<void>();
}

Task<Result<void>> put(session::Stream& stream, files::PutStart start) {
  files::Destination destination;
  destination.path = start.path;
  const files::ReceiveOptions options;
  const Result<files::TransferResult> result =
      co_await files::receive_tree(stream, std::move(destination), options, nullptr);
  if (!result) co_return result.error();
  co_return Result<void>();
}

Task<Result<void>> send_entry(session::Stream& stream, files::Source& source, const std::string& name) {
  files::Skip skip;
  skip.path = printable(name, files::kPathMost);
  const Result<platform::FileInfo> info = source.place.folder.info(source.place.at(name));
  Result<void> fine = name.empty() ? Result<void>() : files::check_name(name);
  if (fine && !info) fine = info.error();
  if (fine && info->kind == platform::FileKind::other)
    fine = Error(Fault::refused, "neither file, folder nor link");
  if (!fine) {
    skip.reason = printable(fine.error().message());
    co_return co_await files::write_json(stream, RecordType::skip, std::move(skip));
  }
  files::Entry entry = files::to_entry(name, *info);
  if (entry.kind == files::Kind::link) {
    const Result<std::string> target = source.place.folder.link_target(source.place.at(name));
    if (target && is_utf8(*target)) entry.target = *target;
  }
  co_return co_await files::write_json(stream, RecordType::entry, std::move(entry));
}

// `content`: of a folder its names; else the thing itself.
Task<Result<void>> list(session::Stream& stream, files::PathStart start, bool content) {
  Result<files::Source> source = files::open_source(start.path);
  if (!source) co_return source.error();
  std::vector<std::string> names{""};
  if (content && source->info.kind == platform::FileKind::folder) {
    Result<std::vector<std::string>> found = source->place.folder.names("", kListedMost);
    if (!found) co_return found.error();
    names = std::move(*found);
  }
  for (const std::string& name : names) {
    Result<void> sent = co_await send_entry(stream, *source, name);
    if (!sent) co_return sent.error();
  }
  files::Finish finish;
  finish.entries = names.size();
  Result<void> sent = co_await files::write_json(stream, RecordType::finish, finish);
  if (!sent) co_return sent.error();
  co_return co_await conclude(stream);
}

Task<Result<void>> make_folder(session::Stream& stream, files::MakeFolderStart start) {
  std::error_code failed;
  files::TransferResult result;
  const fs::path where = file_path(start.path);
  const bool made =
      start.parents ? fs::create_directories(where, failed) : fs::create_directory(where, failed);
  if (failed) {
    co_return Error(boost::system::error_code(failed), "make folder " + printable(start.path, 256));
  }
  result.entries = made ? 1 : 0;
  Result<void> sent = co_await files::write_json(stream, RecordType::result, std::move(result));
  if (!sent) co_return sent.error();
  co_return co_await conclude(stream);
}

// Removes what is below, then the thing itself; links are removed, never followed.
class Remover {
 public:
  explicit Remover(files::Source& source) : source_(source) {}

  Task<files::TransferResult> remove(std::string prefix, bool recursive) {
    co_await remove_one(std::move(prefix), recursive);
    co_return std::move(result_);
  }

 private:
  Task<> remove_one(std::string path, bool recursive) {
    const Result<platform::FileInfo> info = source_.place.folder.info(path);
    if (!info) co_return remark(path, info.error());
    const bool folder = info->kind == platform::FileKind::folder;
    if (folder && recursive) {
      const Result<std::vector<std::string>> names = source_.place.folder.names(path, files::kNamesMost);
      if (!names) co_return remark(path, names.error());
      for (const std::string& name : *names) co_await remove_one(files::join(path, name), true);
      co_await files::give_way();
    }
    const Result<void> done =
        folder ? source_.place.folder.remove_folder(path) : source_.place.folder.remove(path);
    if (!done) co_return remark(path, done.error());
    ++result_.entries;
  }

  void remark(const std::string& path, const Error& error) {
    ++result_.skipped_count;
    if (result_.remarks.size() >= 100) return;
    files::Skip skip;
    skip.path = printable(path);
    skip.reason = printable(error.message());
    result_.remarks.push_back(std::move(skip));
  }

  files::Source& source_;
  files::TransferResult result_;
};

// "/a/b/../c/" → "/a/c"
fs::path without_detours(const std::string& path) {
  fs::path plain = file_path(path).lexically_normal();
  if (!plain.has_filename() && plain.has_relative_path()) plain = plain.parent_path();
  return plain;
}

// The folder that holds the thing, opened, and its name: a link at the end of the path is itself what is
// meant. Neither the home folder nor anything that it lies in is given.
Result<files::Source> holder_of(const std::string& path, const std::string& home) {
  const Error refused(Fault::refused,
                      "'" + printable(path, 256) + "' is not removed: the home folder lies in it");
  const fs::path wanted = without_detours(path);
  if (!wanted.has_relative_path()) return refused;
  std::error_code failed;
  const fs::path parent = fs::canonical(wanted.parent_path(), failed);
  if (failed) return Error(boost::system::error_code(failed), "open " + printable(path, 256));
  const std::string real = path_text(parent / wanted.filename());
  const std::string real_home = path_text(fs::weakly_canonical(file_path(home), failed));
  if (real_home == real || real_home.starts_with(real + "/")) return refused;
  Result<platform::Folder> folder = platform::Folder::open(path_text(parent));
  if (!folder) return folder.error();
  files::Source source{files::Place{std::move(*folder), std::string()}, platform::FileInfo(),
                       path_text(wanted.filename())};
  const Result<platform::FileInfo> info = source.place.folder.info(source.name);
  if (!info) return info.error();
  source.info = *info;
  return source;
}

Task<Result<void>> remove(session::Stream& stream, files::RemoveStart start, FilesOptions options) {
  Result<files::Source> source = holder_of(start.path, options.home);
  if (!source) co_return source.error();
  Remover remover(*source);
  files::TransferResult result = co_await remover.remove(source->name, start.recursive);
  if (result.entries == 0 && !result.remarks.empty())
    co_return Error(Fault::refused, result.remarks.front().reason);
  Result<void> sent = co_await files::write_json(stream, RecordType::result, std::move(result));
  if (!sent) co_return sent.error();
  co_return co_await conclude(stream);
}

class FileServer : public session::StreamServer {
 public:
  explicit FileServer(FilesOptions options) : options_(std::move(options)) {}

  Task<> serve(session::StreamOpen open, std::unique_ptr<session::Stream> stream) override {
    const Result<void> done = co_await dispatch(open, *stream);
    if (done) co_return;
    log::info("files", "not done", {{"purpose", open.purpose}, {"why", done.error().message()}});
    // Harmless when the transfer has told it already.
    stream->reset(done.error().message());
  }

 private:
  Task<Result<void>> dispatch(const session::StreamOpen& open, session::Stream& stream) {
    if (open.purpose == "get") {
      Result<files::GetStart> start = arguments_of<files::GetStart>(open, options_);
      if (!start) co_return start.error();
      co_return co_await get(stream, std::move(*start));
    }
    if (open.purpose == "put") {
      Result<files::PutStart> start = arguments_of<files::PutStart>(open, options_);
      if (!start) co_return start.error();
      co_return co_await put(stream, std::move(*start));
    }
    if (open.purpose == "list" || open.purpose == "stat") {
      Result<files::PathStart> start = arguments_of<files::PathStart>(open, options_);
      if (!start) co_return start.error();
      co_return co_await list(stream, std::move(*start), open.purpose == "list");
    }
    if (open.purpose == "make_folder") {
      Result<files::MakeFolderStart> start = arguments_of<files::MakeFolderStart>(open, options_);
      if (!start) co_return start.error();
      co_return co_await make_folder(stream, std::move(*start));
    }
    if (open.purpose == "remove") {
      Result<files::RemoveStart> start = arguments_of<files::RemoveStart>(open, options_);
      if (!start) co_return start.error();
      co_return co_await remove(stream, std::move(*start), options_);
    }
    co_return Error(Fault::refused, "file sessions have no stream '" + printable(open.purpose, 32) + "'");
  }

  FilesOptions options_;
};

}  // namespace

Task<Result<void>> run_files(session::Session& session, FilesOptions options) {
  FileServer server(std::move(options));
  co_return co_await session::serve_streams(session, server);
}

}  // namespace jump::agent
