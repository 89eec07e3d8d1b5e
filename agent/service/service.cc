#include "agent/service/service.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/enroll/enroll.h"
#include "common/base/log.h"
#include "common/endpoint/state.h"
#include "common/endpoint/status_socket.h"
#include "common/endpoint/supervisor.h"
#include "platform/files.h"
#include "platform/machine.h"

namespace jump::agent {
namespace {

constexpr auto kStopPatience = std::chrono::seconds(15);

std::string pid_path(const Config& config) {
  return config.run + "/supervisor.pid";
}

// Held as long as the service runs; the kernel lets it go with the process.
Result<platform::Handle> lock_service(const Config& config) {
  Result<void> folder = platform::make_folder(config.run);
  if (!folder) return folder.error();
  platform::Handle file(::open(pid_path(config).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.valid()) return system_error("open " + pid_path(config));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error(Fault::already_exists, "a Jump Client runs already with " + config.run);
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 || ::write(file.get(), pid.data(), pid.size()) < 0) {
    return system_error("write " + pid_path(config));
  }
  return file;
}

Task<> stop_on_signal(asio::any_io_executor executor, endpoint::Supervisor& supervisor) {
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!error) supervisor.stop();
}

// All that enrolment has left here. Session processes go on until their sessions end.
void remove_data(const Config& config) {
  std::error_code failed;
  for (const char* name : {"/identity", "/private", "/state.json"}) {
    std::filesystem::remove_all(config.data + name, failed);
    if (failed)
      log::error("service", "could not be removed",
                 {{"path", config.data + name}, {"error", failed.message()}});
  }
}

Task<> run_supervisor(asio::any_io_executor executor, const Config& config, endpoint::EndpointState state,
                      int& exit_code) {
  endpoint::SupervisorOptions options;
  options.program = "jump-client";
  options.software = software();
  options.own_path = platform::own_program();
  options.data = config.data;
  options.run = config.run;
  options.routes = routes(config);
  options.rules = rules(config);
  endpoint::Supervisor supervisor(executor, std::move(options), std::move(state));
  TaskGroup tasks(executor);
  tasks.spawn("signals", stop_on_signal(executor, supervisor));
  const Result<endpoint::SupervisorEnd> end = co_await supervisor.run();
  co_await tasks.stop();
  if (!end) {
    log::error("service", "failed", {{"error", end.error().message()}});
    exit_code = 1;
  } else if (*end == endpoint::SupervisorEnd::uninstalled) {
    remove_data(config);
    log::info("service", "uninstalled by the appliance");
  }
}

}  // namespace

std::string software() {
  return std::string("jump-client ") + kVersion + " (linux " + platform::operating_system().architecture +
         ")";
}

int run_service(const Config& config) {
  std::signal(SIGPIPE, SIG_IGN);
  const Result<platform::Handle> lock = lock_service(config);
  if (!lock) {
    log::error("service", "cannot start", {{"error", lock.error().message()}});
    return 1;
  }
  Result<endpoint::EndpointState> state = endpoint::load_state(config.data);
  if (!state) {
    const bool missing = state.error().is(Fault::not_found);
    log::error("service",
               missing ? "this machine is not enrolled: run `jump-client install --key-info-file FILE`"
                       : "the state cannot be read",
               {{"error", state.error().message()}});
    return missing ? 3 : 1;
  }
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  int exit_code = 0;
  tasks.spawn("supervisor", run_supervisor(io.get_executor(), config, std::move(*state), exit_code));
  io.run();
  return exit_code;
}

namespace {

Task<> run_enrolment(asio::any_io_executor executor, EnrolInput input, EnrolOutcome& outcome) {
  outcome = co_await enrol(executor, std::move(input));
}

}  // namespace

int install(const Config& config, const InstallOptions& options) {
  Result<identity::DeploymentKey> key = identity::parse_deployment_key(options.key_info);
  if (!key) {
    std::fprintf(stderr, "jump-client: %s\n", key.error().message().c_str());
    return static_cast<int>(EnrolExit::failed);
  }
  EnrolInput input{std::move(*key), options.overrides, routes(config), config.data, software()};
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  EnrolOutcome outcome;
  tasks.spawn("enrolment", run_enrolment(io.get_executor(), std::move(input), outcome));
  io.run();
  if (options.json) {
    json::object report{
        {"ok", outcome.exit == EnrolExit::done}, {"agent", outcome.agent}, {"text", outcome.text}};
    std::printf("%s\n", json::serialize(report).c_str());
  } else if (outcome.exit == EnrolExit::done) {
    std::printf("enrolled as agent:%llu (%s)\n", static_cast<unsigned long long>(outcome.agent),
                outcome.text.c_str());
  } else {
    std::fprintf(stderr, "jump-client: not enrolled: %s\n", outcome.text.c_str());
  }
  return static_cast<int>(outcome.exit);
}

