// The one question and answer of ALPN jump-enroll/1 (common/identity/enrolment.h), over a connection that
// stands.
#pragma once

#include "common/base/task_group.h"
#include "common/identity/enrolment.h"
#include "common/tunnel/transport.h"

namespace jump::endpoint {

// Fault::timed_out after 30 s. A refusal is an answer, not an error.
Task<Result<identity::EnrollResponse>> ask_to_enrol(tunnel::Transport& stream,
                                                    const identity::EnrollRequest& request);

}  // namespace jump::endpoint
