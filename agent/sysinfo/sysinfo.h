// Session kind sysinfo: a report on the machine for each stream "report" that the console opens, as one JSON
// document (common/session/system_report.h).
#pragma once

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/stream_io.h"
#include "common/session/system_report.h"

namespace jump::agent {

// Takes a quarter of a second, for the load of the processors, and up to 10 s where the service manager is
// slow.
Task<session::SystemReport> make_report();

// Until the console says hangup, or with the error that ended the session.
Task<Result<void>> run_sysinfo(session::Session& session);

}  // namespace jump::agent
