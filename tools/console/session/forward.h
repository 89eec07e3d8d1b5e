// A local listener whose connections come out at the endpoint: each is a stream "connection", its half-closes
// kept.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "tools/console/session/opened_session.h"
#include "tools/console/text/argument.h"

namespace jump::console {

// Bound, not yet accepting: so that a port in use is told before a session is opened. Addresses off the
// loopback are refused unless `bind_any`.
Result<asio::ip::tcp::acceptor> listen_local(const asio::any_io_executor& executor, const ForwardSpec& spec,
                                             bool bind_any);

json::value forward_arguments(const ForwardSpec& spec);

class Forward {
 public:
  // What went wrong with one connection, for the person; the others go on.
  using Report = std::function<void(const std::string&)>;
  Forward(OpenedSession& session, asio::ip::tcp::acceptor acceptor, Report report);

  // Until a signal ends it: 128 + its number. Or why the session is over.
  Task<Result<int>> run();

 private:
  Task<> accept_all();
  Task<> carry(asio::ip::tcp::socket socket);
  Task<> watch_connection();
  Task<> watch_signals();

  OpenedSession& session_;
  asio::ip::tcp::acceptor acceptor_;
  Report report_;
  TaskGroup connections_;
  Event ended_;
  int stopped_by_ = 0;
};

}  // namespace jump::console
