#include "common/files/record.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::files {

const char* name_of(RecordType type) {
  switch (type) {
    case RecordType::begin:
      return "begin";
    case RecordType::entry:
      return "entry";
    case RecordType::have:
      return "have";
    case RecordType::start:
      return "start";
    case RecordType::data:
      return "data";
    case RecordType::trailer:
      return "trailer";
    case RecordType::abandon:
      return "abandon";
    case RecordType::skip:
      return "skip";
    case RecordType::finish:
      return "finish";
    case RecordType::result:
      return "result";
  }
  return "?";
}

std::array<std::uint8_t, kHeaderBytes> encode_header(const RecordHeader& header) {
  std::array<std::uint8_t, kHeaderBytes> bytes{};
  bytes[0] = static_cast<std::uint8_t>(header.type);
  put_u32(bytes.data() + 1, header.length);
  return bytes;
}

Result<RecordHeader> decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes) {
  if (bytes[0] < 1 || bytes[0] > static_cast<std::uint8_t>(RecordType::result)) {
    return Error(Fault::malformed, "record type " + std::to_string(bytes[0]) + " is not known");
  }
  RecordHeader header;
  header.type = static_cast<RecordType>(bytes[0]);
  header.length = get_u32(bytes.data() + 1);
  const std::size_t most = header.type == RecordType::data ? kDataMost : kJsonMost;
  if (header.length > most) {
    return Error(Fault::too_large, std::string("record ") + name_of(header.type) + " of " +
                                       std::to_string(header.length) + " bytes, at most " +
                                       std::to_string(most));
  }
  return header;
}

Task<Result<bool>> RecordReader::fill() {
  if (begin_ < end_) co_return true;
  const Result<std::size_t> got = co_await stream_.read(buffer_);
  if (!got) co_return got.error();
  begin_ = 0;
  end_ = *got;
  co_return *got != 0;
}

Task<Result<RecordHeader>> RecordReader::next() {
  CHECK(left_ == 0 && "the payload before was not read");
  std::array<std::uint8_t, kHeaderBytes> bytes{};
  for (std::size_t have = 0; have < bytes.size(); ++have) {
    const Result<bool> more = co_await fill();
    if (!more) co_return more.error();
    if (!*more) {
      if (have == 0) co_return Error(Fault::closed, "the other end has ended the transfer");
      co_return Error(Fault::malformed, "the stream ended inside a record");
    }
    bytes[have] = buffer_[begin_++];
  }
  stream_.taken(bytes.size());
  Result<RecordHeader> header = decode_header(bytes);
  if (!header) co_return header.error();
  header_ = *header;
  left_ = header->length;
  co_return header_;
}

Task<Result<std::string>> RecordReader::json_text() {
  if (header_.type == RecordType::data) co_return Error(Fault::malformed, "record data is not meant here");
  std::string text;
  while (left_ > 0) {
    const Result<ByteView> bytes = co_await piece();
    if (!bytes) co_return bytes.error();
    text += as_text(*bytes);
    stream_.taken(bytes->size());
  }
  co_return text;
}

Task<Result<ByteView>> RecordReader::piece() {
  if (left_ == 0) co_return ByteView();
  const Result<bool> more = co_await fill();
  if (!more) co_return more.error();
  if (!*more) co_return Error(Fault::malformed, "the stream ended inside a record");
  const std::size_t size = std::min<std::size_t>(left_, end_ - begin_);
  const ByteView bytes(buffer_.data() + begin_, size);
  begin_ += size;
  left_ -= static_cast<std::uint32_t>(size);
  co_return bytes;
}

Task<Result<void>> RecordReader::end() {
  const Result<bool> more = co_await fill();
  if (!more) co_return more.error();
  if (*more) co_return Error(Fault::malformed, "something comes after the last record");
  co_return Result<void>();
}

Task<Result<void>> write_record(session::Stream& stream, RecordType type, ByteView payload) {
  RecordHeader header;
  header.type = type;
  header.length = static_cast<std::uint32_t>(payload.size());
  const std::array<std::uint8_t, kHeaderBytes> head = encode_header(header);
  // One write for header and payload where that is cheap, so that a small record is one frame.
  Bytes whole;
  whole.reserve(head.size() + payload.size());
  whole.insert(whole.end(), head.begin(), head.end());
  whole.insert(whole.end(), payload.begin(), payload.end());
  ByteView rest = whole;
  while (!rest.empty()) {
    const ByteView part = rest.first(std::min<std::size_t>(rest.size(), kDataMost));
    Result<void> written = co_await stream.write(part);
    if (!written) co_return written.error();
    rest = rest.subspan(part.size());
  }
  co_return Result<void>();
}

}  // namespace jump::files
