#include "tools/console/session/sftp_server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "common/base/file_path.h"
#include "common/files/requests.h"
#include "platform/temporary.h"

namespace jump::console {
namespace {

using sftp::Reader;
using sftp::Status;
using sftp::Type;
using sftp::Writer;

constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kOpenMost = 256;
constexpr std::size_t kNamesAtOnce = 64;
constexpr std::size_t kReadMost = 64 * 1024;
constexpr std::size_t kPiece = 64 * 1024;
constexpr std::uint32_t kModeMost = 0777;
// What POSIX systems mean by these bits, and with them every SFTP client.
constexpr std::uint32_t kModeFolder = 0040000;
constexpr std::uint32_t kModeFile = 0100000;
constexpr std::uint32_t kModeLink = 0120000;

Bytes status(std::uint32_t id, Status code, const std::string& text) {
  return Writer(Type::status).u32(id).u32(static_cast<std::uint32_t>(code)).text(text).text("en").packet();
}

Bytes done(std::uint32_t id) {
  return status(id, Status::ok, "");
}

// The endpoint's words go along; programs look at the code only.
Bytes refused(std::uint32_t id, const Error& error) {
  const std::string text = printable(error.message());
  const bool missing = error.is(Fault::not_found) || text.find("No such file") != std::string::npos;
  const bool denied = text.find("ermission denied") != std::string::npos;
  return status(id,
                missing  ? Status::no_such_file
                : denied ? Status::permission_denied
                         : Status::failure,
                text);
}

std::uint32_t mode_of(const files::Entry& entry) {
  const std::uint32_t type = entry.kind == files::Kind::folder ? kModeFolder
                             : entry.kind == files::Kind::link ? kModeLink
                                                               : kModeFile;
  return type | (entry.mode & 07777);
}

sftp::Attributes attributes_of(const files::Entry& entry) {
  sftp::Attributes attributes;
  attributes.size = entry.size;
  attributes.mode = mode_of(entry);
  // Version 3 has 32 bits for times.
  const auto seconds = static_cast<std::uint32_t>(std::clamp<std::int64_t>(entry.seconds, 0, UINT32_MAX));
  attributes.accessed = seconds;
  attributes.modified = seconds;
  return attributes;
}

// As ls -l writes it; for the client's eyes.
std::string long_name(const files::Entry& entry) {
  std::string mode = entry.kind == files::Kind::folder ? "d" : entry.kind == files::Kind::link ? "l" : "-";
  for (int shift = 6; shift >= 0; shift -= 3) {
    const std::uint32_t bits = entry.mode >> shift;
    mode += (bits & 4) != 0 ? 'r' : '-';
    mode += (bits & 2) != 0 ? 'w' : '-';
    mode += (bits & 1) != 0 ? 'x' : '-';
  }
  const std::chrono::sys_seconds at{
      std::chrono::seconds(std::clamp<std::int64_t>(entry.seconds, 0, UINT32_MAX))};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%04d-%02u-%02u %02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()));
  std::string size = std::to_string(entry.size);
  size.insert(0, size.size() < 10 ? 10 - size.size() : 0, ' ');
  return mode + " 1 - - " + size + " " + time.data() + " " + entry.path;
}

// Without a home folder that is known here: "." and what begins there stays relative.
std::string plain_path(std::string_view path) {
  if (path.empty()) return ".";
  std::string plain = path_text(file_path(path).lexically_normal());
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  return plain;
}

}  // namespace

SftpServer::SftpServer(OpenedSession& session, SshChannel& channel, Bytes first)
    : session_(session), channel_(channel) {
  cutter_.feed(first);
}

SftpServer::~SftpServer() {
  open_.clear();
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(file_path(temporary_), ignored);
}

Task<Result<void>> SftpServer::run() {
  Bytes buffer(kPiece);
  while (true) {
    Result<std::optional<Bytes>> packet = cutter_.next();
    if (!packet) co_return packet.error();
    if (*packet) {
      Task<Result<void>> answering = answer(std::move(**packet));
      const Result<void> answered = co_await std::move(answering);
      if (!answered) co_return answered;
      continue;
    }
    const Result<std::size_t> size = co_await channel_.read(buffer);
    if (!size) co_return size.error();
    if (*size == 0) co_return Result<void>();
    cutter_.feed(ByteView(buffer).first(*size));
  }
}

