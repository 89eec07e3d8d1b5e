#include "common/wake/magic_packet.h"

#include <algorithm>
#include <charconv>

#include "common/base/check.h"

namespace jump::wake {
namespace {

constexpr std::size_t kSync = 6;  // bytes of 0xff
constexpr std::size_t kRepeats = 16;
constexpr std::size_t kPlain = kSync + kRepeats * 6;

bool is_length(std::size_t size) {
  return size == 4 || size == 6;
}

// Every group is a number of `base` from `least` to `most` digits, at most 255.
std::optional<Bytes> read_groups(std::string_view text, char separator, int base, std::size_t least,
                                 std::size_t most) {
  Bytes bytes;
  while (bytes.size() <= 6) {
    const std::size_t end = std::min(text.find(separator), text.size());
    unsigned value = 0;
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + end, value, base);
    const bool whole = failed == std::errc() && stop == text.data() + end;
    if (!whole || end < least || end > most || value > 255) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(value));
    if (end == text.size()) return bytes;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace

Result<Secret> parse_password(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  text = first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  std::optional<Bytes> bytes = read_groups(text, '.', 10, 1, 3);
  if (!bytes || !is_length(bytes->size())) bytes = read_groups(text, ':', 16, 2, 2);
  if (!bytes || !is_length(bytes->size())) bytes = read_groups(text, '-', 16, 2, 2);
  if (!bytes || !is_length(bytes->size())) {
    const std::optional<Mac> mac = parse_mac(text);
    if (mac) bytes = Bytes(mac->begin(), mac->end());
  }
  if (!bytes || !is_length(bytes->size())) {
    return Error(Fault::invalid,
                 "the SecureOn password must be 4 or 6 bytes, as 192.168.1.1 or 01:02:03:04:05:06");
  }
  Secret secret(std::move(*bytes));
  return secret;
}

Bytes magic_packet(const Mac& target, const Secret& password) {
  CHECK(password.empty() || is_length(password.size()));
  Bytes packet(kSync, 0xff);
  packet.reserve(kPlain + password.size());
  for (std::size_t i = 0; i < kRepeats; ++i) packet.insert(packet.end(), target.begin(), target.end());
  const ByteView tail = password.reveal();
  packet.insert(packet.end(), tail.begin(), tail.end());
  return packet;
}

Bytes magic_frame(const Mac& source, const Mac& target, const Secret& password) {
  Bytes frame(6, 0xff);
  frame.insert(frame.end(), source.begin(), source.end());
  frame.resize(frame.size() + 2);
  put_u16(frame.data() + frame.size() - 2, kWakeEtherType);
  const Bytes packet = magic_packet(target, password);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

std::optional<Magic> read_magic_packet(ByteView bytes) {
  const bool fits = bytes.size() == kPlain || (bytes.size() > kPlain && is_length(bytes.size() - kPlain));
  if (!fits) return std::nullopt;
  Magic magic;
  std::copy_n(bytes.begin() + kSync, magic.target.size(), magic.target.begin());
  magic.password = Secret(Bytes(bytes.begin() + kPlain, bytes.end()));
  const Bytes expected = magic_packet(magic.target, magic.password);
  if (!std::ranges::equal(bytes, expected)) return std::nullopt;
  return magic;
}

}  // namespace jump::wake
