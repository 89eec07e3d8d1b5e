// What the caller may do in a group, and where assets and installers may be put.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tools/appliance/api/call.h"

namespace jump::api {

// The caller's role there. Nothing: he does not see the group. Whoever configures, and the owner of a
// personal list, has the rights of an Administrator.
Result<std::optional<store::Role>> role_in(Call& call, std::int64_t group, store::GroupType type);

// The names of those `different` fields that the role may not change, "tag, comments"; empty: all allowed.
std::string missing_rights(const Schema& schema, const json::object& different, const store::Role& role);

// References of an asset or installer that are `different` from before: the group exists and the caller may
// add there, the jump policy exists, and so on. One answer for "not there" and "not yours".
struct Placing {
  std::int64_t jump_group_id = 0;
  store::GroupType jump_group_type = store::GroupType::shared;
  std::optional<std::int64_t> jump_policy_id;
  std::optional<std::int64_t> attended_session_policy_id;
  std::optional<std::int64_t> unattended_session_policy_id;
};
Result<void> check_placing(Call& call, const Placing& placing, const json::object& different, Faults& faults);
template <typename T>
Result<void> check_placing(Call& call, const T& asset, const json::object& different, Faults& faults) {
  const Placing placing{asset.jump_group_id, asset.jump_group_type, asset.jump_policy_id,
                        asset.attended_session_policy_id, asset.unattended_session_policy_id};
  return check_placing(call, placing, different, faults);
}

// An empty public_site_address is shown as the site's name. Sent back as it was shown, it stays empty.
Result<void> leave_default_site(Call& call, const std::string& stored, json::object& changes);

// Adds jump_group_name, each name looked up once for a list.
class GroupNames {
 public:
  explicit GroupNames(Call& call) : call_(call) {}
  Result<void> add(std::int64_t group, store::GroupType type, json::object& object);

 private:
  Call& call_;
  std::map<std::pair<store::GroupType, std::int64_t>, std::string> names_;
};
inline Result<void> add_group_name(Call& call, std::int64_t group, store::GroupType type,
                                   json::object& object) {
  return GroupNames(call).add(group, type, object);
}

}  // namespace jump::api
