// The tables, and the steps from each older version of them.
#pragma once

#include "common/base/error.h"
#include "tools/appliance/store/db.h"

namespace jump::store {

// 1  2026-11-21  first version
// 2  2026-11-22  Jumpoints, their nodes and items, vault accounts, host keys; asset ids are of one sequence
// 3  2026-11-22  who may be on one network, the right to wake, host keys of machines that are no assets
inline constexpr int kSchemaVersion = 4;

// Brings an empty or older database to `version`, each step in a transaction of its own. A newer one is
// refused: its program wrote things that this one would lose.
Result<void> migrate(Db& db, std::int64_t now, int version = kSchemaVersion);

}  // namespace jump::store