Task<Result<void>> SftpServer::answer(Bytes packet) {
  Reader reader(packet);
  const auto type = static_cast<Type>(reader.byte());
  const std::uint32_t id = reader.u32();
  Bytes reply;
  std::string path;
  switch (type) {
    case Type::init:
      reply = Writer(Type::version).u32(kVersion).packet();
      break;
    case Type::realpath: {
      path = plain_path(reader.text());
      reply = Writer(Type::name).u32(id).u32(1).text(path).text(path).attributes({}).packet();
      break;
    }
    case Type::open: {
      path = reader.text();
      const std::uint32_t flags = reader.u32();
      const sftp::Attributes attributes = reader.attributes();
      if (reader.bad()) break;
      auto opening = open(id, std::move(path), flags, attributes);
      reply = co_await std::move(opening);
      break;
    }
    case Type::close: {
      auto closing = close(id, std::string(reader.text()));
      reply = co_await std::move(closing);
      break;
    }
    case Type::read: {
      Open* const handle = find(reader.text());
      const std::uint64_t offset = reader.u64();
      const std::uint32_t size = reader.u32();
      auto reading = read(id, handle, offset, size);
      reply = co_await std::move(reading);
      break;
    }
    case Type::write: {
      Open* const handle = find(reader.text());
      const std::uint64_t offset = reader.u64();
      const std::string_view data = reader.text();
      if (!reader.bad()) reply = write(id, handle, offset, data);
      break;
    }
    case Type::stat:
    case Type::lstat: {
      auto looking = stat(id, std::string(reader.text()));
      reply = co_await std::move(looking);
      break;
    }
    case Type::fstat: {
      const Open* const handle = find(reader.text());
      sftp::Attributes attributes;
      if (handle != nullptr && handle->download) attributes = attributes_of(handle->download->entry);
      if (handle != nullptr && handle->upload) {
        const Result<platform::FileInfo> about = handle->upload->file.info();
        if (about) attributes.size = about->size;
      }
      reply = attributes.size ? Writer(Type::attributes).u32(id).attributes(attributes).packet()
                              : status(id, Status::failure, "no such handle");
      break;
    }
    case Type::fsetstat: {
      Open* const handle = find(reader.text());
      const sftp::Attributes attributes = reader.attributes();
      if (handle == nullptr || !handle->upload || attributes.size) {
        reply = status(id, Status::unsupported, "only the mode and time of what is written");
        break;
      }
      if (attributes.mode) handle->upload->attributes.mode = attributes.mode;
      if (attributes.modified) handle->upload->attributes.modified = attributes.modified;
      reply = done(id);
      break;
    }
    case Type::opendir: {
      auto opening = open_folder(id, std::string(reader.text()));
      reply = co_await std::move(opening);
      break;
    }
    case Type::readdir:
      reply = read_folder(id, find(reader.text()));
      break;
    case Type::mkdir: {
      auto making = make_folder(id, std::string(reader.text()));
      reply = co_await std::move(making);
      break;
    }
    case Type::remove:
    case Type::rmdir: {
      auto removing = remove(id, std::string(reader.text()));
      reply = co_await std::move(removing);
      break;
    }
    default:
      reply = status(id, Status::unsupported, "not to be had through this session");
      break;
  }
  if (reader.bad() || reply.empty()) reply = status(id, Status::bad_message, "a field is missing");
  if (const std::optional<Error> over = session_.over()) co_return *over;
  co_return co_await channel_.write(reply, false);
}

// --- handles
// -------------------------------------------------------------------------------------------------

SftpServer::Open* SftpServer::find(std::string_view handle) {
  const auto found = open_.find(handle);
  return found == open_.end() ? nullptr : &found->second;
}

Bytes SftpServer::hand_out(std::uint32_t id, Open open) {
  const std::string handle = std::to_string(++last_handle_);
  open_.emplace(handle, std::move(open));
  return Writer(Type::handle).u32(id).text(handle).packet();
}

