// A WHERE clause made of fixed pieces, with its values. Only for this folder's .cc files: no piece ever holds
// text from outside.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/appliance/store/page.h"
#include "tools/appliance/store/rows.h"

namespace jump::store {

class Where {
 public:
  // `piece` has one ? for each value.
  template <typename... Args>
  void also(std::string_view piece, const Args&... args) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += piece;
    (values_.push_back([args](Query& query, int at) { bind_value(query, at, args); }), ...);
  }
  template <typename T>
  void also_if(std::string_view piece, const std::optional<T>& value) {
    if (value) also(piece, *value);
  }

  void append(const Where& other) {
    if (other.text_.empty()) return;
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += std::string_view(other.text_).substr(7);
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }

  const std::string& text() const { return text_; }
  // Returns the number of the next free parameter.
  int bind_to(Query& query) const {
    int at = 1;
    for (const auto& value : values_) value(query, at++);
    return at;
  }

 private:
  std::string text_;
  std::vector<std::function<void(Query&, int)>> values_;
};

// A page of `select columns from table where … order by …`, and the count of all of it.
template <typename T>
Result<Rows<T>> page_of(Db& db, const std::string& columns, const std::string& from, const Where& where,
                        const std::string& order, const Page& page) {
  Rows<T> rows;
  {
    Query count = db.query("SELECT count(*) FROM " + from + where.text());
    where.bind_to(count);
    const Result<bool> row = count.step();
    if (!row) return row.error();
    rows.total = count.integer(0);
  }
  if (rows.total <= page.offset) return rows;
  Query query = db.query("SELECT " + columns + " FROM " + from + where.text() + " ORDER BY " + order +
                         " LIMIT ? OFFSET ?");
  const int at = where.bind_to(query);
  query.bind_integer(at, page.limit);
  query.bind_integer(at + 1, page.offset);
  Result<std::vector<T>> items = collect<T>(query);
  if (!items) return items.error();
  rows.items = std::move(*items);
  return rows;
}

}  // namespace jump::store
