// Events (PRODUCT.md 8.9): who did what, to what, when, from where, and with which result. Rows are added in
// the transaction of the deed itself, and never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

struct Event {
  std::int64_t id = 0;
  std::int64_t at = 0;  // seconds since 1970
  std::string who;      // "user:anna", "account:terraform", "agent:17", "appliance"
  std::string source;   // address that it came from; empty: the appliance itself
  std::string what;     // "asset.edit", "session.start", "login"
  std::string object;   // "asset:17", "session:9f…", "user:anna"
  std::string result;   // "ok", "refused", "failed"
  std::string text;     // one sentence
  json::value details;  // what changed, or null
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, at, who, source, what, object, result, text, details))

struct EventFilter {
  std::int64_t since_id = 0;  // only later ones
  std::optional<std::string> what;
  std::optional<std::string> who;
  std::optional<std::string> object;
  bool newest_first = false;
};

class Events {
 public:
  explicit Events(Db& db) : db_(db) {}

  Result<std::int64_t> add(const Event& event);
  // For deeds that come by the thousand (connects): softly, in one transaction.
  Result<void> add_all(std::span<const Event> events);
  Result<std::vector<Event>> list(const EventFilter& filter, std::int64_t limit);
  Result<Rows<Event>> page(const EventFilter& filter, const Page& page);
  // Events of this kind about this object since then; counts no further than `most`.
  Result<std::int64_t> count_since(std::string_view what, std::string_view object, std::int64_t at,
                                   std::int64_t most);
  Result<std::int64_t> last_id();
  Result<std::int64_t> forget_before(std::int64_t at, std::int64_t limit);

 private:
  Db& db_;
};

}  // namespace jump::store
