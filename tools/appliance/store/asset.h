// The words that installers and assets of all kinds share.
#pragma once

#include <boost/describe.hpp>

namespace jump::store {

enum class GroupType { shared, personal };  // personal: jump_group_id is a user's id
BOOST_DESCRIBE_ENUM(GroupType, shared, personal)
enum class AssetKind { jump_client, shell_jump, protocol_tunnel_jump };
BOOST_DESCRIBE_ENUM(AssetKind, jump_client, shell_jump, protocol_tunnel_jump)
enum class StartMode { normal, minimized, hidden };
BOOST_DESCRIBE_ENUM(StartMode, normal, minimized, hidden)
enum class InstallMode { unknown, user, service };
BOOST_DESCRIBE_ENUM(InstallMode, unknown, user, service)
enum class ConnectionType { active, passive, uninstalled };
BOOST_DESCRIBE_ENUM(ConnectionType, active, passive, uninstalled)

}  // namespace jump::store
