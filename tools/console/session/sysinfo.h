// A fresh report of a machine, asked of the endpoint itself.
#pragma once

#include <string>

#include "common/session/system_report.h"
#include "tools/console/session/opened_session.h"

namespace jump::console {

// The JSON document as it came; at most session::kSystemReportMost bytes, within half a minute.
Task<Result<std::string>> fetch_report(OpenedSession& session);
// For people: the machine, its disks and interfaces, and the processes that use most.
std::string report_text(const session::SystemReport& report);

}  // namespace jump::console
