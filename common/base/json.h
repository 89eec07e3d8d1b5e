// Described structs to JSON and back. What crosses a wire or stands in a file is a plain struct with
// BOOST_DESCRIBE_STRUCT; this reader and writer are the only codec for it.
//
// Reading: unknown members are ignored (a newer peer), missing optionals, vectors and maps stay
// empty, anything else missing or of another type is refused with its path:
//     wake.mac: expected a string
// Members: bool, integers (range-checked), double, std::string, described enums (by name), described
// structs, Bytes (base64url), Secret (base64url), std::array<uint8_t, N> (hex), optional, vector, map<string,
// T>.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"

namespace jump {

namespace json = boost::json;

// JSON text of a peer: at most `limit` bytes, 16 levels deep, UTF-8.
Result<json::value> parse_json_value(std::string_view text, std::size_t limit);

namespace json_detail {

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct IsByteArray : std::false_type {};
template <std::size_t N>
struct IsByteArray<std::array<std::uint8_t, N>> : std::true_type {};

template <typename T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_enum_v<T>;
template <typename T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <typename T>
using Members =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

inline Error expected(const std::string& path, std::string_view what) {
  return {Fault::malformed,
          (path.empty() ? std::string("document") : path) + ": expected " + std::string(what)};
}

template <typename T>
Result<void> read(const json::value& from, T& to, const std::string& path);

template <typename T>
Result<void> read_integer(const json::value& from, T& to, const std::string& path) {
  if (from.is_int64()) {
    const std::int64_t n = from.get_int64();
    if (std::in_range<T>(n)) {
      to = static_cast<T>(n);
      return {};
    }
  } else if (from.is_uint64()) {
    const std::uint64_t n = from.get_uint64();
    if (std::in_range<T>(n)) {
      to = static_cast<T>(n);
      return {};
    }
  } else {
    return expected(path, "a whole number");
  }
  return Error(Fault::malformed, path + ": " + json::serialize(from) + " is out of range, " +
                                     std::to_string(std::numeric_limits<T>::min()) + " to " +
                                     std::to_string(std::numeric_limits<T>::max()));
}

template <typename T>
Result<void> read_struct(const json::value& from, T& to, const std::string& path) {
  if (!from.is_object()) return expected(path, "an object");
  const json::object& object = from.get_object();
  Result<void> result;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if (!result) return;
    using M = std::remove_reference_t<decltype(to.*member.pointer)>;
    const std::string inner = path.empty() ? member.name : path + "." + member.name;
    const json::value* value = object.if_contains(member.name);
    if (value == nullptr) {
      if constexpr (!IsOptional<M>::value && !IsVector<M>::value && !IsMap<M>::value) {
        result = Error(Fault::malformed, inner + ": missing");
      }
      return;
    }
    result = read(*value, to.*member.pointer, inner);
  });
  return result;
}

