// SessionCommand: what the commands that open sessions share: API, tunnel, and the asset that must be there.
#pragma once

#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "tools/console/commands/command.h"
#include "tools/console/session/console_tunnel.h"

namespace jump::console {

class SessionCommand {
 public:
  static Result<std::unique_ptr<SessionCommand>> create(Context& context);

  ApiClient& api() { return *api_; }
  ConsoleTunnel& tunnel() { return tunnel_; }

  // The asset, when it is online. Offline: says since when, at once; or waits for it.
  Task<PickedAsset> pick_online(std::string wanted, bool wait);
  // Dials; ends when the tunnel is up.
  Task<Result<void>> connect();
  // Before this goes.
  Task<> stop();

  SessionCommand(asio::any_io_executor executor, std::unique_ptr<ApiClient> api, ConsoleTunnel::Dial dial,
                 Secret token, std::string software)
      : api_(std::move(api)),
        tunnel_(executor, std::move(dial), std::move(token), std::move(software)),
        tasks_(executor) {}

 private:
  std::unique_ptr<ApiClient> api_;
  ConsoleTunnel tunnel_;
  TaskGroup tasks_;
};

}  // namespace jump::console
