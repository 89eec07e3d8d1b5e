// Named pipes, which are the only ones of Windows that can be read and written without a thread that waits.
#pragma once

#include <string>
#include <utility>

#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

enum class PipeWay { both, to_child, from_child };

// Two connected ends that nobody else can get at; not inherited. first: ours, overlapped. second: a child's;
// overlapped with PipeWay::both, else as programs expect their standard handles.
Result<std::pair<Handle, Handle>> pipe_ends(PipeWay way);

struct NewPipe {
  std::wstring name;    // "\\.\pipe\…"
  std::wstring access;  // a security descriptor in words (SDDL)
  bool first = true;    // Fault::already_exists where somebody has this name
};
// A server's end that waits for a client; both ways, overlapped, for this machine only.
Result<Handle> new_pipe(const NewPipe& pipe);

}  // namespace jump::platform
