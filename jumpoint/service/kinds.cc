#include "jumpoint/service/kinds.h"

#include <utility>

#include "common/endpoint/allow_list.h"
#include "jumpoint/bridge/lock_up.h"
#include "jumpoint/bridge/ssh_bridge.h"
#include "jumpoint/bridge/target_address.h"
#include "jumpoint/bridge/tcp_bridge.h"
#include "jumpoint/bridge/telnet_bridge.h"

namespace jump::jumpoint {
namespace {

using control::SessionKind;
using session::Protocol;

Result<void> check_kind(const session::Target& target, SessionKind kind) {
  const bool shell = kind == SessionKind::shell;
  const bool fits = target.protocol == Protocol::ssh
                        ? shell || kind == SessionKind::exec || kind == SessionKind::files
                    : target.protocol == Protocol::telnet ? shell
                                                          : kind == SessionKind::forward;
  if (fits) return {};
  return Error(Fault::unsupported, std::string(boost::describe::enum_to_string(target.protocol, "?")) +
                                       " targets have no sessions of kind " +
                                       boost::describe::enum_to_string(kind, "?"));
}

Task<Result<void>> bridge_tcp(endpoint::SessionIo& io, session::Target target, json::value arguments,
                              endpoint::AllowList allowed) {
  std::uint16_t port = 0;
  if (arguments.is_object() && !arguments.get_object().empty()) {
    const Result<session::ForwardStart> start = from_json<session::ForwardStart>(arguments);
    if (!start) co_return wrap(start.error(), "arguments of the session");
    port = start->port;
  }
  co_return co_await bridge::run_tcp(io, std::move(target), port, std::move(allowed));
}

// A start that was not answered in time goes to another node, and this one's attach is then refused: nothing
// may have been done at the target by then.
Task<Result<void>> accepted(endpoint::SessionIo& io) {
  using State = mux::SessionEnd::State;
  constexpr auto kLook = std::chrono::milliseconds(5);
  while (io.end().state() == State::unbound || io.end().state() == State::attaching)
    co_await sleep_for(kLook);
  if (io.end().state() == State::over) co_return Error(Fault::closed, "the session was not accepted");
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> run_kind(endpoint::SessionIo& io, endpoint::SessionSetup& setup) {
  if (!setup.ticket.target)
    co_return Error(Fault::unsupported, "a Jumpoint has no sessions of its own: the ticket names no target");
  session::Target target = std::move(*setup.ticket.target);
  setup.ticket.target.reset();
  const Result<void> here = co_await accepted(io);
  if (!here) co_return here.error();
  const SessionKind kind = setup.ticket.kind;
  Result<void> fits = check_kind(target, kind);
  if (!fits) co_return fits;
  Result<endpoint::AllowList> allowed = endpoint::AllowList::parse(setup.forward_allow);
  if (!allowed) co_return wrap(allowed.error(), "target_allow in this Jumpoint's configuration");
  if (target.protocol == Protocol::tcp) {
    const Result<void> locked = bridge::lock_up(bridge::Walls::connections, setup.memory_bytes);
    if (!locked) co_return wrap(locked.error(), "lock the session up");
    co_return co_await bridge_tcp(io, std::move(target), std::move(setup.ticket.arguments),
                                  std::move(*allowed));
  }
  Result<asio::ip::tcp::socket> socket = co_await bridge::dial_target(target.host, target.port, *allowed);
  if (!socket) co_return socket.error();
  if (target.protocol == Protocol::telnet) {
    Result<session::ShellStart> start = from_json<session::ShellStart>(setup.ticket.arguments);
    if (!start) co_return wrap(start.error(), "arguments of the session");
    const Result<void> locked = bridge::lock_up(bridge::Walls::target_only, setup.memory_bytes);
    if (!locked) co_return wrap(locked.error(), "lock the session up");
    co_return co_await bridge::run_telnet(io, std::move(*socket), std::move(target), std::move(*start));
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Result<std::unique_ptr<bridge::SshConnection>> connection =
      bridge::SshConnection::create(executor, std::move(*socket), bridge::ssh_options(target));
  if (!connection) co_return connection.error();
  const Result<void> locked = bridge::lock_up(bridge::Walls::target_only, setup.memory_bytes);
  if (!locked) co_return wrap(locked.error(), "lock the session up");
  co_return co_await bridge::run_ssh(io, std::move(*connection), std::move(target), kind,
                                     std::move(setup.ticket.arguments));
}

}  // namespace jump::jumpoint
