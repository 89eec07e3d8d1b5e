// Described structs as rows: a member is the column of the same name. Only for this folder's .cc files.
//
// Columns: bool and integers INTEGER, double REAL, std::string TEXT, described enums TEXT by name, Bytes,
// std::array<uint8_t, N> and Secret BLOB, optional NULL, and vectors, maps, structs and json::value JSON
// TEXT.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "common/base/check.h"
#include "common/base/json.h"
#include "tools/appliance/store/db.h"

namespace jump::store {

template <typename T>
void bind_value(Query& query, int at, const T& value) {
  using namespace json_detail;
  if constexpr (std::same_as<T, bool> || std::integral<T>) {
    query.bind_integer(at, static_cast<std::int64_t>(value));
  } else if constexpr (std::same_as<T, double>) {
    query.bind_real(at, value);
  } else if constexpr (std::convertible_to<T, std::string_view>) {
    query.bind_text(at, value);
  } else if constexpr (std::same_as<T, std::nullptr_t>) {
    query.bind_null(at);
  } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, ByteView> || IsByteArray<T>::value) {
    query.bind_bytes(at, ByteView(value.data(), value.size()));
  } else if constexpr (std::same_as<T, Secret>) {
    query.bind_bytes(at, value.reveal());
  } else if constexpr (IsOptional<T>::value) {
    if (value) {
      bind_value(query, at, *value);
    } else {
      query.bind_null(at);
    }
  } else if constexpr (DescribedEnum<T>) {
    query.bind_text(at, boost::describe::enum_to_string(value, "?"));
  } else {
    query.bind_text(at, to_json_text(value));
  }
}

// What stands in a column that we wrote. Anything else there is a damaged file.
template <typename T>
Result<void> take(const Query& query, int at, T& to) {
  using namespace json_detail;
  if constexpr (std::same_as<T, bool>) {
    to = query.integer(at) != 0;
  } else if constexpr (std::integral<T>) {
    const std::int64_t value = query.integer(at);
    if (!std::in_range<T>(value)) return Error(Fault::internal, "database: a number out of range");
    to = static_cast<T>(value);
  } else if constexpr (std::same_as<T, double>) {
    to = query.real(at);
  } else if constexpr (std::same_as<T, std::string>) {
    to = query.text(at);
  } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, Secret>) {
    const ByteView view = query.bytes(at);
    to = T(Bytes(view.begin(), view.end()));
  } else if constexpr (IsByteArray<T>::value) {
    const ByteView view = query.bytes(at);
    if (view.size() != to.size()) return Error(Fault::internal, "database: bytes of a wrong length");
    std::copy(view.begin(), view.end(), to.begin());
  } else if constexpr (IsOptional<T>::value) {
    if (query.is_null(at)) {
      to.reset();
      return {};
    }
    return take(query, at, to.emplace());
  } else if constexpr (DescribedEnum<T>) {
    const std::string name(query.text(at));
    if (!boost::describe::enum_from_string(name.c_str(), to)) {
      return Error(Fault::internal, "database: unknown name '" + printable(name, 64) + "'");
    }
  } else {
    // Written by us, so its size was limited when it came in.
    Result<T> value = from_json_text<T>(query.text(at), 64u << 20);
    if (!value) return wrap(value.error(), "database");
    to = std::move(*value);
  }
  return {};
}

// "id, name, …", each with `prefix` in front.
template <typename T>
std::string column_list(std::string_view prefix = {}) {
  std::string list;
  boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
    if (!list.empty()) list += ", ";
    list += prefix;
    list += member.name;
  });
  return list;
}

// The current row, its columns in the order of column_list<T>(); a scalar takes column 0.
template <typename T>
Result<T> take_row(const Query& query) {
  T row{};
  if constexpr (json_detail::Described<T>) {
    int at = 0;
    Result<void> result;
    boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
      if (result) result = take(query, at, row.*member.pointer);
      ++at;
    });
    if (!result) return result.error();
  } else {
    const Result<void> result = take(query, 0, row);
    if (!result) return result.error();
  }
  return row;
}

template <typename... Args>
Query bound(Db& db, std::string_view sql, const Args&... args) {
  Query query = db.query(sql);
  CHECK(query.parameters() == static_cast<int>(sizeof...(Args)));
  [[maybe_unused]] int at = 0;
  (bind_value(query, ++at, args), ...);
  return query;
}

// Runs a statement without rows.
template <typename... Args>
Result<void> run(Db& db, std::string_view sql, const Args&... args) {
  Query query = bound(db, sql, args...);
  const Result<bool> row = query.step();
  if (!row) return row.error();
  return {};
}

template <typename T>
Result<std::vector<T>> collect(Query& query) {
  std::vector<T> rows;
  while (true) {
    const Result<bool> more = query.step();
    if (!more) return more.error();
    if (!*more) return rows;
    Result<T> row = take_row<T>(query);
    if (!row) return row.error();
    rows.push_back(std::move(*row));
  }
}

template <typename T, typename... Args>
Result<std::vector<T>> all(Db& db, std::string_view sql, const Args&... args) {
  Query query = bound(db, sql, args...);
  return collect<T>(query);
}

template <typename T, typename... Args>
Result<std::optional<T>> first(Db& db, std::string_view sql, const Args&... args) {
  Query query = bound(db, sql, args...);
  const Result<bool> more = query.step();
  if (!more) return more.error();
  if (!*more) return std::optional<T>();
  Result<T> row = take_row<T>(query);
  if (!row) return row.error();
  return std::optional<T>(std::move(*row));
}

// The one value that the statement must give.
template <typename T, typename... Args>
Result<T> value(Db& db, std::string_view sql, const Args&... args) {
  Result<std::optional<T>> row = first<T>(db, sql, args...);
  if (!row) return row.error();
  if (!*row) return Error(Fault::not_found, "database: no such row");
  return std::move(**row);
}

// INSERT of all members but `id`, which the database gives (AUTOINCREMENT: never one twice).
template <typename T>
Result<std::int64_t> insert(Db& db, std::string_view table, const T& row) {
  static const std::string columns = [] {
    std::string list;
    boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
      if (std::string_view(member.name) != "id")
        list += (list.empty() ? "" : ", ") + std::string(member.name);
    });
    return list;
  }();
  static const std::string marks = [] {
    std::string list = "?";
    for (const char c : columns) list += c == ',' ? ", ?" : "";
    return list;
  }();
  Query query = db.query("INSERT INTO " + std::string(table) + " (" + columns + ") VALUES (" + marks + ")");
  int at = 0;
  boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
    if (std::string_view(member.name) != "id") bind_value(query, ++at, row.*member.pointer);
  });
  const Result<bool> done = query.step();
  if (!done) return done.error();
  return db.last_id();
}

// UPDATE of all members but `id` where id = row.id; not_found when there is none.
template <typename T>
Result<void> update(Db& db, std::string_view table, const T& row) {
  static const std::string columns = [] {
    std::string list;
    boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
      if (std::string_view(member.name) != "id")
        list += (list.empty() ? "" : ", ") + std::string(member.name) + " = ?";
    });
    return list;
  }();
  Query query = db.query("UPDATE " + std::string(table) + " SET " + columns + " WHERE id = ?");
  int at = 0;
  boost::mp11::mp_for_each<json_detail::Members<T>>([&](auto member) {
    if (std::string_view(member.name) != "id") bind_value(query, ++at, row.*member.pointer);
  });
  bind_value(query, ++at, row.id);
  const Result<bool> done = query.step();
  if (!done) return done.error();
  if (db.changes() == 0) return Error(Fault::not_found, "database: no such row");
  return {};
}

}  // namespace jump::store
