// Records on a stream (FORMAT.md, "Records"): the codec without any stream, then reading and writing on one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/task_group.h"
#include "common/session/stream_io.h"

namespace jump::files {

enum class RecordType : std::uint8_t {
  begin = 1,
  entry = 2,
  have = 3,
  start = 4,
  data = 5,
  trailer = 6,
  abandon = 7,
  skip = 8,
  finish = 9,
  result = 10,
};

inline constexpr std::size_t kHeaderBytes = 5;
inline constexpr std::size_t kJsonMost = 1024 * 1024;
inline constexpr std::size_t kDataMost = 256 * 1024;
inline constexpr std::size_t kPieceBytes = 64 * 1024;  // what this sender puts into one data record

struct RecordHeader {
  RecordType type = RecordType::data;
  std::uint32_t length = 0;
};
std::array<std::uint8_t, kHeaderBytes> encode_header(const RecordHeader& header);
// Fault::malformed for an unknown type, too_large for a length above the type's limit.
Result<RecordHeader> decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes);
const char* name_of(RecordType type);

// Reads records. A JSON record is acknowledged when it was read, data when the caller says so.
class RecordReader {
 public:
  explicit RecordReader(session::Stream& stream) : stream_(stream), buffer_(kPieceBytes) {}

  // The next record's header; its payload must have been read. Fault::closed when the peer ended its
  // direction in between.
  Task<Result<RecordHeader>> next();
  // The whole payload of a JSON record.
  Task<Result<std::string>> json_text();
  // The next bytes of a data record; empty when it is over. Valid until the next call.
  Task<Result<ByteView>> piece();
  // The bytes of the last piece() are where they belong.
  void taken(std::size_t bytes) { stream_.taken(bytes); }
  // Waits for the peer's end; a record instead is malformed.
  Task<Result<void>> end();

  template <typename T>
  Task<Result<T>> body() {
    const Result<std::string> text = co_await json_text();
    if (!text) co_return text.error();
    Result<T> value = from_json_text<T>(*text, kJsonMost);
    if (!value) co_return wrap(value.error(), name_of(header_.type));
    co_return value;
  }

  // The body of the one record that may come here.
  template <typename T>
  Task<Result<T>> expect(RecordType type) {
    const Result<RecordHeader> header = co_await next();
    if (!header) co_return header.error();
    if (header->type != type) {
      co_return Error(Fault::malformed, std::string("record ") + name_of(header->type) + " where " +
                                            name_of(type) + " is meant");
    }
    co_return co_await body<T>();
  }

 private:
  // At least one byte in the buffer; false at the peer's end.
  Task<Result<bool>> fill();

  session::Stream& stream_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  RecordHeader header_;
  std::uint32_t left_ = 0;  // of the present payload
};

Task<Result<void>> write_record(session::Stream& stream, RecordType type, ByteView payload);

template <typename T>
Task<Result<void>> write_json(session::Stream& stream, RecordType type, T body) {
  const std::string text = to_json_text(body);
  co_return co_await write_record(stream, type, as_bytes(text));
}

}  // namespace jump::files
