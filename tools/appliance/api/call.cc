#include "tools/appliance/api/call.h"

#include <charconv>

namespace jump::api {

std::optional<std::int64_t> Call::id(std::size_t n) const {
  const std::string& text = arguments.at(n);
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 1 || value > 2147483647)
    return std::nullopt;
  return value;
}

Result<void> Call::event(std::string_view what, const std::string& object, const std::string& text,
                         json::value details) {
  store::Event event;
  event.at = clock.wall;
  event.who = who.name();
  event.source = request.remote_address;
  event.what = what;
  event.object = object;
  event.result = "ok";
  event.text = text;
  event.details = std::move(details);
  const Result<std::int64_t> id = store.events.add(event);
  if (!id) return id.error();
  return {};
}

void Call::end_sessions(const std::vector<store::SessionId>& sessions, const std::string& reason) {
  for (const store::SessionId& session : sessions) effects.emplace_back(EndSession{session, reason});
}

ApiResponse json_response(unsigned status, const json::value& body) {
  ApiResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = json::serialize(body);
  return response;
}

ApiResponse created(const std::string& location, const json::value& body) {
  ApiResponse response = json_response(201, body);
  response.headers.emplace_back("Location", location);
  return response;
}

ApiResponse no_content() {
  ApiResponse response;
  response.status = 204;
  return response;
}

ApiResponse message(unsigned status, std::string_view text) {
  return json_response(status, json::object{{"message", json::string(text)}});
}

ApiResponse not_found() {
  return message(404, "There is no such object, or it is not yours to see.");
}

ApiResponse forbidden(std::string_view text) {
  return message(403, text);
}

ApiResponse invalid(const Faults& faults) {
  json::object errors;
  for (const auto& [field, texts] : faults) {
    json::array list;
    for (const std::string& text : texts) list.emplace_back(json::string(text));
    errors[field] = std::move(list);
  }
  return json_response(422,
                       json::object{{"message", "The request is not valid."}, {"errors", std::move(errors)}});
}

ApiResponse invalid(std::string_view field, std::string text) {
  return invalid(Faults{{std::string(field), {std::move(text)}}});
}

std::optional<std::string> ListQuery::text(std::string_view name) const {
  const json::value* value = filters.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(std::string_view(value->get_string()));
}

std::optional<std::int64_t> ListQuery::number(std::string_view name) const {
  const json::value* value = filters.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

std::optional<bool> ListQuery::flag(std::string_view name) const {
  const json::value* value = filters.if_contains(name);
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

ListQuery list_query(const Call& call, const Schema& schema, std::initializer_list<std::string_view> filters,
                     std::span<const Field> extra, Faults& faults) {
  constexpr Field kPerPage{.name = "per_page", .kind = Kind::integer, .least = 5, .most = 100};
  constexpr Field kCurrent{.name = "current_page", .kind = Kind::integer, .least = 1, .most = 2147483647};
  ListQuery query;
  for (const auto& [name, value] : call.target.query) {
    const Field* field = nullptr;
    if (name == kPerPage.name || name == kCurrent.name) {
      const Field& paging = name == kPerPage.name ? kPerPage : kCurrent;
      const json::value number = checked_filter(paging, value, faults);
      if (!number.is_int64()) continue;
      if (number.get_int64() < paging.least || number.get_int64() > paging.most) {
        faults[name].push_back(std::to_string(number.get_int64()) + " is out of range, " +
                               std::to_string(paging.least) + " to " + std::to_string(paging.most));
        continue;
      }
      (name == kPerPage.name ? query.per_page : query.current_page) = number.get_int64();
      continue;
    }
    if (std::find(filters.begin(), filters.end(), name) != filters.end()) field = schema.find(name);
    for (const Field& other : extra) {
      if (other.name == name) field = &other;
    }
    if (field == nullptr) {
      faults[printable(name, 64)].push_back("is no filter here");
      continue;
    }
    query.filters[name] = checked_filter(*field, value, faults);
  }
  return query;
}

ApiResponse list_response(const Call& call, const ListQuery& query, json::array items, std::int64_t total) {
  ApiResponse response = json_response(200, items);
  const std::int64_t last = std::max<std::int64_t>(1, (total + query.per_page - 1) / query.per_page);
  response.headers.emplace_back("X-BT-Pagination-Current-Page", std::to_string(query.current_page));
  response.headers.emplace_back("X-BT-Pagination-Per-Page", std::to_string(query.per_page));
  response.headers.emplace_back("X-BT-Pagination-Last-Page", std::to_string(last));
  response.headers.emplace_back("X-BT-Pagination-Total", std::to_string(total));
  std::string others;
  for (const auto& [name, value] : call.target.query) {
    if (name != "current_page" && name != "per_page")
      others += "&" + percent_encode(name) + "=" + percent_encode(value);
  }
  std::string link;
  const auto add = [&](std::int64_t page, std::string_view relation) {
    link += (link.empty() ? "<" : ", <") + call.target.path + "?current_page=" + std::to_string(page) +
            "&per_page=" + std::to_string(query.per_page) + others + ">; rel=\"" + std::string(relation) +
            "\"";
  };
  add(1, "first");
  if (query.current_page > 1) add(std::min(query.current_page - 1, last), "previous");
  if (query.current_page < last) add(query.current_page + 1, "next");
  add(last, "last");
  response.headers.emplace_back("Link", std::move(link));
  return response;
}

json::object differences(const json::object& before, const json::object& changes) {
  json::object out;
  for (const auto& [key, value] : changes) {
    const json::value* old = before.if_contains(key);
    const json::value was = old == nullptr ? json::value(nullptr) : *old;
    if (was != value) out[key] = json::array{was, value};
  }
  return out;
}

}  // namespace jump::api
