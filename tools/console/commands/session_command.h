// SessionCommand: what the commands that open sessions share: API, tunnel, and the asset that must be there.
#pragma once

#include <memory>
#include <string>

#include "common/base/task_group.h"
#include "tools/console/commands/command.h"
#include "tools/console/session/opened_session.h"

namespace jump::console {

// How a session's questions are answered, as given on the command line.
struct AskArguments {
  bool batch = false;
  bool accept_new_host_key = false;
  std::string password_file;
  bool telnet = false;  // for JUMPOINT/HOST: not SSH
};
void add_ask_options(CLI::App* app, const std::shared_ptr<AskArguments>& arguments);

// Fault::unsupported, with what works instead, for a kind of session that an asset of its kind cannot have.
Result<void> can_serve(const Asset& asset, control::SessionKind kind);

class SessionCommand {
 public:
  // `standard_input`: it is a person's when it is a terminal, and only then is anybody asked; false where it
  // carries something else (ssh-proxy), and the terminal is asked if there is one.
  static Result<std::unique_ptr<SessionCommand>> create(Context& context, const AskArguments& arguments,
                                                        bool standard_input = true);

  ApiClient& api() { return *api_; }
  ConsoleTunnel& tunnel() { return tunnel_; }
  Asker& asker() { return asker_; }
  const AskOptions& ask_options() const { return ask_options_; }

  // The asset, when it is online, or a machine as JUMPOINT/HOST. Offline: says since when, at once; or waits
  // for it.
  Task<PickedAsset> pick_online(std::string wanted, bool wait);
  // Dials; ends when the tunnel is up.
  Task<Result<void>> connect();
  // All of it: the asset, the tunnel, the session.
  Task<Result<OpenedSessionPtr>> open(std::string asset, bool wait, control::SessionKind kind,
                                      json::value arguments);
  // The last step of it, when an asset was picked and the tunnel is up.
  Task<Result<OpenedSessionPtr>> open_on(const Asset& asset, control::SessionKind kind,
                                         json::value arguments);
  // What to end with after open() has failed: 2 for several matches, which have been listed.
  int status_of_failure(const Error& error) const {
    return picked_status_ != 0 ? picked_status_ : fail(error);
  }
  // Before this goes.
  Task<> stop();

  SessionCommand(asio::any_io_executor executor, std::unique_ptr<ApiClient> api, ConsoleTunnel::Dial dial,
                 Secret token, std::string software, AskOptions ask_options, bool somebody, bool telnet)
      : api_(std::move(api)),
        ask_options_(std::move(ask_options)),
        place_(executor),
        asker_(ask_options_, somebody ? &place_ : nullptr),
        tunnel_(executor, std::move(dial), std::move(token), std::move(software)),
        tasks_(executor),
        telnet_(telnet) {}

 private:
  std::unique_ptr<ApiClient> api_;
  AskOptions ask_options_;
  TerminalPlace place_;
  Asker asker_;
  ConsoleTunnel tunnel_;
  TaskGroup tasks_;
  bool telnet_ = false;
  int picked_status_ = 0;  // pick_online() has said why
};

}  // namespace jump::console
