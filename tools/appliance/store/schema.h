// The tables, and the steps from each older version of them.
#pragma once

#include "common/base/error.h"
#include "tools/appliance/store/db.h"

namespace jump::store {

inline constexpr int kSchemaVersion = 1;  // 2026-11-21: first version

// Brings an empty or older database to kSchemaVersion, each step in a transaction of its own. A newer one is
// refused: its program wrote things that this one would lose.
Result<void> migrate(Db& db, std::int64_t now);

}  // namespace jump::store
