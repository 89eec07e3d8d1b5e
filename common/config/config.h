// YAML files to described structs, and back. A file's way: text → tree with line numbers (tree.h; yaml-cpp is
// known to tree.cc only) → struct, every fault collected → the error lists them all, one a line:
//     /etc/jump/agent.yaml:7: tunnel.wait: '10 min' is no duration; write 90s, 10m, 12h or 30d
//     /etc/jump/agent.yaml:9: tunel: unknown key; did you mean 'tunnel'?
//
// A key that is missing keeps the member's initial value. Members: bool, integers (range-checked), double,
// std::string, Secret, described enums (by name), described structs, std::chrono durations ("10m", "1h30m",
// "250ms"), Size ("256KiB"), optional (empty value = none), vector, map<string, T>.
//
// What a type alone does not say is said by a function beside the struct, found by ADL, called for each
// struct that was read:
//     void validate(const Tunnel& tunnel, config::Checks& checks) {
//       checks.range("port", tunnel.port, 1, 65535);
//       if (…) checks.fault("addresses", "name at least one");
//     }
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/secret.h"
#include "common/config/scalars.h"
#include "common/config/tree.h"

namespace jump::config {

// What validate() complains with: `key` is a member of the struct being checked; the line is that of the key,
// or of the struct where the key is not in the file. A key that is already known to be wrong is not
// complained about twice.
class Checks {
 public:
  Checks(const Node& node, std::string path, Faults& faults)
      : node_(node), path_(std::move(path)), faults_(faults) {}

  void fault(std::string_view key, std::string text);
  // Both ends are allowed. For numbers, durations and Size.
  template <typename T, typename U>
  void range(std::string_view key, const T& value, const U& least, const U& most) {
    const T low(least), high(most);
    if (value < low || high < value) fault(key, out_of_range(to_text(value), to_text(low), to_text(high)));
  }
  // Counted in bytes or items.
  template <typename T>
  void length(std::string_view key, const T& value, std::size_t least, std::size_t most) {
    if (value.size() < least || value.size() > most) fault(key, wrong_length(value.size(), least, most));
  }
  // The key stands in the file.
  bool given(std::string_view key) const { return node_.find(key) != nullptr; }

 private:
  const Node& node_;
  std::string path_;
  Faults& faults_;
};

namespace detail {

template <typename T>
struct IsDuration : std::false_type {};
template <typename R, typename P>
struct IsDuration<std::chrono::duration<R, P>> : std::true_type {};

template <typename T>
concept Validated = requires(const T& value, Checks& checks) { validate(value, checks); };

template <typename T>
void read(const Node& from, T& to, const std::string& path, Faults& faults);

inline std::string below(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

template <typename T>
void read_struct(const Node& from, T& to, const std::string& path, Faults& faults) {
  using namespace json_detail;
  if (from.kind != Node::Kind::nothing && from.kind != Node::Kind::map) {
    faults.add(from.line, path, "expected keys and values");
    return;
  }
  std::vector<std::string_view> known;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    known.push_back(member.name);
    if (const Node* value = from.find(member.name))
      read(*value, to.*member.pointer, below(path, member.name), faults);
  });
  for (const Member& member : from.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      faults.add(member.line, below(path, member.key), "unknown key" + did_you_mean(member.key, known));
    }
  }
  if constexpr (Validated<T>) {
    Checks checks(from, path, faults);
    validate(to, checks);
  }
}

template <typename T>
void read_enum(const Node& from, T& to, const std::string& path, Faults& faults) {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
      [&](auto item) { names.push_back(item.name); });
  if (from.kind != Node::Kind::scalar || !boost::describe::enum_from_string(from.text.c_str(), to)) {
    faults.add(from.line, path, not_one_of(from, names));
  }
}

template <typename T>
void read(const Node& from, T& to, const std::string& path, Faults& faults) {
  using namespace json_detail;
  if constexpr (IsOptional<T>::value) {
    if (from.kind == Node::Kind::nothing) {
      to.reset();
    } else {
      read(from, to.emplace(), path, faults);
    }
  } else if constexpr (IsVector<T>::value) {
    if (from.kind != Node::Kind::list && from.kind != Node::Kind::nothing) {
      faults.add(from.line, path, "expected a list");
      return;
    }
    to.clear();
    for (const Node& item : from.items) {
      // In two statements: which of two arguments is made first is the compiler's choice.
      const std::string inner = path + "[" + std::to_string(to.size()) + "]";
      read(item, to.emplace_back(), inner, faults);
    }
  } else if constexpr (IsMap<T>::value) {
    if (from.kind != Node::Kind::map && from.kind != Node::Kind::nothing) {
      faults.add(from.line, path, "expected keys and values");
      return;
    }
    to.clear();
    for (const Member& member : from.members)
      read(member.value, to[member.key], below(path, member.key), faults);
  } else if constexpr (DescribedEnum<T>) {
    read_enum(from, to, path, faults);
  } else if constexpr (Described<T> && !std::same_as<T, Size>) {
    read_struct(from, to, path, faults);
  } else {
    Result<void> result;
    if (from.kind != Node::Kind::scalar) {
      result = Error(Fault::invalid, std::string("expected ") + kind_of<T>());
    } else if constexpr (IsDuration<T>::value) {
      result = parse_duration(from.text, to);
    } else {
      result = parse_scalar(from.text, from.quoted, to);
    }
    if (!result) faults.add(from.line, path, result.error().context);
  }
}

template <typename T>
Node write(const T& from) {
  using namespace json_detail;
  Node node;
  if constexpr (IsOptional<T>::value) {
    if (from) node = write(*from);
  } else if constexpr (IsVector<T>::value) {
    node.kind = Node::Kind::list;
    for (const auto& item : from) node.items.push_back(write(item));
  } else if constexpr (IsMap<T>::value) {
    node.kind = Node::Kind::map;
    for (const auto& [key, item] : from) node.members.push_back({key, 0, write(item)});
  } else if constexpr (DescribedEnum<T>) {
    node.kind = Node::Kind::scalar;
    node.text = boost::describe::enum_to_string(from, "?");
  } else if constexpr (Described<T> && !std::same_as<T, Size>) {
    node.kind = Node::Kind::map;
    boost::mp11::mp_for_each<Members<T>>(
        [&](auto member) { node.members.push_back({member.name, 0, write(from.*member.pointer)}); });
  } else {
    node.kind = Node::Kind::scalar;
    node.text = to_text(from);
    node.quoted = std::same_as<T, std::string>;
  }
  return node;
}

}  // namespace detail

// `file` is for the words of the faults. An error (Fault::invalid) holds all of them, one a line.
template <typename T>
Result<T> parse_config(std::string_view text, const std::string& file) {
  Result<Node> tree = parse_tree(text, file);
  if (!tree) return tree.error();
  T to{};
  Faults faults(file);
  detail::read(*tree, to, "", faults);
  if (!faults.empty()) return faults.error();
  return to;
}

// At most kFileBytes.
template <typename T>
Result<T> read_config(const std::string& file) {
  Result<std::string> text = read_text(file);
  if (!text) return text.error();
  return parse_config<T>(*text, file);
}

// YAML with every member, as it counts now; read back it gives the same struct. Secrets come out as [secret].
template <typename T>
std::string print_config(const T& value) {
  return print_tree(detail::write(value));
}

}  // namespace jump::config
