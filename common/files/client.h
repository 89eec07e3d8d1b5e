// The console's side of session kind files: one call for each piece of work, over a session that is attached.
// Several may run at once; each has its own stream.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/files/requests.h"
#include "common/files/transfer.h"
#include "common/session/stream_io.h"

namespace jump::files {

struct PutRequest {
  std::string from;  // here, absolute or relative to the present folder
  std::string to;    // there, as typed
  bool recursive = false;
  bool resume = true;
};
Task<Result<TransferResult>> put(session::Session& session, PutRequest request, ProgressSink progress);

struct GetRequest {
  std::string from;  // there, as typed
  std::string to;    // here; a folder: it goes in there under the name that `from` ends with
  bool recursive = false;
  bool resume = true;
};
Task<Result<TransferResult>> get(session::Session& session, GetRequest request, ProgressSink progress);

struct Listing {
  std::vector<Entry> entries;  // path = the name
  std::vector<Skip> skipped;   // names that cannot be told
};
Task<Result<Listing>> list(session::Session& session, std::string path);
// Links are followed. Fault::closed with the endpoint's words when there is none.
Task<Result<Entry>> stat(session::Session& session, std::string path);
Task<Result<void>> make_folder(session::Session& session, std::string path, bool parents);
// What could not be removed stands in the remarks.
Task<Result<TransferResult>> remove(session::Session& session, std::string path, bool recursive);

}  // namespace jump::files
