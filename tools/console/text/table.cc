#include "tools/console/text/table.h"

#include <algorithm>
#include <array>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace jump::console {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};
// The blocks that terminals draw over two cells (UAX 11, W and F), coarsely.
constexpr std::array<Range, 10> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};
// Marks that are drawn over the character before them.
constexpr std::array<Range, 6> kNone = {{{0x0300, 0x036F},
                                         {0x1AB0, 0x1AFF},
                                         {0x200B, 0x200F},
                                         {0x20D0, 0x20FF},
                                         {0xFE00, 0xFE0F},
                                         {0xFE20, 0xFE2F}}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

std::size_t width_of(char32_t c) {
  if (within(kNone, c)) return 0;
  return within(kWide, c) ? 2 : 1;
}

// The character at `at`, which moves behind it. What is no UTF-8 counts byte by byte.
char32_t next(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (at + size > text.size() || size == 1) {
    ++at;
    return lead;
  }
  char32_t c = lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  at += size;
  return c;
}

void pad(std::string& to, std::size_t have, std::size_t want) {
  if (want > have) to.append(want - have, ' ');
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t cells = 0;
  for (std::size_t at = 0; at < text.size();) cells += width_of(next(text, at));
  return cells;
}

std::string cut_to_width(std::string_view text, std::size_t cells) {
  if (display_width(text) <= cells) return std::string(text);
  if (cells == 0) return {};
  std::size_t used = 0;
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    used += width_of(next(text, at));
    if (used > cells - 1) break;
    end = at;
  }
  return std::string(text.substr(0, end)) + "…";
}

void Table::add(std::vector<std::string> cells) {
  CHECK(cells.size() == header_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  if (rows_.empty()) return {};
  std::vector<std::size_t> widths;
  for (const std::string& name : header_) widths.push_back(display_width(name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) pad(out, display_width(cells[i]), widths[i] + 2);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + '\n';
  };
  line(header_);
  for (const auto& row : rows_) line(row);
  return text;
}

void Details::add(std::string name, std::string value) {
  if (value.empty()) return;
  lines_.emplace_back(std::move(name), printable(value, 4096));
}

std::string Details::text() const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_) width = std::max(width, display_width(name));
  std::string text;
  for (const auto& [name, value] : lines_) {
    std::string line = name + ":";
    pad(line, display_width(line), width + 3);
    text += line + value + '\n';
  }
  return text;
}

}  // namespace jump::console
