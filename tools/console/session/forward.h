// Local listeners whose connections come out at the endpoint: each is a stream "connection", its half-closes
// kept. Of a tunnel jump, the stream's arguments say which of the target's ports is meant.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "platform/signals.h"
#include "tools/console/session/opened_session.h"
#include "tools/console/text/argument.h"

namespace jump::console {

// Bound, not yet accepting: so that a port in use is told before a session is opened. Addresses off the
// loopback are refused unless `bind_any`.
Result<asio::ip::tcp::acceptor> listen_local(const asio::any_io_executor& executor, const ForwardSpec& spec,
                                             bool bind_any);

// Of the session, and of each stream.
json::value forward_arguments(const std::string& host, std::uint16_t port);

struct ForwardListener {
  asio::ip::tcp::acceptor acceptor;
  json::value arguments;  // of its connections' streams
};

class Forward {
 public:
  // What went wrong with one connection, for the person; the others go on.
  using Report = std::function<void(const std::string&)>;
  Forward(OpenedSession& session, std::vector<ForwardListener> listeners, Report report);

  // Until a signal ends it: 128 + its number. Or why the session is over.
  Task<Result<int>> run();

 private:
  Task<> accept_all(ForwardListener& listener);
  Task<> carry(asio::ip::tcp::socket socket, json::value arguments);
  Task<> watch_connection();
  Task<> watch_signals();

  OpenedSession& session_;
  std::vector<ForwardListener> listeners_;
  Report report_;
  TaskGroup connections_;
  Event ended_;
  std::optional<platform::Signal> stopped_by_;
};

}  // namespace jump::console
