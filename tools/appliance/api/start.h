// May somebody start a session with an asset, and what does the session reach?
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/control/messages.h"
#include "common/session/target.h"
#include "tools/appliance/store/store.h"

namespace jump::api {

// An asset that the caller may start. A Jump Client has an agent; what is behind a Jumpoint has a target.
struct Startable {
  store::AssetKind kind = store::AssetKind::jump_client;
  std::int64_t asset = 0;
  std::string name;
  std::int64_t jump_group_id = 0;
  store::GroupType jump_group_type = store::GroupType::shared;
  std::int64_t agent = 0;
  // The rest: behind a Jumpoint.
  std::int64_t jumpoint = 0;
  std::string jumpoint_name;
  std::string ability;  // that a node needs: ssh, telnet, tunnel
  std::optional<std::int64_t> node_id;
  std::string node_tag;
  std::optional<session::Target> target;  // with its credential: for the ticket only
};

// not_found: there is none that he sees (not told apart); refused: seen, but not to be started, and why.
// `vault_key` opens the stored credential.
Result<Startable> may_start(store::Store& store, const Secret& vault_key, std::int64_t user,
                            std::int64_t asset);
// A machine of a Jumpoint's network that is no asset: who is on the Jumpoint may (PRODUCT.md 5.7). Its asset
// is 0, its group the user's personal list.
Result<Startable> may_start_ad_hoc(store::Store& store, std::int64_t user,
                                   const control::AdHocTarget& wanted);
// Does the asset know this kind of session?
Result<void> check_kind(const Startable& asset, control::SessionKind kind);

}  // namespace jump::api
