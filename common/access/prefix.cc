#include "common/access/prefix.h"

#include <bit>
#include <charconv>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace jump::access {
namespace {

std::uint64_t mask_of(int bits) {
  return bits <= 0 ? 0 : bits >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> bits);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Error fault(std::string_view value, std::string_view why) {
  return {Fault::invalid, "'" + printable(value, 80) + "': " + std::string(why)};
}

// The number of bits that "/mask" stands for in the family as it was written (`width` 32 or 128).
Result<int> read_mask(std::string_view line, std::string_view mask, int width) {
  if (mask.find('.') != std::string_view::npos) {
    if (width != 32) return fault(line, "a dotted mask is for IPv4 only");
    const std::optional<Address> dotted = parse_address(mask);
    if (!dotted || dotted->family != Family::v4)
      return fault(line, "the mask is not of the form 255.255.0.0");
    const auto number = static_cast<std::uint32_t>(dotted->high >> 32);
    const int ones = std::countl_one(number);
    if (std::popcount(number) != ones) return fault(line, "the mask's ones are not all at its start");
    return ones;
  }
  int bits = 0;
  const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits);
  const bool digits = !mask.empty() && mask.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || error != std::errc() || end != mask.data() + mask.size() || bits > width ||
      (mask.size() > 1 && mask.front() == '0')) {
    return fault(line, "after / a number from 0 to " + std::to_string(width) + " was expected");
  }
  return bits;
}

struct Line {
  Prefix prefix;
  bool masked = false;  // host bits were set
};

Result<Line> read_line(std::string_view line) {
  const std::size_t slash = line.find('/');
  const std::string_view text = trimmed(line.substr(0, slash));
  const std::optional<Address> address = parse_address(text);
  if (!address) return fault(line, "not an IPv4 or IPv6 address");
  const bool written_as_v6 = text.find(':') != std::string_view::npos;
  int bits = address->width();
  if (slash != std::string_view::npos) {
    const Result<int> read = read_mask(line, trimmed(line.substr(slash + 1)), written_as_v6 ? 128 : 32);
    if (!read) return read.error();
    bits = *read;
    if (written_as_v6 && address->family == Family::v4) {
      if (bits < 96) return fault(line, "a mapped IPv4 address needs at least /96");
      bits -= 96;
    }
  }
  Line result;
  result.prefix.base = {address->family, address->high & mask_of(bits), address->low & mask_of(bits - 64)};
  result.prefix.bits = static_cast<std::uint8_t>(bits);
  result.masked = result.prefix.base != *address;
  return result;
}

}  // namespace

bool Prefix::contains(const Address& address) const {
  return address.family == base.family && (address.high & mask_of(bits)) == base.high &&
         (address.low & mask_of(bits - 64)) == base.low;
}

std::string to_text(const Prefix& prefix) {
  const std::string address = to_text(prefix.base);
  return prefix.bits == prefix.base.width() ? address : address + "/" + std::to_string(prefix.bits);
}

std::string to_text(const LineNote& note) {
  return "line " + std::to_string(note.line) + ": " + note.text;
}

Reading read_prefixes(std::span<const std::string> lines) {
  Reading reading;
  std::size_t further_faults = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t number = i + 1;
    const std::string_view whole(lines[i]);
    const std::string_view line = trimmed(whole.substr(0, whole.find('#')));
    if (line.empty() && whole.size() <= kLineBytes) continue;
    if (reading.rules.size() == kPrefixesMost) {
      reading.faults.push_back({number, "more than " + std::to_string(kPrefixesMost) + " prefixes"});
      break;
    }
    const Result<Line> read =
        whole.size() > kLineBytes
            ? Result<Line>(fault(line, "the line is longer than " + std::to_string(kLineBytes) + " bytes"))
            : read_line(line);
    if (!read) {
      if (reading.faults.size() < kFaultsMost) {
        reading.faults.push_back({number, read.error().context});
      } else {
        ++further_faults;
      }
      continue;
    }
    if (read->masked && reading.warnings.size() < kFaultsMost) {
      reading.warnings.push_back(
          {number, "'" + printable(line, 80) + "' has host bits; it stands for " + to_text(read->prefix)});
    }
    reading.rules.push_back({read->prefix, static_cast<std::uint32_t>(number)});
  }
  if (further_faults > 0) {
    reading.faults.push_back({lines.size(), std::to_string(further_faults) + " further lines are faulty"});
  }
  return reading;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace jump::access
