// Session kind files: serves the streams get, put, list, stat, make_folder and remove
// (common/files/FORMAT.md) with the rights of this process: whoever starts it has become the session user
// before.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/stream_io.h"

namespace jump::agent {

struct FilesOptions {
  std::string home = "/";  // where relative paths begin
};

// Until the console says hangup, or with the error that ended the session. Transfers that run then are broken
// off; what had arrived is kept for resuming.
Task<Result<void>> run_files(session::Session& session, FilesOptions options);

}  // namespace jump::agent
