#include "common/files/client.h"

#include <memory>
#include <utility>

#include "common/files/names.h"
#include "common/files/record.h"
#include "common/session/codec.h"

namespace jump::files {
namespace {

constexpr std::size_t kListedMost = 100'000;

template <typename T>
Result<std::unique_ptr<session::Stream>> open(session::Session& session, const char* purpose,
                                              const T& arguments) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream();
  if (!stream) return stream.error();
  session::StreamOpen open;
  open.stream = (*stream)->number();
  open.purpose = purpose;
  open.arguments = to_json(arguments);
  session.send(session::encode(open));
  return stream;
}

// The name that a download has here: what the user typed, so that the other end cannot choose it.
std::string typed_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::string name = name_of(path);
  return check_name(name) && name != "~" ? name : std::string();
}

// The small requests: the console says nothing more, the endpoint answers and ends.
Task<Result<void>> over(session::Stream& stream, RecordReader& reader) {
  Result<void> ended = co_await reader.end();
  if (!ended) co_return ended.error();
  co_return co_await stream.flushed();
}

Task<Result<Listing>> read_listing(session::Stream& stream) {
  RecordReader reader(stream);
  Listing listing;
  while (true) {
    const Result<RecordHeader> header = co_await reader.next();
    if (!header) co_return header.error();
    if (header->type == RecordType::finish) break;
    if (listing.entries.size() + listing.skipped.size() > kListedMost) {
      co_return Error(Fault::too_large,
                      "the listing has more than " + std::to_string(kListedMost) + " names");
    }
    if (header->type == RecordType::entry) {
      Result<Entry> entry = co_await reader.body<Entry>();
      if (!entry) co_return entry.error();
      if (!entry->path.empty()) {
        if (Result<void> fine = check_name(entry->path); !fine) co_return fine.error();
      }
      listing.entries.push_back(std::move(*entry));
    } else if (header->type == RecordType::skip) {
      Result<Skip> skip = co_await reader.body<Skip>();
      if (!skip) co_return skip.error();
      listing.skipped.push_back(std::move(*skip));
    } else {
      co_return Error(Fault::malformed, std::string("record ") + name_of(header->type) + " in a listing");
    }
  }
  const Result<Finish> finish = co_await reader.body<Finish>();
  if (!finish) co_return finish.error();
  Result<void> ended = co_await over(stream, reader);
  if (!ended) co_return ended.error();
  co_return listing;
}

Task<Result<TransferResult>> read_result(session::Stream& stream) {
  RecordReader reader(stream);
  Result<TransferResult> result = co_await reader.expect<TransferResult>(RecordType::result);
  if (!result) co_return result.error();
  Result<void> ended = co_await over(stream, reader);
  if (!ended) co_return ended.error();
  co_return result;
}

}  // namespace

Task<Result<TransferResult>> put(session::Session& session, PutRequest request, ProgressSink progress) {
  Result<Source> source = open_source(request.from);
  if (!source) co_return source.error();
  PutStart start;
  start.path = request.to;
  Result<std::unique_ptr<session::Stream>> stream = open(session, "put", start);
  if (!stream) co_return stream.error();
  SendOptions options;
  options.recursive = request.recursive;
  options.resume = request.resume;
  co_return co_await send_tree(**stream, *source, options, std::move(progress));
}

Task<Result<TransferResult>> get(session::Session& session, GetRequest request, ProgressSink progress) {
  Destination destination;
  destination.path = request.to;
  destination.name = typed_name(request.from);
  GetStart start;
  start.path = request.from;
  start.recursive = request.recursive;
  start.resume = request.resume;
  Result<std::unique_ptr<session::Stream>> stream = open(session, "get", start);
  if (!stream) co_return stream.error();
  ReceiveOptions options;
  options.recursive = request.recursive;
  co_return co_await receive_tree(**stream, std::move(destination), options, std::move(progress));
}

Task<Result<Listing>> list(session::Session& session, std::string path) {
  PathStart start;
  start.path = std::move(path);
  Result<std::unique_ptr<session::Stream>> stream = open(session, "list", start);
  if (!stream) co_return stream.error();
  (*stream)->end();
  co_return co_await read_listing(**stream);
}

Task<Result<Entry>> stat(session::Session& session, std::string path) {
  PathStart start;
  start.path = std::move(path);
  Result<std::unique_ptr<session::Stream>> stream = open(session, "stat", start);
  if (!stream) co_return stream.error();
  (*stream)->end();
  Result<Listing> listing = co_await read_listing(**stream);
  if (!listing) co_return listing.error();
  if (listing->entries.size() != 1) co_return Error(Fault::malformed, "no single answer to stat");
  co_return std::move(listing->entries.front());
}

Task<Result<void>> make_folder(session::Session& session, std::string path, bool parents) {
  MakeFolderStart start;
  start.path = std::move(path);
  start.parents = parents;
  Result<std::unique_ptr<session::Stream>> stream = open(session, "make_folder", start);
  if (!stream) co_return stream.error();
  (*stream)->end();
  const Result<TransferResult> result = co_await read_result(**stream);
  if (!result) co_return result.error();
  co_return Result<void>();
}

Task<Result<TransferResult>> remove(session::Session& session, std::string path, bool recursive) {
  RemoveStart start;
  start.path = std::move(path);
  start.recursive = recursive;
  Result<std::unique_ptr<session::Stream>> stream = open(session, "remove", start);
  if (!stream) co_return stream.error();
  (*stream)->end();
  co_return co_await read_result(**stream);
}

}  // namespace jump::files
