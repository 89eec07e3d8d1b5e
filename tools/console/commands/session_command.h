// SessionCommand: what the commands that open sessions share: API, tunnel, and the asset that must be there.
#pragma once

#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "tools/console/commands/command.h"
#include "tools/console/session/opened_session.h"

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
  // All of it: the asset, the tunnel, the session.
  Task<Result<OpenedSessionPtr>> open(std::string asset, bool wait, control::SessionKind kind,
                                      json::value arguments);
  // What to end with after open() has failed: 2 for several matches, which have been listed.
  int status_of_failure(const Error& error) const {
    return picked_status_ != 0 ? picked_status_ : fail(error);
  }
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
  int picked_status_ = 0;  // pick_online() has said why
};

}  // namespace jump::console
