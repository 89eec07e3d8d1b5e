#include "tools/appliance/api/rights.h"

namespace jump::api {

Result<std::optional<store::Role>> role_in(Call& call, std::int64_t group, store::GroupType type) {
  if (call.who.configures()) return call.store.groups.role(store::kAdministrator);
  if (!call.who.user) return std::optional<store::Role>();
  if (type == store::GroupType::personal) {
    if (group != call.who.user->id) return std::optional<store::Role>();
    return call.store.groups.role(store::kAdministrator);
  }
  Result<std::optional<store::Role>> role = call.store.groups.role_of(call.who.user->id, group);
  if (role && *role && (*role)->id == store::kNoAccess) return std::optional<store::Role>();
  return role;
}

std::string missing_rights(const Schema& schema, const json::object& different, const store::Role& role) {
  const json::object rights = to_json(role).as_object();
  std::string missing;
  for (const auto& [key, value] : different) {
    const Field* field = schema.find(key);
    const json::value* right =
        field == nullptr || field->role_right.empty() ? nullptr : rights.if_contains(field->role_right);
    if (right != nullptr && right->as_bool()) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(std::string_view(key));
  }
  return missing;
}

Result<void> check_placing(Call& call, const Placing& placing, const json::object& different,
                           Faults& faults) {
  if (different.contains("jump_group_id") || different.contains("jump_group_type")) {
    bool exists = false;
    if (placing.jump_group_type == store::GroupType::shared) {
      const Result<std::optional<store::JumpGroup>> group = call.store.groups.get(placing.jump_group_id);
      if (!group) return group.error();
      exists = group->has_value();
    } else {
      const Result<std::optional<store::User>> user = call.store.users.get(placing.jump_group_id);
      if (!user) return user.error();
      exists = user->has_value();
    }
    const Result<std::optional<store::Role>> role =
        role_in(call, placing.jump_group_id, placing.jump_group_type);
    if (!role) return role.error();
    if (!exists || !*role || !(*role)->perm_add) {
      faults["jump_group_id"].push_back("there is no group " + std::to_string(placing.jump_group_id) +
                                        " that you may add to");
    }
  }
  if (different.contains("jump_policy_id") && placing.jump_policy_id) {
    const Result<bool> exists = call.store.groups.policy_exists(*placing.jump_policy_id);
    if (!exists) return exists.error();
    if (!*exists) {
      faults["jump_policy_id"].push_back("there is no jump policy " +
                                         std::to_string(*placing.jump_policy_id));
    }
  }
  const auto session_policy = [&](const char* name, const std::optional<std::int64_t>& id) {
    if (different.contains(name) && id)
      faults[name].push_back("there is no session policy " + std::to_string(*id));
  };
  session_policy("attended_session_policy_id", placing.attended_session_policy_id);
  session_policy("unattended_session_policy_id", placing.unattended_session_policy_id);
  return {};
}

Result<void> leave_default_site(Call& call, const std::string& stored, json::object& changes) {
  const json::value* given = changes.if_contains("public_site_address");
  if (given == nullptr || !stored.empty()) return {};
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  if (*given == json::value(json::string(site->site_name))) changes.erase("public_site_address");
  return {};
}

Result<void> GroupNames::add(std::int64_t group, store::GroupType type, json::object& object) {
  const auto [entry, fresh] = names_.try_emplace({type, group});
  if (fresh && type == store::GroupType::shared) {
    const Result<std::optional<store::JumpGroup>> found = call_.store.groups.get(group);
    if (!found) return found.error();
    if (*found) entry->second = (*found)->name;
  } else if (fresh) {
    const Result<std::optional<store::User>> found = call_.store.users.get(group);
    if (!found) return found.error();
    if (*found) entry->second = (*found)->username;
  }
  object["jump_group_name"] = entry->second;
  return {};
}

}  // namespace jump::api
