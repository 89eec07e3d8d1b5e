#include "common/config/tree.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "common/base/bytes.h"
#include "common/base/file_path.h"
#include "common/config/config.h"

namespace jump::config {
namespace {

// Thrown through yaml-cpp, caught in parse_tree(): the only way to stop its parser.
struct Refused {
  int line;
  std::string text;
};

// Events of the parser to nodes. The parser tells anchors before their node, and aliases in place of one.
class Builder final : public YAML::EventHandler {
 public:
  Node root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, "", anchor, Node::Kind::nothing);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "aliases (*name) are not taken"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool quoted = tag == "!";
    // "~", "null" and nothing at all arrive here too, unquoted.
    const bool nothing = !quoted && (value.empty() || value == "~" || value == "null");
    Node& node = add(mark, quoted ? "" : tag, anchor, nothing ? Node::Kind::nothing : Node::Kind::scalar);
    node.text = value;
    node.quoted = quoted;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(add(mark, tag, anchor, Node::Kind::list), mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(add(mark, tag, anchor, Node::Kind::map), mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node* node;
    bool key_next;
  };

  Node& add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    const int line = mark.line + 1;
    if (anchor != 0) throw Refused{line, "anchors (&name) are not taken"};
    if (!tag.empty() && tag != "?") throw Refused{line, "tags (" + printable(tag, 64) + ") are not taken"};
    if (levels_.empty()) {
      root.kind = kind;
      root.line = line;
      return root;
    }
    Level& level = levels_.back();
    if (level.node->kind == Node::Kind::list) {
      Node& item = level.node->items.emplace_back();
      item.kind = kind;
      item.line = line;
      return item;
    }
    if (level.key_next) {
      if (kind != Node::Kind::scalar && kind != Node::Kind::nothing)
        throw Refused{line, "a key must be plain text"};
      level.key_next = false;
      key_ = Node{};
      key_.kind = kind;
      key_.line = line;
      return key_;
    }
    level.key_next = true;
    if (level.node->find(key_.text) != nullptr) {
      throw Refused{key_.line, "the key '" + printable(key_.text, 64) + "' stands there twice"};
    }
    Member& member = level.node->members.emplace_back();
    member.key = std::move(key_.text);
    member.line = key_.line;
    member.value.kind = kind;
    member.value.line = line;
    return member.value;
  }

  // Pointers stay good: a node's siblings are only added after it was closed.
  void open(Node& node, const YAML::Mark& mark) {
    if (levels_.size() >= kLevels)
      throw Refused{mark.line + 1, "more than " + std::to_string(kLevels) + " levels"};
    levels_.push_back({&node, true});
  }
  void close() { levels_.pop_back(); }

  std::vector<Level> levels_;
  Node key_;
};

Error at_line(const std::string& file, int line, const std::string& text) {
  return {Fault::invalid, file + ":" + std::to_string(line) + ": " + text};
}

void emit(YAML::Emitter& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::nothing:
      out << YAML::Null;
      break;
    case Node::Kind::scalar:
      if (node.quoted) out << YAML::DoubleQuoted;
      out << node.text;
      break;
    case Node::Kind::list:
      if (node.items.empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const Node& item : node.items) emit(out, item);
      out << YAML::EndSeq;
      break;
    case Node::Kind::map:
      if (node.members.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const Member& member : node.members) {
        out << YAML::Key << member.key << YAML::Value;
        emit(out, member.value);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

int Node::line_of(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return member.line;
  }
  return line;
}

void Faults::add(int line, const std::string& path, const std::string& text) {
  paths_.insert(path);
  lines_.emplace_back(line, (path.empty() ? "" : printable(path, 128) + ": ") + text);
}

Error Faults::error() const {
  std::vector<std::pair<int, std::string>> sorted = lines_;
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (std::size_t i = 0; i < sorted.size() && i < kFaultsShown; ++i) {
    if (i > 0) text += '\n';
    text +=
        file_ + (sorted[i].first > 0 ? ":" + std::to_string(sorted[i].first) : "") + ": " + sorted[i].second;
  }
  if (sorted.size() > kFaultsShown)
    text += "\n" + std::to_string(sorted.size() - kFaultsShown) + " more faults";
  return {Fault::invalid, text};
}

void Checks::fault(std::string_view key, std::string text) {
  const std::string path = detail::below(path_, key);
  if (!faults_.has(path)) faults_.add(node_.line_of(key), path, text);
}

Result<std::string> read_text(const std::string& file) {
  std::ifstream in(file_path(file), std::ios::binary);
  if (!in) return system_error("configuration " + file);
  std::string text(kFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && in.gcount() == 0 && !in.eof())) return system_error("configuration " + file);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Result<Node> parse_tree(std::string_view text, const std::string& file) {
  if (text.size() > kFileBytes) {
    return Error(Fault::too_large, file + ": larger than " + std::to_string(kFileBytes) + " bytes");
  }
  if (!is_utf8(text)) return Error(Fault::invalid, file + ": not UTF-8 text");
  std::istringstream in{std::string(text)};
  Builder builder;
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return Node{};
    Builder second;
    if (parser.HandleNextDocument(second)) {
      return at_line(file, second.root.line, "a second document; one is taken");
    }
  } catch (const Refused& refused) {
    return at_line(file, refused.line, refused.text);
  } catch (const YAML::Exception& failure) {
    return at_line(file, failure.mark.line + 1, printable(failure.msg, 200));
  }
  return std::move(builder.root);
}

std::string print_tree(const Node& node) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::TildeNull);
  emit(out, node);
  return std::string(out.c_str(), out.size()) + "\n";
}

std::string not_one_of(const Node& node, const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  if (node.kind != Node::Kind::scalar) return "expected one of: " + list;
  return "'" + printable(node.text, 64) + "' is none of: " + list;
}

}  // namespace jump::config
