#include "agent/service/kinds.h"

#include "agent/files/files.h"
#include "agent/forward/forward.h"
#include "agent/shell/exec.h"
#include "agent/shell/shell.h"
#include "agent/sysinfo/sysinfo.h"
#include "common/session/codec.h"

namespace jump::agent {
namespace {

// The supervisor made this process the session user already, where it may; else it runs as the service.
RunAs run_as(const endpoint::SessionSetup& setup) {
  RunAs as;
  as.shell = setup.shell;
  return as;
}

template <typename Start>
Result<Start> start_of(const endpoint::SessionSetup& setup) {
  Result<Start> start = from_json<Start>(setup.ticket.arguments);
  if (!start) return wrap(start.error(), "arguments of the session");
  return start;
}

}  // namespace

Task<Result<void>> run_kind(endpoint::SessionIo& io, endpoint::SessionSetup& setup) {
  switch (setup.ticket.kind) {
    case control::SessionKind::shell: {
      Result<session::ShellStart> start = start_of<session::ShellStart>(setup);
      if (!start) co_return start.error();
      co_return co_await run_shell(io, std::move(*start), run_as(setup));
    }
    case control::SessionKind::exec: {
      Result<session::ExecStart> start = start_of<session::ExecStart>(setup);
      if (!start) co_return start.error();
      co_return co_await run_exec(io, std::move(*start), run_as(setup));
    }
    case control::SessionKind::files: {
      const Result<platform::User> user = platform::current_user();
      FilesOptions options;
      if (user) options.home = user->home;
      co_return co_await run_files(io, std::move(options));
    }
    case control::SessionKind::sysinfo:
      co_return co_await run_sysinfo(io);
    case control::SessionKind::forward: {
      Result<session::ForwardStart> start = start_of<session::ForwardStart>(setup);
      if (!start) co_return start.error();
      Result<AllowList> allowed = AllowList::parse(setup.forward_allow);
      if (!allowed) co_return wrap(allowed.error(), "forward_allow in this endpoint's configuration");
      co_return co_await run_forward(io, std::move(*start), std::move(*allowed));
    }
  }
  co_return Error(Fault::unsupported, "this Jump Client does not serve sessions of this kind");
}

}  // namespace jump::agent
