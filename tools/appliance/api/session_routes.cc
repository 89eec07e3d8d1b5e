// /session and /recording: what was and is being done with the assets.
#include "tools/appliance/api/handlers.h"

namespace jump::api {
namespace {

constexpr std::array kExtraFilters{Field{.name = "live", .kind = Kind::boolean}};

json::object shown_session(const store::Session& session) {
  json::object object = to_json(session).as_object();
  object["jump_client_name"] = session.asset_name;
  // None: a machine of a Jumpoint's network that is no asset.
  if (session.asset != 0) object["jump_client_id"] = object["asset_id"] = session.asset;
  if (session.node) object["node_id"] = *session.node;
  object["created_timestamp"] = session.created_at;
  if (session.started_at) object["started_timestamp"] = *session.started_at;
  if (session.ended_at) object["ended_timestamp"] = *session.ended_at;
  object["recorded"] = !session.recording.empty();
  return shown(kSessionSchema, object);
}

Result<std::optional<store::Session>> visible_session(Call& call) {
  const Result<Bytes> bytes = from_hex(call.arguments.at(0));
  store::SessionId id{};
  if (!bytes || bytes->size() != id.size()) return std::optional<store::Session>();
  std::copy(bytes->begin(), bytes->end(), id.begin());
  if (const std::optional<std::int64_t> user = call.who.seen_by()) {
    const Result<bool> visible = call.store.sessions.visible(id, *user);
    if (!visible) return visible.error();
    if (!*visible) return std::optional<store::Session>();
  }
  return call.store.sessions.get(id);
}

}  // namespace

Reply list_sessions(Call& call) {
  Faults faults;
  const ListQuery query =
      list_query(call, kSessionSchema, {"jump_client_id", "user_id", "kind"}, kExtraFilters, faults);
  if (!faults.empty()) return invalid(faults);
  store::SessionFilter filter;
  filter.asset = query.number("jump_client_id");
  filter.user_id = query.number("user_id");
  filter.kind = query.text("kind");
  filter.live = query.flag("live");
  filter.visible_to = call.who.seen_by();
  const Result<store::Rows<store::Session>> rows = call.store.sessions.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Session& session : rows->items) items.push_back(shown_session(session));
  return list_response(call, query, std::move(items), rows->total);
}

Reply get_session(Call& call) {
  const Result<std::optional<store::Session>> session = visible_session(call);
  if (!session) return session.error();
  if (!*session) return not_found();
  return json_response(200, shown_session(**session));
}

// {"reason": …} may be left out. By the session's owner or an administrator; the row ends when both ends were
// told.
Reply end_session(Call& call) {
  const Result<std::optional<store::Session>> session = visible_session(call);
  if (!session) return session.error();
  if (!*session) return not_found();
  std::string reason;
  for (const auto& [key, value] : call.body) {
    if (key != "reason") return invalid(printable(std::string_view(key), 64), "is not a field here");
    if (!value.is_string() || value.get_string().size() > 256)
      return invalid("reason", "must be text of at most 256 bytes");
    reason = printable(std::string_view(value.get_string()), 256);
  }
  const bool owner = call.who.user && call.who.user->id == (*session)->user_id;
  const bool command = call.who.account && call.who.account->perm_command == store::CommandRight::full_access;
  if (!owner && !call.who.administrator() && !command)
    return forbidden("Only its owner or an administrator may end a session.");
  if ((*session)->state == store::SessionState::ended) {
    return invalid("id", "the session has ended: " + printable((*session)->reason, 200));
  }
  const std::string text = "ended by " + call.who.name() + (reason.empty() ? "" : ": " + reason);
  call.end_sessions({(*session)->id}, text);
  const Result<void> done = call.event("session.end", "session:" + to_hex((*session)->id), text);
  if (!done) return done.error();
  return no_content();
}

Reply get_recording(Call& call) {
  if (call.who.account && !call.who.account->perm_reporting_archive) {
    return forbidden("This needs a right that " + call.who.name() + " does not have.");
  }
  const Result<std::optional<store::Session>> session = visible_session(call);
  if (!session) return session.error();
  if (!*session || (*session)->recording.empty()) return not_found();
  ApiResponse response;
  response.headers = {{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}};
  response.file = (*session)->recording;
  return response;
}

}  // namespace jump::api