Task<Bytes> SftpServer::open(std::uint32_t id, std::string path, std::uint32_t flags,
                             sftp::Attributes attributes) {
  if (open_.size() >= kOpenMost) co_return status(id, Status::failure, "256 open files are the most");
  const bool writes = (flags & sftp::kOpenWrite) != 0;
  const bool reads = (flags & sftp::kOpenRead) != 0;
  if ((writes && reads) || (flags & sftp::kOpenAppend) != 0) {
    co_return status(id, Status::unsupported, "a file is read or written as a whole");
  }
  Open open;
  Result<void> begun;
  if (writes) {
    begun = begin_upload(open, std::move(path), attributes);
  } else {
    auto beginning = begin_download(open, std::move(path));
    begun = co_await std::move(beginning);
  }
  co_return begun ? hand_out(id, std::move(open)) : refused(id, begun.error());
}

Task<Bytes> SftpServer::close(std::uint32_t id, std::string handle) {
  const auto found = open_.find(handle);
  if (found == open_.end()) co_return status(id, Status::failure, "no such handle");
  const Open open = std::move(found->second);
  open_.erase(found);
  if (open.download && !open.download->over) open.download->stream->reset("read as far as it was wanted");
  if (!open.upload) co_return done(id);
  Upload& upload = *open.upload;
  // Best effort: what counts is the content.
  static_cast<void>(upload.file.set_mode(upload.attributes.mode.value_or(0644) & kModeMost));
  if (upload.attributes.modified) {
    static_cast<void>(upload.file.set_modified({*upload.attributes.modified, 0}));
  }
  files::PutRequest request;
  request.from = upload.local;
  request.to = upload.path;
  request.resume = false;
  auto putting = files::put(session_.io(), std::move(request), nullptr);
  const Result<files::TransferResult> put = co_await std::move(putting);
  std::error_code ignored;
  std::filesystem::remove(file_path(upload.local), ignored);
  if (!put) co_return refused(id, put.error());
  if (put->skipped_count > 0 && !put->remarks.empty()) {
    co_return refused(id, Error(Fault::refused, put->remarks.front().reason));
  }
  co_return done(id);
}

// --- reading
// --------------------------------------------------------------------------------------------------

Task<Result<void>> SftpServer::begin_download(Open& open, std::string path) {
  files::GetStart start;
  start.path = std::move(path);
  start.resume = false;
  Result<std::unique_ptr<session::Stream>> stream = session_.open_stream("get", to_json(start));
  if (!stream) co_return stream.error();
  auto download = std::make_unique<Download>(std::move(*stream));
  Result<files::Begin> begin = co_await download->reader.expect<files::Begin>(files::RecordType::begin);
  if (!begin) co_return begin.error();
  Result<files::Entry> entry = co_await download->reader.expect<files::Entry>(files::RecordType::entry);
  if (!entry) co_return entry.error();
  if (entry->kind != files::Kind::file) co_return Error(Fault::refused, "that is no file");
  download->entry = std::move(*entry);
  open.download = std::move(download);
  co_return Result<void>();
}

// Bytes of the file that follow; empty at its end.
Task<Result<ByteView>> SftpServer::next_piece(Download& download) {
  while (download.piece.empty() && !download.over) {
    if (download.in_data) {
      const Result<ByteView> piece = co_await download.reader.piece();
      if (!piece) co_return piece.error();
      download.piece = *piece;
      download.in_data = !piece->empty();
      continue;
    }
    const Result<files::RecordHeader> header = co_await download.reader.next();
    if (!header) co_return header.error();
    if (header->type == files::RecordType::data) {
      download.in_data = true;
    } else if (header->type == files::RecordType::trailer) {
      static_cast<void>(co_await download.reader.json_text());
      download.over = true;
      download.stream->reset("read to its end");
    } else {
      const Result<std::string> text = co_await download.reader.json_text();
      co_return Error(Fault::closed, text ? printable(*text) : text.error().message());
    }
  }
  co_return download.piece;
}