template <typename T>
Result<void> read(const json::value& from, T& to, const std::string& path) {
  if constexpr (std::same_as<T, json::value>) {
    to = from;
  } else if constexpr (std::same_as<T, bool>) {
    if (!from.is_bool()) return expected(path, "true or false");
    to = from.get_bool();
  } else if constexpr (std::integral<T>) {
    return read_integer(from, to, path);
  } else if constexpr (std::same_as<T, double>) {
    if (!from.is_number()) return expected(path, "a number");
    to = from.to_number<double>();
  } else if constexpr (std::same_as<T, std::string>) {
    if (!from.is_string()) return expected(path, "a string");
    to = std::string(std::string_view(from.get_string()));
  } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, Secret>) {
    if (!from.is_string()) return expected(path, "base64url text");
    Result<Bytes> bytes = from_base64url(std::string_view(from.get_string()));
    if (!bytes) return wrap(bytes.error(), path);
    to = T(std::move(*bytes));
  } else if constexpr (IsByteArray<T>::value) {
    if (!from.is_string()) return expected(path, "hex text");
    const Result<Bytes> bytes = from_hex(std::string_view(from.get_string()));
    if (!bytes) return wrap(bytes.error(), path);
    if (bytes->size() != to.size()) return expected(path, std::to_string(to.size()) + " bytes of hex");
    std::copy(bytes->begin(), bytes->end(), to.begin());
  } else if constexpr (IsOptional<T>::value) {
    if (from.is_null()) {
      to.reset();
    } else {
      to.emplace();
      return read(from, *to, path);
    }
  } else if constexpr (IsVector<T>::value) {
    if (!from.is_array()) return expected(path, "a list");
    to.clear();
    std::size_t index = 0;
    for (const json::value& item : from.get_array()) {
      to.emplace_back();
      Result<void> result = read(item, to.back(), path + "[" + std::to_string(index++) + "]");
      if (!result) return result;
    }
  } else if constexpr (IsMap<T>::value) {
    if (!from.is_object()) return expected(path, "an object");
    to.clear();
    for (const auto& [key, item] : from.get_object()) {
      Result<void> result =
          read(item, to[std::string(std::string_view(key))], path + "." + std::string(std::string_view(key)));
      if (!result) return result;
    }
  } else if constexpr (DescribedEnum<T>) {
    if (!from.is_string()) return expected(path, "a name");
    if (!boost::describe::enum_from_string(std::string(std::string_view(from.get_string())).c_str(), to)) {
      return Error(Fault::malformed,
                   path + ": unknown value '" + printable(std::string_view(from.get_string()), 64) + "'");
    }
  } else {
    static_assert(Described<T>, "this type has no JSON form");
    return read_struct(from, to, path);
  }
  return {};
}

template <typename T>
json::value write(const T& from) {
  if constexpr (std::same_as<T, json::value>) {
    return from;
  } else if constexpr (std::same_as<T, bool> || std::integral<T> || std::same_as<T, double>) {
    return json::value(from);
  } else if constexpr (std::same_as<T, std::string>) {
    return json::value(json::string(from));
  } else if constexpr (std::same_as<T, Bytes>) {
    return json::value(json::string(to_base64url(from)));
  } else if constexpr (std::same_as<T, Secret>) {
    return json::value(json::string(to_base64url(from.reveal())));
  } else if constexpr (IsByteArray<T>::value) {
    return json::value(json::string(to_hex(from)));
  } else if constexpr (IsOptional<T>::value) {
    return from ? write(*from) : json::value(nullptr);
  } else if constexpr (IsVector<T>::value) {
    json::array array;
    for (const auto& item : from) array.push_back(write(item));
    return array;
  } else if constexpr (IsMap<T>::value) {
    json::object object;
    for (const auto& [key, item] : from) object[key] = write(item);
    return object;
  } else if constexpr (DescribedEnum<T>) {
    return json::value(json::string(boost::describe::enum_to_string(from, "?")));
  } else {
    static_assert(Described<T>, "this type has no JSON form");
    json::object object;
    boost::mp11::mp_for_each<Members<T>>([&](auto member) {
      const auto& value = from.*member.pointer;
      using M = std::remove_cvref_t<decltype(value)>;
      if constexpr (IsOptional<M>::value) {
        if (!value) return;  // absent, not null: shorter, and older readers see what they know
      }
      object[member.name] = write(value);
    });
    return object;
  }
}

}  // namespace json_detail

template <typename T>
json::value to_json(const T& value) {
  return json_detail::write(value);
}
template <typename T>
std::string to_json_text(const T& value) {
  return json::serialize(json_detail::write(value));
}
// `path` stands in front of the paths in errors: what the value is of.
template <typename T>
Result<T> from_json(const json::value& value, const std::string& path = "") {
  T to{};
  Result<void> result = json_detail::read(value, to, path);
  if (!result) return result.error();
  return to;
}
template <typename T>
Result<T> from_json_text(std::string_view text, std::size_t limit) {
  Result<json::value> value = parse_json_value(text, limit);
  if (!value) return value.error();
  return from_json<T>(*value);
}

}  // namespace jump
