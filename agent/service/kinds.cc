#include "agent/service/kinds.h"

#include "agent/forward/forward.h"
#include "agent/shell/exec.h"
#include "agent/shell/shell.h"
#include "common/session/codec.h"

namespace jump::agent {
namespace {

// The supervisor made this process the session user already, where it may; else it runs as the service.
RunAs run_as() { return {}; }

template <typename Start>
Result<Start> start_of(const endpoint::SessionSetup& setup) {
  Result<Start> start = from_json<Start>(setup.ticket.arguments);
  if (!start) return wrap(start.error(), "arguments of the session");
  return start;
}

}  // namespace

Task<Result<void>> run_kind(endpoint::SessionIo& io, const endpoint::SessionSetup& setup) {
  switch (setup.ticket.kind) {
    case control::SessionKind::shell: {
      Result<session::ShellStart> start = start_of<session::ShellStart>(setup);
      if (!start) co_return start.error();
      co_return co_await run_shell(io, std::move(*start), run_as());
    }
    case control::SessionKind::exec: {
      Result<session::ExecStart> start = start_of<session::ExecStart>(setup);
      if (!start) co_return start.error();
      co_return co_await run_exec(io, std::move(*start), run_as());
    }
    default: break;
  }
  co_return Error(Fault::unsupported, "this Jump Client does not serve sessions of this kind");
}

}  // namespace jump::agent
