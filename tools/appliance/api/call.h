// One request on its way through a handler, and the few shapes that responses have.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "tools/appliance/api/api.h"
#include "tools/appliance/api/fields.h"
#include "tools/appliance/api/target.h"

namespace jump::api {

inline constexpr std::string_view kBase = "/api/config/v1";

// An Error is the store's, or a shape that no handler expects; api.cc makes a response of it.
using Reply = Result<ApiResponse>;

// What is known from one request to the next, and may be forgotten with a restart.
struct Memory {
  wake::RecentAttempts woken;
  std::uint64_t last_number = 0;
  // Of attempts and sweeps: not used again after a restart.
  std::uint64_t next_number(std::int64_t now) {
    last_number = std::max(last_number + 1, static_cast<std::uint64_t>(now) << 12);
    return last_number;
  }
};

struct Call {
  store::Store& store;
  const Presence& presence;
  const ApiOptions& options;
  Memory& memory;
  const ApiRequest& request;
  const Target& target;
  const ApiClock& clock;
  Principal who;
  std::vector<std::string> arguments;  // what stood for the {…} of the route
  json::object body;                   // of POST and PATCH
  Effects effects;

  // The n-th argument as an id; nothing when it can be none, which is a 404.
  std::optional<std::int64_t> id(std::size_t n = 0) const;
  // Written in the request's transaction. `object`: "asset:17".
  Result<void> event(std::string_view what, const std::string& object, const std::string& text,
                     json::value details = nullptr);
  void end_sessions(const std::vector<store::SessionId>& sessions, const std::string& reason);
};

ApiResponse json_response(unsigned status, const json::value& body);
ApiResponse created(const std::string& location, const json::value& body);
ApiResponse no_content();
ApiResponse message(unsigned status, std::string_view text);
ApiResponse not_found();
ApiResponse forbidden(std::string_view text);
ApiResponse invalid(const Faults& faults);
ApiResponse invalid(std::string_view field, std::string text);

// --- lists
// -----------------------------------------------------------------------------------------------------

struct ListQuery {
  std::int64_t per_page = 100;
  std::int64_t current_page = 1;
  json::object filters;  // by name, as the field takes them

  store::Page page() const { return {(current_page - 1) * per_page, per_page}; }
  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::int64_t> number(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  template <typename E>
  std::optional<E> choice(std::string_view name) const {
    E value{};
    const std::optional<std::string> chosen = text(name);
    if (!chosen || !boost::describe::enum_from_string(chosen->c_str(), value)) return std::nullopt;
    return value;
  }
};

// `filters` are fields of the schema; `extra` are parameters that it has not, each a field declared by the
// caller. Anything else in the query is a fault: a mistyped filter must not match everything.
ListQuery list_query(const Call& call, const Schema& schema, std::initializer_list<std::string_view> filters,
                     std::span<const Field> extra, Faults& faults);
// 200 with the paging headers.
ApiResponse list_response(const Call& call, const ListQuery& query, json::array items, std::int64_t total);

// Which of `changes` differ from `before`, as {"field": [old, new]}: for the details of an event.
json::object differences(const json::object& before, const json::object& changes);

}  // namespace jump::api