int show_status(const Config& config, bool json) {
  const Result<endpoint::EndpointState> state = endpoint::load_state(config.data);
  const Result<std::string> live = endpoint::read_status(config.run + "/status.sock");
  const Result<endpoint::TunnelStatus> status =
      live ? from_json_text<endpoint::TunnelStatus>(*live, 1024 * 1024) : live.error();
  const bool online = status && status->state == endpoint::TunnelState::online;
  if (json) {
    json::object report;
    report["enrolled"] = state.has_value();
    if (state) {
      report["id"] = state->peer_id;
      report["addresses"] = to_json(state->addresses);
    }
    report["running"] = status.has_value();
    if (status) report["tunnel"] = to_json(*status);
    std::printf("%s\n", json::serialize(report).c_str());
    return online ? 0 : 1;
  }
  if (!state) {
    std::printf("not enrolled: %s\n", state.error().message().c_str());
    return 3;
  }
  std::printf("identity   %s, enrolled %s\n", state->peer_id.c_str(), iso8601(state->enrolled).c_str());
  std::string addresses;
  for (const std::string& address : state->addresses) addresses += (addresses.empty() ? "" : ", ") + address;
  std::printf("appliance  %s\n", addresses.c_str());
  if (!status) {
    std::printf("service    not running (%s)\n", status.error().message().c_str());
    return 1;
  }
  std::printf("tunnel     %s since %s\n", boost::describe::enum_to_string(status->state, "?"),
              iso8601(status->since).c_str());
  if (online) {
    std::printf("route      %s\nsessions   %u\n", status->route.c_str(), status->sessions);
  } else {
    std::printf("reason     %s\ntries      %llu in vain\n", printable(status->reason).c_str(),
                static_cast<unsigned long long>(status->failed_tries));
  }
  for (const std::string& attempt : status->attempts)
    std::printf("           %s\n", printable(attempt).c_str());
  return online ? 0 : 1;
}

bool endpoint_service_runs(const Config& config) {
  return endpoint::read_status(config.run + "/status.sock").has_value();
}

// --- uninstall
// ----------------------------------------------------------------------------------------------

namespace {

// Stops the service that runs with this configuration, if any.
bool stop_service(const Config& config) {
  const Result<Bytes> text = platform::read_file(pid_path(config), 64);
  if (!text) return true;
  const int pid = std::atoi(std::string(as_text(*text)).c_str());
  const platform::Handle file(::open(pid_path(config).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  const auto until = std::chrono::steady_clock::now() + kStopPatience;
  bool asked = false;
  // The lock tells whether that process still is the service; a number alone might be anybody's by now.
  while (file.valid() && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (!asked && pid > 1) ::kill(pid, SIGTERM);
    asked = true;
    if (std::chrono::steady_clock::now() > until) return false;
    ::usleep(50000);
  }
  return true;
}

}  // namespace

int uninstall(const Config& config, bool json) {
  Result<endpoint::EndpointState> state = endpoint::load_state(config.data);
  if (!stop_service(config)) {
    std::fprintf(stderr, "jump-client: the service does not stop; nothing was removed\n");
    return 1;
  }
  bool told = false;
  std::string why = "this machine was not enrolled";
  if (state) {
    const Result<void> said = tell_uninstalled(config, *state);
    told = said.has_value();
    if (!said) why = said.error().message();
  }
  remove_data(config);
  std::error_code ignored;
  std::filesystem::remove_all(config.run, ignored);
  if (json) {
    std::printf("%s\n", json::serialize(json::object{{"told", told}, {"text", told ? "" : why}}).c_str());
  } else if (told) {
    std::printf("uninstalled; the appliance knows\n");
  } else {
    std::printf("uninstalled; the appliance could not be told and shows this machine as offline: %s\n",
                why.c_str());
  }
  return 0;
}

}  // namespace jump::agent