Task<Bytes> SftpServer::read(std::uint32_t id, Open* open, std::uint64_t offset, std::uint32_t size) {
  if (open == nullptr || !open->download) co_return status(id, Status::failure, "no such handle");
  Download& download = *open->download;
  if (offset > download.position && download.over) co_return status(id, Status::eof, "");
  if (offset != download.position) {
    co_return status(id, Status::unsupported, "a file is read from its beginning to its end");
  }
  Bytes data;
  const std::size_t wanted = std::min<std::size_t>(size, kReadMost);
  while (data.size() < wanted) {
    const Result<ByteView> piece = co_await next_piece(download);
    if (!piece) co_return refused(id, piece.error());
    if (piece->empty()) break;
    const std::size_t taken = std::min(piece->size(), wanted - data.size());
    data.insert(data.end(), piece->begin(), piece->begin() + static_cast<std::ptrdiff_t>(taken));
    download.piece = download.piece.subspan(taken);
    download.reader.taken(taken);
  }
  download.position += data.size();
  if (data.empty()) co_return status(id, Status::eof, "");
  co_return Writer(Type::data).u32(id).text(as_text(data)).packet();
}

// --- writing
// --------------------------------------------------------------------------------------------------

Result<void> SftpServer::begin_upload(Open& open, std::string path, sftp::Attributes attributes) {
  if (temporary_.empty()) {
    Result<std::string> made = platform::make_temporary_folder("jump-sftp-");
    if (!made) return made.error();
    temporary_ = std::move(*made);
  }
  Result<platform::Folder> folder = platform::Folder::open(temporary_);
  if (!folder) return folder.error();
  const std::string name = std::to_string(last_handle_ + 1);
  Result<platform::File> file = folder->create_file(name);
  if (!file) return file.error();
  auto upload = std::make_unique<Upload>(std::move(*file));
  upload->local = temporary_ + "/" + name;
  upload->path = std::move(path);
  upload->attributes = attributes;
  open.upload = std::move(upload);
  return {};
}

Bytes SftpServer::write(std::uint32_t id, Open* open, std::uint64_t offset, std::string_view data) {
  if (open == nullptr || !open->upload) return status(id, Status::failure, "no such handle");
  const Result<void> written = open->upload->file.write_at(offset, as_bytes(data));
  return written ? done(id) : refused(id, wrap(written.error(), "write here"));
}

// --- names
// ----------------------------------------------------------------------------------------------------

Task<Bytes> SftpServer::stat(std::uint32_t id, std::string path) {
  auto looking = files::stat(session_.io(), plain_path(path));
  const Result<files::Entry> entry = co_await std::move(looking);
  // There is no other reason that matters to a client: it asks whether it is there.
  if (!entry) co_return status(id, Status::no_such_file, printable(entry.error().message()));
  co_return Writer(Type::attributes).u32(id).attributes(attributes_of(*entry)).packet();
}

Task<Bytes> SftpServer::open_folder(std::uint32_t id, std::string path) {
  if (open_.size() >= kOpenMost) co_return status(id, Status::failure, "256 open files are the most");
  auto listing = files::list(session_.io(), plain_path(path));
  Result<files::Listing> names = co_await std::move(listing);
  if (!names) co_return refused(id, names.error());
  const bool folder = names->entries.size() != 1 || !names->entries.front().path.empty();
  if (!folder) co_return status(id, Status::failure, "that is no folder");
  Open open;
  open.folder = std::make_unique<Folder>();
  open.folder->listing = std::move(*names);
  co_return hand_out(id, std::move(open));
}

Bytes SftpServer::read_folder(std::uint32_t id, Open* open) {
  if (open == nullptr || !open->folder) return status(id, Status::failure, "no such handle");
  Folder& folder = *open->folder;
  const std::size_t count = std::min(kNamesAtOnce, folder.listing.entries.size() - folder.at);
  if (count == 0) return status(id, Status::eof, "");
  Writer reply(Type::name);
  reply.u32(id).u32(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const files::Entry& entry = folder.listing.entries[folder.at++];
    reply.text(entry.path).text(long_name(entry)).attributes(attributes_of(entry));
  }
  return reply.packet();
}

Task<Bytes> SftpServer::make_folder(std::uint32_t id, std::string path) {
  auto making = files::make_folder(session_.io(), std::move(path), false);
  const Result<void> made = co_await std::move(making);
  co_return made ? done(id) : refused(id, made.error());
}

Task<Bytes> SftpServer::remove(std::uint32_t id, std::string path) {
  auto removing = files::remove(session_.io(), std::move(path), false);
  const Result<files::TransferResult> removed = co_await std::move(removing);
  co_return removed ? done(id) : refused(id, removed.error());
}

}  // namespace jump::console
