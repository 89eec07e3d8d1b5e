#include "jumpoint/browse/vendors.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <tuple>

#include "common/base/bytes.h"
#include "common/base/file_path.h"

namespace jump::browse {
namespace {

constexpr std::size_t kTableBytes = 32 * 1024 * 1024;
constexpr std::size_t kNameBytes = 64;
constexpr std::uint8_t kWidths[] = {36, 28, 24};  // the most exact first

// The next field of a line of RFC 4180; what it holds between quotes.
std::string_view next_field(std::string_view& line) {
  if (line.starts_with('"')) {
    const std::size_t end = std::min(line.find('"', 1), line.size());
    const std::string_view field = line.substr(1, end - 1);
    const std::size_t comma = std::min(line.find(',', end), line.size());
    line.remove_prefix(std::min(comma + 1, line.size()));
    return field;
  }
  const std::size_t comma = std::min(line.find(','), line.size());
  const std::string_view field = line.substr(0, comma);
  line.remove_prefix(std::min(comma + 1, line.size()));
  return field;
}

}  // namespace

Result<Vendors> Vendors::load(const std::string& folder) {
  Vendors vendors;
  for (const char* name : {"oui.csv", "mam.csv", "oui36.csv"}) {
    std::ifstream file(file_path(folder + "/" + name), std::ios::binary);
    if (!file) continue;
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.size() <= kTableBytes) vendors.add(text);
  }
  if (vendors.entries_.empty()) {
    return Error(Fault::not_found, "no vendor names: " + folder + " (package ieee-data) is not there");
  }
  vendors.finish();
  return vendors;
}

void Vendors::add(std::string_view table) {
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    next_field(line);
    const std::string_view digits = next_field(line);
    const std::string name = printable(next_field(line), kNameBytes);
    std::uint64_t prefix = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix, 16);
    const auto bits = static_cast<std::uint8_t>(digits.size() * 4);
    const bool known = std::ranges::find(kWidths, bits) != std::end(kWidths);
    if (failed != std::errc() || stop != digits.data() + digits.size() || !known || name.empty()) continue;
    entries_.push_back({prefix << (48 - bits), bits, static_cast<std::uint32_t>(names_.size()),
                        static_cast<std::uint16_t>(name.size())});
    names_ += name;
  }
}

void Vendors::finish() {
  std::ranges::sort(entries_, {}, [](const Entry& entry) { return std::tuple(entry.bits, entry.prefix); });
  entries_.shrink_to_fit();
  names_.shrink_to_fit();
}

std::string_view Vendors::find(std::uint64_t address, std::uint8_t bits) const {
  const std::uint64_t prefix = address & ~((1ULL << (48 - bits)) - 1);
  const std::tuple<std::uint8_t, std::uint64_t> key(bits, prefix);
  const auto at = std::ranges::lower_bound(entries_, key, {}, [](const Entry& entry) {
    return std::tuple<std::uint8_t, std::uint64_t>(entry.bits, entry.prefix);
  });
  if (at == entries_.end() || at->bits != bits || at->prefix != prefix) return {};
  return std::string_view(names_).substr(at->name, at->size);
}

std::string_view Vendors::name(const wake::Mac& mac) const {
  if ((mac[0] & 2) != 0) return {};
  std::uint64_t address = 0;
  for (const std::uint8_t byte : mac) address = address << 8 | byte;
  for (const std::uint8_t bits : kWidths) {
    if (const std::string_view name = find(address, bits); !name.empty()) return name;
  }
  return {};
}

}  // namespace jump::browse
