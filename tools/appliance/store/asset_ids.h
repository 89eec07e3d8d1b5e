// One sequence for the ids of assets of every kind, so that an id names one asset. Only for this folder's .cc
// files.
#pragma once

#include "tools/appliance/store/rows.h"

namespace jump::store {

// Never one twice (AUTOINCREMENT). `kind`: jump_client, shell_jump, protocol_tunnel_jump.
inline Result<std::int64_t> new_asset_id(Db& db, std::string_view kind) {
  const Result<void> done = run(db, "INSERT INTO assets (kind) VALUES (?)", kind);
  if (!done) return done.error();
  return db.last_id();
}

// INSERT of all members, `id` too.
template <typename T>
Result<void> insert_whole(Db& db, std::string_view table, const T& row) {
  static const std::string columns = column_list<T>();
  static const std::string marks = [] {
    std::string list = "?";
    for (const char c : columns) list += c == ',' ? ", ?" : "";
    return list;
  }();
  Query query = db.query("INSERT INTO " + std::string(table) + " (" + columns + ") VALUES (" + marks + ")");
  int at = 0;
  boost::mp11::mp_for_each<json_detail::Members<T>>(
      [&](auto member) { bind_value(query, ++at, row.*member.pointer); });
  const Result<bool> done = query.step();
  if (!done) return done.error();
  return {};
}

}  // namespace jump::store
