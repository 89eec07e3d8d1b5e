#include "tools/appliance/store/events.h"

#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

const std::string& columns() {
  static const std::string list = column_list<Event>();
  return list;
}

Where where_of(const EventFilter& filter) {
  Where where;
  if (filter.since_id > 0) where.also("id > ?", filter.since_id);
  where.also_if("what = ?", filter.what);
  where.also_if("who = ?", filter.who);
  where.also_if("object = ?", filter.object);
  return where;
}

}  // namespace

Result<std::int64_t> Events::add(const Event& event) {
  return insert(db_, "events", event);
}

Result<void> Events::add_all(std::span<const Event> events) {
  Transaction transaction(db_, Durability::soft);
  for (const Event& event : events) {
    const Result<std::int64_t> id = add(event);
    if (!id) return id.error();
  }
  return transaction.commit();
}

Result<std::vector<Event>> Events::list(const EventFilter& filter, std::int64_t limit) {
  const Where where = where_of(filter);
  Query query = db_.query("SELECT " + columns() + " FROM events" + where.text() + " ORDER BY id" +
                          (filter.newest_first ? " DESC" : "") + " LIMIT ?");
  query.bind_integer(where.bind_to(query), limit);
  return collect<Event>(query);
}

Result<Rows<Event>> Events::page(const EventFilter& filter, const Page& page) {
  return page_of<Event>(db_, columns(), "events", where_of(filter), filter.newest_first ? "id DESC" : "id",
                        page);
}

Result<std::int64_t> Events::count_since(std::string_view what, std::string_view object, std::int64_t at,
                                         std::int64_t most) {
  return value<std::int64_t>(
      db_, "SELECT count(*) FROM (SELECT 1 FROM events WHERE object = ? AND what = ? AND at >= ? LIMIT ?)",
      object, what, at, most);
}

Result<std::int64_t> Events::last_id() {
  return value<std::int64_t>(db_, "SELECT coalesce(max(id), 0) FROM events");
}

Result<std::int64_t> Events::forget_before(std::int64_t at, std::int64_t limit) {
  const Result<void> done =
      run(db_, "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)", at,
          limit);
  if (!done) return done.error();
  return db_.changes();
}

}  // namespace jump::store
