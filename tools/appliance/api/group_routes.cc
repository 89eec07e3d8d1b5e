// /jump-group with its users, /jump-item-role.
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/rights.h"

namespace jump::api {
namespace {

std::string object_name(std::int64_t id) {
  return "group:" + std::to_string(id);
}
std::string location_of(std::int64_t id) {
  return std::string(kBase) + "/jump-group/" + std::to_string(id);
}

Result<std::optional<store::JumpGroup>> visible_group(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::JumpGroup>();
  const Result<std::optional<store::Role>> role = role_in(call, *id, store::GroupType::shared);
  if (!role) return role.error();
  if (!*role) return std::optional<store::JumpGroup>();
  return call.store.groups.get(*id);
}

// Which of the unique fields is taken by another group.
Result<void> check_unique(Call& call, const store::JumpGroup& group, Faults& faults) {
  const auto taken = [&](const char* field, store::GroupFilter filter) -> Result<void> {
    const Result<store::Rows<store::JumpGroup>> found = call.store.groups.list(filter, {0, 1});
    if (!found) return found.error();
    if (!found->items.empty() && found->items.front().id != group.id)
      faults[field].push_back("is taken by another group");
    return {};
  };
  store::GroupFilter by_name;
  by_name.name = group.name;
  Result<void> done = taken("name", by_name);
  if (!done || group.code_name.empty()) return done;
  store::GroupFilter by_code;
  by_code.code_name = group.code_name;
  return taken("code_name", by_code);
}

Result<json::object> shown_member(Call& call, const store::Member& member) {
  json::object object = to_json(member).as_object();
  const Result<std::optional<store::User>> user = call.store.users.get(member.user_id);
  if (!user) return user.error();
  if (*user) object["username"] = (*user)->username;
  return shown(kJumpGroupUserSchema, object);
}

// The member of {id}/user/{user_id}.
Result<std::optional<store::Member>> member_of_path(Call& call) {
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  const std::optional<std::int64_t> user = call.id(1);
  if (!*group || !user) return std::optional<store::Member>();
  return call.store.groups.member((*group)->id, *user);
}

Result<void> check_role(Call& call, std::int64_t id, Faults& faults) {
  const Result<std::optional<store::Role>> role = call.store.groups.role(id);
  if (!role) return role.error();
  if (!*role) faults["jump_item_role_id"].push_back("there is no asset role " + std::to_string(id));
  return {};
}

}  // namespace

Reply list_groups(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kJumpGroupSchema, {"name", "code_name"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const store::GroupFilter filter{query.text("name"), query.text("code_name"), call.who.seen_by()};
  const Result<store::Rows<store::JumpGroup>> rows = call.store.groups.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::JumpGroup& group : rows->items)
    items.push_back(shown(kJumpGroupSchema, to_json(group).as_object()));
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_group(Call& call) {
  Faults faults;
  const json::object given = checked(kJumpGroupSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::JumpGroup> group =
      from_json<store::JumpGroup>(merged(to_json(store::JumpGroup{}).as_object(), given));
  if (!group) return group.error();
  const Result<void> unique = check_unique(call, *group, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  const Result<store::JumpGroup> made = call.store.groups.create(*group);
  if (!made) return made.error();
  const Result<void> done = call.event("group.create", object_name(made->id), "made the group " + made->name);
  if (!done) return done.error();
  return created(location_of(made->id), shown(kJumpGroupSchema, to_json(*made).as_object()));
}

Reply get_group(Call& call) {
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  if (!*group) return not_found();
  return json_response(200, shown(kJumpGroupSchema, to_json(**group).as_object()));
}

Reply change_group(Call& call) {
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  if (!*group) return not_found();
  Faults faults;
  const json::object changes = checked(kJumpGroupSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object before = to_json(**group).as_object();
  const Result<store::JumpGroup> changed = from_json<store::JumpGroup>(merged(before, changes));
  if (!changed) return changed.error();
  const Result<void> unique = check_unique(call, *changed, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.groups.change(*changed);
  if (!done) return done.error();
  const json::object different = differences(before, changes);
  if (!different.empty()) {
    done = call.event("group.edit", object_name(changed->id), "edited the group " + changed->name, different);
    if (!done) return done.error();
  }
  return get_group(call);
}

Reply remove_group(Call& call) {
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  if (!*group) return not_found();
  const Result<void> removed = call.store.groups.remove((*group)->id);
  if (!removed) {
    if (removed.error().is(Fault::refused)) return invalid("id", removed.error().message());
    return removed.error();
  }
  const Result<void> done =
      call.event("group.remove", object_name((*group)->id), "removed the group " + (*group)->name);
  if (!done) return done.error();
  return no_content();
}

Reply list_members(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kJumpGroupUserSchema, {}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  if (!*group) return not_found();
  const Result<store::Rows<store::Member>> rows = call.store.groups.members((*group)->id, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Member& member : rows->items) {
    const Result<json::object> item = shown_member(call, member);
    if (!item) return item.error();
    items.push_back(*item);
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply add_member(Call& call) {
  const Result<std::optional<store::JumpGroup>> group = visible_group(call);
  if (!group) return group.error();
  if (!*group) return not_found();
  Faults faults;
  const json::object given = checked(kJumpGroupUserSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::Member> member = from_json<store::Member>(given);
  if (!member) return member.error();
  const Result<std::optional<store::User>> user = call.store.users.get(member->user_id);
  if (!user) return user.error();
  if (!*user) faults["user_id"].push_back("there is no user " + std::to_string(member->user_id));
  const Result<void> role = check_role(call, member->jump_item_role_id, faults);
  if (!role) return role.error();
  const Result<std::optional<store::Member>> known = call.store.groups.member((*group)->id, member->user_id);
  if (!known) return known.error();
  if (*known) faults["user_id"].push_back("is a member of the group already");
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.groups.add_member((*group)->id, *member);
  if (!done) return done.error();
  done = call.event("group.member.add", object_name((*group)->id),
                    "added " + (*user)->username + " to " + (*group)->name, to_json(*member));
  if (!done) return done.error();
  const Result<json::object> object = shown_member(call, *member);
  if (!object) return object.error();
  return created(location_of((*group)->id) + "/user/" + std::to_string(member->user_id), *object);
}

Reply get_member(Call& call) {
  const Result<std::optional<store::Member>> member = member_of_path(call);
  if (!member) return member.error();
  if (!*member) return not_found();
  const Result<json::object> object = shown_member(call, **member);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply change_member(Call& call) {
  const Result<std::optional<store::Member>> member = member_of_path(call);
  if (!member) return member.error();
  if (!*member) return not_found();
  Faults faults;
  const json::object changes = checked(kJumpGroupUserSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object before = to_json(**member).as_object();
  const Result<store::Member> changed = from_json<store::Member>(merged(before, changes));
  if (!changed) return changed.error();
  if (changed->user_id != (*member)->user_id)
    faults["user_id"].push_back("cannot be changed; add the other user");
  const Result<void> role = check_role(call, changed->jump_item_role_id, faults);
  if (!role) return role.error();
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.groups.change_member(*call.id(0), *changed);
  if (!done) return done.error();
  done = call.event("group.member.edit", object_name(*call.id(0)), "changed the role of a member",
                    differences(before, changes));
  if (!done) return done.error();
  return get_member(call);
}

// Running sessions of the user go on: they were allowed when they began (DESIGN.md 2, attach).
Reply remove_member(Call& call) {
  const Result<std::optional<store::Member>> member = member_of_path(call);
  if (!member) return member.error();
  if (!*member) return not_found();
  const Result<bool> removed = call.store.groups.remove_member(*call.id(0), (*member)->user_id);
  if (!removed) return removed.error();
  const Result<void> done =
      call.event("group.member.remove", object_name(*call.id(0)), "removed a member", to_json(**member));
  if (!done) return done.error();
  return no_content();
}

Reply list_roles(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kRoleSchema, {"name"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::Rows<store::Role>> rows = call.store.groups.roles(query.text("name"), query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Role& role : rows->items) items.push_back(shown(kRoleSchema, to_json(role).as_object()));
  return list_response(call, query, std::move(items), rows->total);
}

Reply get_role(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return not_found();
  const Result<std::optional<store::Role>> role = call.store.groups.role(*id);
  if (!role) return role.error();
  if (!*role) return not_found();
  return json_response(200, shown(kRoleSchema, to_json(**role).as_object()));
}

}  // namespace jump::api
