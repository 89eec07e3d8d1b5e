// Installer records (PRODUCT.md 2.1): what a deployment key allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "tools/appliance/store/asset.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

inline constexpr std::int64_t kValidMinutesLeast = 10;
inline constexpr std::int64_t kValidMinutesMost = 525600;

struct Installer {
  std::int64_t id = 0;
  std::string installer_id;  // 32 hex digits; stands in the deployment key
  std::int64_t jump_group_id = 0;
  GroupType jump_group_type = GroupType::shared;
  std::string name;
  std::string tag;
  std::string comments;
  std::optional<std::int64_t> jump_policy_id;
  std::optional<std::int64_t> attended_session_policy_id;
  std::optional<std::int64_t> unattended_session_policy_id;
  std::string public_site_address;
  std::string support_button_profile_code_name;
  std::string support_button_direct_queue;
  ConnectionType connection_type = ConnectionType::active;
  StartMode customer_client_start_mode = StartMode::normal;
  std::int32_t max_offline_minutes = 0;  // 0: the site's setting
  bool ephemeral = false;
  bool elevate_install = true;
  bool elevate_prompt = true;
  bool is_quiet = false;
  std::string jumpoint_proxy;
  bool allow_override_support_button_profile = false;
  bool allow_override_support_button_direct_queue = false;
  bool allow_override_jump_group = false;
  bool allow_override_jump_policy = false;
  bool allow_override_name = false;
  bool allow_override_tag = false;
  bool allow_override_comments = false;
  bool allow_override_max_offline_minutes = false;
  bool allow_override_attended_session_policy = false;
  bool allow_override_unattended_session_policy = false;
  std::int32_t valid_minutes = 1440;
  std::int64_t expiration_timestamp = 0;  // created_at + valid_minutes, or as extended
  std::int64_t created_at = 0;
  std::string created_by;
  std::int64_t used = 0;  // enrolments with it
};
BOOST_DESCRIBE_STRUCT(Installer, (),
                      (id, installer_id, jump_group_id, jump_group_type, name, tag, comments, jump_policy_id,
                       attended_session_policy_id, unattended_session_policy_id, public_site_address,
                       support_button_profile_code_name, support_button_direct_queue, connection_type,
                       customer_client_start_mode, max_offline_minutes, ephemeral, elevate_install,
                       elevate_prompt, is_quiet, jumpoint_proxy, allow_override_support_button_profile,
                       allow_override_support_button_direct_queue, allow_override_jump_group,
                       allow_override_jump_policy, allow_override_name, allow_override_tag,
                       allow_override_comments, allow_override_max_offline_minutes,
                       allow_override_attended_session_policy, allow_override_unattended_session_policy,
                       valid_minutes, expiration_timestamp, created_at, created_by, used))

struct InstallerFilter {
  std::optional<std::string> name;
  std::optional<std::string> tag;
  std::optional<std::int64_t> jump_group_id;
  std::optional<GroupType> jump_group_type;
  std::optional<ConnectionType> connection_type;
  std::optional<std::int64_t> visible_to;  // a user who may deploy there (perm_add); empty: all
};

class Installers {
 public:
  explicit Installers(Db& db) : db_(db) {}

  Result<Installer> create(Installer installer, ByteView secret_hash);
  Result<std::optional<Installer>> get(std::int64_t id);
  Result<std::optional<Installer>> by_installer_id(std::string_view installer_id);
  Result<Bytes> secret_hash(std::int64_t id);
  Result<Rows<Installer>> list(const InstallerFilter& filter, const Page& page);
  Result<void> change(const Installer& installer);
  Result<void> count_use(std::int64_t id);
  Result<bool> remove(std::int64_t id);

 private:
  Db& db_;
};

}  // namespace jump::store
