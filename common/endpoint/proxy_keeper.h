// ProxyKeeper: the supervisor's hold on a node's Jump Zone Proxy, a process without keys that it starts when
// the settings say so (PRODUCT.md 7). Lines of JSON: a ProxyInput to its standard input, at the start and at
// each change; control::ZoneProxyState from its standard output. The end of its input is its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/task_group.h"
#include "common/control/messages.h"
#include "common/identity/order.h"
#include "platform/process.h"

namespace jump::endpoint {

struct ProxyProgram {
  std::vector<std::string> arguments{"proxy"};  // of this program
  std::string user;                             // runs as this user; empty: the service's own
  json::value local;                            // of the node's own configuration, handed on as it is
};

struct ProxyInput {
  identity::ZoneProxySettings settings;
  std::vector<std::string> targets;  // of the appliance, "host:port": where tunnels may go
  json::value local;
};
BOOST_DESCRIBE_STRUCT(ProxyInput, (), (settings, targets, local))

class ProxyKeeper {
 public:
  ProxyKeeper(asio::any_io_executor executor, std::string own_path, ProxyProgram program);

  // Nothing: there is to be no proxy. Takes effect at once.
  void set(std::optional<ProxyInput> input);
  // Starts the process, and again when it dies; until cancelled.
  Task<> run();

  // Rings when state() is another; one waiter.
  Event& changed() { return changed_; }
  const std::optional<control::ZoneProxyState>& state() const { return state_; }

 private:
  Task<Result<void>> run_process();
  Task<Result<void>> listen(platform::PipedProcess& process);
  void show(control::ZoneProxyState state);

  asio::any_io_executor executor_;
  std::string own_path_;
  ProxyProgram program_;
  std::optional<ProxyInput> input_;
  Event wanted_;
  Event changed_;
  std::optional<control::ZoneProxyState> state_;
};

}  // namespace jump::endpoint
