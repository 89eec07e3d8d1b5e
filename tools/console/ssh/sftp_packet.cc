#include "tools/console/ssh/sftp_packet.h"

namespace jump::console::sftp {
namespace {

constexpr std::uint32_t kHasSize = 0x01;
constexpr std::uint32_t kHasOwner = 0x02;
constexpr std::uint32_t kHasMode = 0x04;
constexpr std::uint32_t kHasTimes = 0x08;
constexpr std::uint32_t kHasExtended = 0x80000000;

}  // namespace

Result<std::optional<Bytes>> Cutter::next() {
  if (waiting_.size() < 4) return std::optional<Bytes>();
  const std::size_t size = get_u32(waiting_.data());
  if (size == 0 || size > kPacketMost) {
    return Error(Fault::too_large, "an SFTP packet of " + std::to_string(size) + " bytes; " +
                                       std::to_string(kPacketMost) + " are the most");
  }
  if (waiting_.size() < 4 + size) return std::optional<Bytes>();
  const auto begin = waiting_.begin() + 4;
  Bytes packet(begin, begin + static_cast<std::ptrdiff_t>(size));
  waiting_.erase(waiting_.begin(), begin + static_cast<std::ptrdiff_t>(size));
  return std::optional<Bytes>(std::move(packet));
}

ByteView Reader::take(std::size_t size) {
  if (bad_ || rest_.size() < size) {
    bad_ = true;
    return {};
  }
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint8_t Reader::byte() {
  const ByteView bytes = take(1);
  return bytes.empty() ? std::uint8_t{0} : bytes.front();
}

std::uint32_t Reader::u32() {
  const ByteView bytes = take(4);
  return bytes.empty() ? 0 : get_u32(bytes.data());
}

std::uint64_t Reader::u64() {
  const ByteView bytes = take(8);
  return bytes.empty() ? 0 : get_u64(bytes.data());
}

std::string_view Reader::text() {
  const std::uint32_t size = u32();
  return as_text(take(size));
}

Attributes Reader::attributes() {
  Attributes read;
  const std::uint32_t flags = u32();
  if ((flags & kHasSize) != 0) read.size = u64();
  if ((flags & kHasOwner) != 0) take(8);
  if ((flags & kHasMode) != 0) read.mode = u32();
  if ((flags & kHasTimes) != 0) {
    read.accessed = u32();
    read.modified = u32();
  }
  if ((flags & kHasExtended) != 0) {
    for (std::uint32_t left = u32(); left > 0 && !bad_; --left) {
      static_cast<void>(text());
      static_cast<void>(text());
    }
  }
  return read;
}

Writer& Writer::byte(std::uint8_t value) {
  bytes_.push_back(value);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  bytes_.resize(bytes_.size() + 4);
  put_u32(bytes_.data() + bytes_.size() - 4, value);
  return *this;
}

Writer& Writer::u64(std::uint64_t value) {
  bytes_.resize(bytes_.size() + 8);
  put_u64(bytes_.data() + bytes_.size() - 8, value);
  return *this;
}

Writer& Writer::text(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  return *this;
}

Writer& Writer::attributes(const Attributes& value) {
  const bool times = value.accessed && value.modified;
  u32((value.size ? kHasSize : 0) | (value.mode ? kHasMode : 0) | (times ? kHasTimes : 0));
  if (value.size) u64(*value.size);
  if (value.mode) u32(*value.mode);
  if (times) u32(*value.accessed).u32(*value.modified);
  return *this;
}

Bytes Writer::packet() const {
  Bytes packet(4);
  put_u32(packet.data(), static_cast<std::uint32_t>(bytes_.size()));
  packet.insert(packet.end(), bytes_.begin(), bytes_.end());
  return packet;
}

}  // namespace jump::console::sftp
