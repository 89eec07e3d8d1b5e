#include "jumpoint/browse/dns_message.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace jump::browse {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kNameBytes = 255;
constexpr std::size_t kRecordsMost = 64;
constexpr std::size_t kAskedMost = 64;
constexpr std::uint16_t kInternet = 1;

void append_u16(Bytes& to, std::uint16_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

void append_name(Bytes& to, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    CHECK(!label.empty() && label.size() < 64);
    to.push_back(static_cast<std::uint8_t>(label.size()));
    to.insert(to.end(), label.begin(), label.end());
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  to.push_back(0);
}

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  std::size_t at() const { return at_; }
  void go_to(std::size_t at) { at_ = at; }
  std::uint16_t u16() {
    const ByteView two = take(2);
    return two.empty() ? 0 : get_u16(two.data());
  }
  ByteView take(std::size_t count) {
    if (failed_ || bytes_.size() - at_ < count) {
      failed_ = true;
      return {};
    }
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  // RFC 1035 section 4.1.4. A pointer leads backwards only, so that every name ends.
  std::string name() {
    std::string text;
    std::size_t at = at_, lowest = at_;
    bool jumped = false;
    while (true) {
      if (at >= bytes_.size()) return fail();
      const std::uint8_t length = bytes_[at];
      if (length >= 0xc0) {
        if (at + 2 > bytes_.size()) return fail();
        if (!jumped) at_ = at + 2;
        jumped = true;
        at = get_u16(bytes_.data() + at) & 0x3fffu;
        if (at >= lowest) return fail();
        lowest = at;
        continue;
      }
      if (length >= 0x40 || at + 1 + length > bytes_.size()) return fail();
      if (length == 0) break;
      if (!text.empty()) text += '.';
      text += as_text(bytes_.subspan(at + 1, length));
      if (text.size() > kNameBytes) return fail();
      at += 1u + length;
    }
    if (!jumped) at_ = at + 1;
    return text;
  }

 private:
  std::string fail() {
    failed_ = true;
    return {};
  }

  ByteView bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

void read_record(Reader& from, DnsAnswer& to) {
  DnsRecord record;
  record.name = lower(from.name());
  record.type = from.u16();
  const std::uint16_t kind = from.u16() & 0x7fffu;  // the top bit is multicast DNS's cache flush
  from.take(4);
  const std::uint16_t size = from.u16();
  const std::size_t start = from.at();
  const ByteView data = from.take(size);
  if (from.failed() || kind != kInternet) return;
  if (record.type == kTypePtr) {
    from.go_to(start);
    record.pointer = from.name();
    from.go_to(start + size);
  } else if (record.type == kTypeA && size == 4) {
    record.address = access::Address::v4(get_u32(data.data()));
  } else if (record.type == kTypeAaaa && size == 16) {
    std::array<std::uint8_t, 16> bytes;
    std::ranges::copy(data, bytes.begin());
    record.address = access::Address::v6(bytes);
  } else {
    return;
  }
  if (to.records.size() < kRecordsMost) to.records.push_back(std::move(record));
}

}  // namespace

std::string reverse_name(const access::Address& address) {
  std::string name;
  if (address.family == access::Family::v4) {
    for (int shift = 32; shift < 64; shift += 8) name += std::to_string(address.high >> shift & 0xff) + ".";
    return name + "in-addr.arpa";
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint64_t half : {address.low, address.high}) {
    for (int shift = 0; shift < 64; shift += 4) {
      name += kDigits[half >> shift & 0xf];
      name += '.';
    }
  }
  return name + "ip6.arpa";
}

Bytes pointer_query(std::uint16_t id, bool recursion, const std::vector<std::string>& names) {
  CHECK(!names.empty() && names.size() <= kQuestionsMost);
  Bytes query;
  append_u16(query, id);
  append_u16(query, recursion ? 0x0100 : 0);
  append_u16(query, static_cast<std::uint16_t>(names.size()));
  query.resize(kHeader);
  for (const std::string& name : names) {
    append_name(query, name);
    append_u16(query, kTypePtr);
    append_u16(query, kInternet);
  }
  return query;
}

std::optional<DnsAnswer> read_answer(ByteView bytes) {
  Reader from(bytes);
  DnsAnswer answer;
  answer.id = from.u16();
  const std::uint16_t flags = from.u16();
  answer.code = flags & 0xf;
  const std::size_t questions = from.u16();
  std::size_t records = from.u16();
  records += from.u16();
  records += from.u16();
  if (from.failed() || (flags & 0x8000) == 0 || questions > kAskedMost) return std::nullopt;
  for (std::size_t i = 0; i < questions; ++i) {
    from.name();
    from.take(4);
  }
  for (std::size_t i = 0; i < records && !from.failed(); ++i) read_record(from, answer);
  if (from.failed()) return std::nullopt;
  return answer;
}

}  // namespace jump::browse
