// Which code serves which kind of session.
#pragma once

#include "common/endpoint/session_host.h"

namespace jump::agent {

Task<Result<void>> run_kind(endpoint::SessionIo& io, endpoint::SessionSetup& setup);

}  // namespace jump::agent
