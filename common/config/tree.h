// A YAML document as a tree with line numbers, and the list of faults found in it.
//
// Of YAML is taken what a person writes in a configuration: maps, lists, scalars. Refused, with the line:
// anchors and aliases (a few lines of them make gigabytes), tags, a key twice in a map, more than one
// document, more than 16 levels, text that is not UTF-8.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace jump::config {

inline constexpr std::size_t kFileBytes = 256 * 1024;  // more is refused
inline constexpr std::size_t kLevels = 16;
inline constexpr std::size_t kFaultsShown = 50;  // then their number

struct Member;

struct Node {
  enum class Kind { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  int line = 0;      // from 1; 0: nowhere
  std::string text;  // scalar
  bool quoted = false;
  std::vector<Node> items;      // list
  std::vector<Member> members;  // map, in the order of the file

  const Node* find(std::string_view key) const;
  int line_of(std::string_view key) const;  // of this node when the key is not there
};

struct Member {
  std::string key;
  int line = 0;
  Node value;
};

class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}

  void add(int line, const std::string& path, const std::string& text);
  bool has(const std::string& path) const { return paths_.contains(path); }
  bool empty() const { return lines_.empty(); }
  Error error() const;

 private:
  std::string file_;
  std::vector<std::pair<int, std::string>> lines_;
  std::set<std::string> paths_;
};

Result<std::string> read_text(const std::string& file);
Result<Node> parse_tree(std::string_view text, const std::string& file);
std::string print_tree(const Node& node);
std::string not_one_of(const Node& node, const std::vector<std::string_view>& names);

}  // namespace jump::config
