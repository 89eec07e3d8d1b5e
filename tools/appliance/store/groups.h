// Asset groups, their members with a role, roles, and jump policies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

struct JumpGroup {
  std::int64_t id = 0;
  std::string name;       // unique without regard to case
  std::string code_name;  // unique; made from the name when empty
  std::optional<std::string> comments;
};
BOOST_DESCRIBE_STRUCT(JumpGroup, (), (id, name, code_name, comments))

struct Role {
  std::int64_t id = 0;
  std::string name;
  std::string description;
  bool perm_add = false;
  bool perm_assign_jump_group = false;
  bool perm_remove = false;
  bool perm_start = false;
  bool perm_edit_tag = false;
  bool perm_edit_comments = false;
  bool perm_edit_jump_policy = false;
  bool perm_edit_session_policy = false;
  bool perm_edit_identity = false;
  bool perm_edit_behavior = false;
  bool perm_view_jump_item_report = false;
  bool perm_edit_public_portal = false;
  bool perm_edit_support_button = false;
  bool perm_wake = false;
};
BOOST_DESCRIBE_STRUCT(Role, (),
                      (id, name, description, perm_add, perm_assign_jump_group, perm_remove, perm_start,
                       perm_edit_tag, perm_edit_comments, perm_edit_jump_policy, perm_edit_session_policy,
                       perm_edit_identity, perm_edit_behavior, perm_view_jump_item_report,
                       perm_edit_public_portal, perm_edit_support_button, perm_wake))

// Built in, schema.cc. Members with kNoAccess do not even see the group.
inline constexpr std::int64_t kNoAccess = 1;
inline constexpr std::int64_t kAdministrator = 2;
inline constexpr std::int64_t kAuditor = 3;
inline constexpr std::int64_t kStartOnly = 4;

struct Member {
  std::int64_t user_id = 0;
  std::int64_t jump_item_role_id = kStartOnly;
};
BOOST_DESCRIBE_STRUCT(Member, (), (user_id, jump_item_role_id))

struct JumpPolicy {
  std::int64_t id = 0;
  std::string display_name;
  std::string code_name;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(JumpPolicy, (), (id, display_name, code_name, description))

struct GroupFilter {
  std::optional<std::string> name;
  std::optional<std::string> code_name;
  std::optional<std::int64_t> visible_to;  // a user; empty: all
};

class Groups {
 public:
  explicit Groups(Db& db) : db_(db) {}

  Result<JumpGroup> create(JumpGroup group);
  Result<std::optional<JumpGroup>> get(std::int64_t id);
  Result<std::optional<JumpGroup>> by_name(std::string_view name);
  Result<Rows<JumpGroup>> list(const GroupFilter& filter, const Page& page);
  // A new name is in the assets' text index at once for up to 2,000 of them, and for the others by reindex().
  Result<void> change(JumpGroup group);
  // Goes on with that for `limit` assets; to be called now and then. True: there is more to do.
  Result<bool> reindex(std::int64_t limit);
  // Refused while assets or installers are in it.
  Result<void> remove(std::int64_t id);

  Result<Rows<Member>> members(std::int64_t group, const Page& page);
  Result<std::optional<Member>> member(std::int64_t group, std::int64_t user);
  // already_exists for a second time; invalid for an unknown user, group or role.
  Result<void> add_member(std::int64_t group, const Member& member);
  Result<void> change_member(std::int64_t group, const Member& member);
  Result<bool> remove_member(std::int64_t group, std::int64_t user);
  // What the user may do in the group; nothing when he is no member.
  Result<std::optional<Role>> role_of(std::int64_t user, std::int64_t group);

  Result<std::optional<Role>> role(std::int64_t id);
  Result<Rows<Role>> roles(const std::optional<std::string>& name, const Page& page);
  Result<bool> policy_exists(std::int64_t id);
  Result<std::optional<JumpPolicy>> policy_by_code_name(std::string_view code_name);
  Result<JumpPolicy> create_policy(JumpPolicy policy);

 private:
  Db& db_;
};

}  // namespace jump::store
