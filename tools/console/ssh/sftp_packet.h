// Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): plain functions over bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace jump::console::sftp {

inline constexpr std::size_t kPacketMost = 256 * 1024;  // as OpenSSH's own server

enum class Type : std::uint8_t {
  init = 1,
  version = 2,
  open = 3,
  close = 4,
  read = 5,
  write = 6,
  lstat = 7,
  fstat = 8,
  setstat = 9,
  fsetstat = 10,
  opendir = 11,
  readdir = 12,
  remove = 13,
  mkdir = 14,
  rmdir = 15,
  realpath = 16,
  stat = 17,
  rename = 18,
  readlink = 19,
  symlink = 20,
  status = 101,
  handle = 102,
  data = 103,
  name = 104,
  attributes = 105,
};

enum class Status : std::uint32_t {
  ok = 0,
  eof = 1,
  no_such_file = 2,
  permission_denied = 3,
  failure = 4,
  bad_message = 5,
  unsupported = 8,
};

inline constexpr std::uint32_t kOpenRead = 0x01;
inline constexpr std::uint32_t kOpenWrite = 0x02;
inline constexpr std::uint32_t kOpenAppend = 0x04;

struct Attributes {
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> mode;  // with the type of the file
  std::optional<std::uint32_t> accessed;
  std::optional<std::uint32_t> modified;
};

// Cuts a byte stream into packets.
class Cutter {
 public:
  void feed(ByteView bytes) { waiting_.insert(waiting_.end(), bytes.begin(), bytes.end()); }
  // The next whole packet without its length; nothing when more bytes are needed. Fault::too_large.
  Result<std::optional<Bytes>> next();

 private:
  Bytes waiting_;
};

// Reads the fields of a packet in order. What is missing makes it bad, and everything then reads as zero.
class Reader {
 public:
  explicit Reader(ByteView packet) : rest_(packet) {}
  std::uint8_t byte();
  std::uint32_t u32();
  std::uint64_t u64();
  std::string_view text();
  Attributes attributes();
  bool bad() const { return bad_; }

 private:
  ByteView take(std::size_t size);
  ByteView rest_;
  bool bad_ = false;
};

// Builds a packet.
class Writer {
 public:
  explicit Writer(Type type) { byte(static_cast<std::uint8_t>(type)); }
  Writer& byte(std::uint8_t value);
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& text(std::string_view value);
  Writer& attributes(const Attributes& value);
  // With its length in front.
  Bytes packet() const;

 private:
  Bytes bytes_;
};

}  // namespace jump::console::sftp
