// Which bridge serves which session.
#pragma once

#include "common/endpoint/session_host.h"

namespace jump::jumpoint {

// Reaches the target, gives up every right that is not needed any more, then bridges.
Task<Result<void>> run_kind(endpoint::SessionIo& io, endpoint::SessionSetup& setup);

}  // namespace jump::jumpoint
