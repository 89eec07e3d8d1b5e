// Tables for a terminal: columns as wide as their widest cell, two blanks in between, the last one free.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jump::console {

// Cells of a terminal that a text takes: 2 for wide characters (CJK, emoji), 0 for combining marks. The text
// is UTF-8 without control characters (printable()).
std::size_t display_width(std::string_view text);
// The longest beginning of `text` that fits into `cells`, with "…" at its end when something was cut.
std::string cut_to_width(std::string_view text, std::size_t cells);

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  // As many cells as the header has (CHECK). Text of peers is made printable here.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The header only where there are rows. Every line ends with '\n'.
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// "name:      value" lines for the details of one thing; empty values are left out.
class Details {
 public:
  void add(std::string name, std::string value);
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace jump::console
