#include "common/endpoint/service.h"

#include <cstdio>
#include <filesystem>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "common/base/log.h"
#include "common/endpoint/enrol.h"
#include "common/endpoint/status_socket.h"
#include "common/endpoint/supervisor.h"
#include "platform/files.h"
#include "platform/machine.h"
#include "platform/ownership.h"
#include "platform/paths.h"
#include "platform/pipe.h"
#include "platform/privileges.h"
#include "platform/service_manager.h"
#include "platform/service_run.h"

namespace jump::endpoint {
namespace {

constexpr auto kStopPatience = std::chrono::seconds(15);
constexpr auto kLookPause = std::chrono::milliseconds(100);

std::string pid_path(const ServiceSpec& service) {
  return service.run + "/supervisor.pid";
}

Result<platform::ServiceLock> lock_service(const ServiceSpec& service) {
  Result<void> folder = platform::make_folder(service.run);
  if (!folder) return folder.error();
  Result<platform::ServiceLock> lock = platform::ServiceLock::take(pid_path(service));
  if (!lock && lock.error().is(Fault::already_exists))
    return Error(Fault::already_exists, "a " + service.title + " runs already with " + service.run);
  return lock;
}

Task<> stop_when_ordered(asio::any_io_executor executor, Supervisor& supervisor) {
  co_await platform::stop_ordered(executor);
  supervisor.stop();
}

// All that enrolment has left here. Session processes go on until their sessions end.
void remove_data(const ServiceSpec& service) {
  std::error_code failed;
  // A copy of the program that a session runs from stays; the next uninstallation finds it.
  std::filesystem::remove_all(service.data + "/programs", failed);
  for (const char* name : {"/identity", "/identity.new", "/identity.old", "/private", "/state.json"}) {
    std::filesystem::remove_all(service.data + name, failed);
    if (failed)
      log::error("service", "could not be removed",
                 {{"path", service.data + name}, {"error", failed.message()}});
  }
}

Task<> run_supervisor(asio::any_io_executor executor, const ServiceSpec& service, EndpointState state,
                      int& exit_code) {
  SupervisorOptions options;
  options.role = service.role;
  options.program = service.program;
  options.software = software(service);
  options.own_path = platform::own_program();
  options.data = service.data;
  options.run = service.run;
  options.routes = service.routes;
  options.rules = service.rules;
  options.abilities = service.abilities;
  options.proxy = service.proxy;
  Supervisor supervisor(executor, std::move(options), std::move(state));
  TaskGroup tasks(executor);
  tasks.spawn("order to stop", stop_when_ordered(executor, supervisor));
  const Result<SupervisorEnd> end = co_await supervisor.run();
  co_await tasks.stop();
  if (!end) {
    log::error("service", "failed", {{"error", end.error().message()}});
    exit_code = 1;
  } else if (*end == SupervisorEnd::uninstalled) {
    remove_data(service);
    log::info("service", "uninstalled by the appliance");
  }
}

}  // namespace

std::string software(const ServiceSpec& service) {
  return service.program + " " + kVersion + " (" + std::string(platform::system_family()) + " " +
         platform::operating_system().architecture + ")";
}

namespace {

int serve(const ServiceSpec& service) {
  // Where all processes have one user, the one that faces the network shall not reach into this one.
  (void)platform::forbid_inspection();
  const std::string log_folder = platform::program_paths(service.program).log;
  const Result<void> logged = platform::keep_standard_error(log_folder + "/" + service.program + ".log");
  if (!logged) log::warning("service", logged.error().message());
  const Result<platform::ServiceLock> lock = lock_service(service);
  if (!lock) {
    log::error("service", "cannot start", {{"error", lock.error().message()}});
    return 1;
  }
  Result<EndpointState> state = load_state(service.data);
  if (!state) {
    const bool missing = state.error().is(Fault::not_found);
    log::error(
        "service",
        missing ? "this machine is not enrolled: run `" + service.program + " install --key-info-file FILE`"
                : std::string("the state cannot be read"),
        {{"error", state.error().message()}});
    return missing ? 3 : 1;
  }
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  int exit_code = 0;
  tasks.spawn("supervisor", run_supervisor(io.get_executor(), service, std::move(*state), exit_code));
  io.run();
  return exit_code;
}

}  // namespace

int run_service(const ServiceSpec& service) {
  platform::ignore_broken_pipes();
  return platform::run_as_service(service.program, [&service] { return serve(service); });
}

namespace {

Task<> run_enrolment(asio::any_io_executor executor, EnrolInput input, EnrolOutcome& outcome) {
  outcome = co_await enrol(executor, std::move(input));
}

constexpr std::size_t kKeyFileBytes = 8192;

// From a file, or from standard input for "-": then it stands in no command line.
Result<std::string> read_key(const InstallOptions& options) {
  if (!options.key_info.empty()) return options.key_info;
  if (options.key_info_file == "-") {
    const Result<Secret> text = platform::read_to_end(platform::standard_input(), kKeyFileBytes);
    if (!text) return wrap(text.error(), "read the deployment key");
    return std::string(text->reveal_text());
  }
  const Result<Bytes> bytes = platform::read_file(options.key_info_file, kKeyFileBytes);
  if (!bytes) return bytes.error();
  return std::string(as_text(*bytes));
}

// A service with a user of its own: what root says to it must not leave root's files behind.
Result<platform::ActingAs> act_as_owner(const ServiceSpec& service) {
  Result<platform::User> owner = platform::owner_of(service.data);
  if (!owner) owner = platform::current_user();
  if (!owner) return owner.error();
  return platform::ActingAs::begin(*owner);
}

// With folders of its own it is not the one that the service manager knows by that name.
bool has_own_folders(const ServiceSpec& service) {
  return service.data == platform::program_paths(service.program).data;
}
bool is_managed(const ServiceSpec& service) {
  return has_own_folders(service) && platform::service_is_managed(service.program);
}

Result<void> make_known(const ServiceSpec& service) {
  platform::ServiceRecord record;
  record.name = service.program;
  record.title = service.title;
  record.description = "Keeps this machine reachable through its appliance, and listens on nothing.";
  record.argv = {platform::own_program(), "run"};
  return platform::make_service(record);
}

int complain(const ServiceSpec& service, const std::string& text, int status) {
  std::fprintf(stderr, "%s: %s\n", service.program.c_str(), text.c_str());
  return status;
}

}  // namespace

namespace {

EnrolOutcome enrol_here(const ServiceSpec& service, const InstallOptions& options,
                        identity::DeploymentKey key) {
  const Result<platform::ActingAs> acting = act_as_owner(service);
  if (!acting) return EnrolOutcome{EnrolExit::failed, acting.error().message(), 0};
  EnrolInput input;
  input.role = service.role;
  input.key = std::move(key);
  input.overrides = options.overrides;
  input.routes = service.routes;
  input.data = service.data;
  input.software = software(service);
  input.session_user = options.session_user;
  if (const Result<EndpointState> before = load_state(service.data); before && !input.session_user)
    input.session_user = before->session_user;
  if (platform::may_become_users()) input.identity_user = service.rules.tunnel_user;
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  EnrolOutcome outcome;
  tasks.spawn("enrolment", run_enrolment(io.get_executor(), std::move(input), outcome));
  io.run();
  return outcome;
}

// In seconds how long that took.
Result<double> wait_until_online(const ServiceSpec& service, std::uint64_t id, std::uint32_t seconds) {
  const std::string name = boost::describe::enum_to_string(service.role, "?") + (":" + std::to_string(id));
  const Instant began = BootClock::now();
  std::string why = "the service does not run";
  while (BootClock::now() - began < std::chrono::seconds(seconds)) {
    const Result<std::string> text = read_status(status_socket(service.run));
    const Result<TunnelStatus> status =
        text ? from_json_text<TunnelStatus>(*text, 1024 * 1024) : text.error();
    if (status && status->state == TunnelState::online && status->peer_id == name)
      return std::chrono::duration<double>(BootClock::now() - began).count();
    if (status && !status->reason.empty()) why = printable(status->reason);
    std::this_thread::sleep_for(kLookPause);
  }
  return Error(Fault::timed_out, "not online after " + std::to_string(seconds) + " s: " + why);
}

std::string tenths(double seconds) {
  const auto count = static_cast<long long>(seconds * 10);
  return std::to_string(count / 10) + "." + std::to_string(count % 10);
}

}  // namespace

int install(const ServiceSpec& service, const InstallOptions& options) {
  if (options.key_info.empty() == options.key_info_file.empty()) {
    return complain(service, "give the deployment key with --key-info-file FILE (or - for standard input)",
                    2);
  }
  if (!options.key_info.empty())
    complain(service, "warning: a key in the command line can be read by every user of this machine", 0);
  const Result<std::string> text = read_key(options);
  if (!text) return complain(service, text.error().message(), 1);
  Result<identity::DeploymentKey> key = identity::parse_deployment_key(*text);
  if (!key) return complain(service, key.error().message(), static_cast<int>(EnrolExit::failed));
  const Result<platform::User> user =
      options.session_user ? platform::find_user(*options.session_user) : platform::current_user();
  if (!user) return complain(service, user.error().message(), 2);
  const EnrolOutcome outcome = enrol_here(service, options, std::move(*key));
  EnrolExit exit = outcome.exit;
  std::string words = outcome.text;
  if (exit == EnrolExit::done && has_own_folders(service)) {
    const Result<void> known = make_known(service);
    if (!known) complain(service, known.error().message(), 0);
  }
  if (exit == EnrolExit::done && !options.no_start && is_managed(service)) {
    const Result<void> started = platform::restart_service(service.program);
    if (!started) complain(service, "the service was not started: " + started.error().message(), 0);
  }
  if (exit == EnrolExit::done && options.wait_seconds) {
    const Result<double> online = wait_until_online(service, outcome.id, *options.wait_seconds);
    if (!online) exit = EnrolExit::not_online;
    words += online ? ", online after " + tenths(*online) + " s" : ", " + online.error().message();
  }
  const char* role = boost::describe::enum_to_string(service.role, "?");
  if (options.json) {
    json::object report{{"ok", exit == EnrolExit::done}, {role, outcome.id}, {"text", words}};
    std::printf("%s\n", json::serialize(report).c_str());
  } else if (outcome.exit == EnrolExit::done) {
    std::printf("enrolled as %s:%llu (%s)\n", role, static_cast<unsigned long long>(outcome.id),
                words.c_str());
  } else {
    complain(service, "not enrolled: " + words, 0);
  }
  return static_cast<int>(exit);
}

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable(word);
  return text;
}

// Of a node; what clients would otherwise have to find out.
void print_zone_proxy(const control::ZoneProxyState& proxy) {
  if (!proxy.listening) {
    std::printf("zone proxy closed%s%s\n", proxy.reason.empty() ? "" : ": ", printable(proxy.reason).c_str());
  } else {
    std::printf("zone proxy %s: %u tunnels open; %llu let in, %llu refused, %llu bytes since its start\n",
                printable(proxy.address).c_str(), proxy.tunnels,
                static_cast<unsigned long long>(proxy.accepted),
                static_cast<unsigned long long>(proxy.refused), static_cast<unsigned long long>(proxy.bytes));
  }
  for (const std::string& warning : proxy.warnings)
    std::printf("           warning: %s\n", printable(warning).c_str());
}

}  // namespace

int show_status(const ServiceSpec& service, bool json) {
  const Result<platform::ActingAs> acting = act_as_owner(service);
  if (!acting) return complain(service, acting.error().message(), 1);
  const Result<EndpointState> state = load_state(service.data);
  const Result<std::string> live = read_status(status_socket(service.run));
  const Result<TunnelStatus> status = live ? from_json_text<TunnelStatus>(*live, 1024 * 1024) : live.error();
  const bool online = status && status->state == TunnelState::online;
  if (json) {
    json::object report;
    report["enrolled"] = state.has_value();
    if (state) {
      report["id"] = state->peer_id;
      report["addresses"] = to_json(state->addresses);
      report["zone_proxies"] = to_json(state->zone_proxies);
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
  std::printf("appliance  %s\n", joined(state->addresses).c_str());
  if (!state->zone_proxies.empty()) std::printf("proxies    %s\n", joined(state->zone_proxies).c_str());
  if (const std::string user = session_user_of(service.rules, *state); !user.empty())
    std::printf("sessions   as user %s\n", printable(user).c_str());
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
  if (status->zone_proxy) print_zone_proxy(*status->zone_proxy);
  return online ? 0 : 1;
}

bool service_runs(const ServiceSpec& service) {
  return read_status(status_socket(service.run)).has_value();
}

// --- uninstall
// ----------------------------------------------------------------------------------------------

int uninstall(const ServiceSpec& service, bool json) {
  if (is_managed(service)) {
    const Result<void> stopped = platform::retire_service(service.program);
    if (!stopped) return complain(service, stopped.error().message() + "; nothing was removed", 1);
  }
  const Result<platform::ActingAs> acting = act_as_owner(service);
  if (!acting) return complain(service, acting.error().message(), 1);
  Result<EndpointState> state = load_state(service.data);
  // The one that runs with this configuration, if any.
  if (!platform::stop_service_at(pid_path(service), kStopPatience)) {
    return complain(service, "the service does not stop; nothing was removed", 1);
  }
  bool told = false;
  std::string why = "this machine was not enrolled";
  if (state) {
    const Result<void> said = tell_uninstalled(service, *state);
    told = said.has_value();
    if (!said) why = said.error().message();
  }
  remove_data(service);
  std::error_code ignored;
  std::filesystem::remove_all(service.run, ignored);
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

}  // namespace jump::endpoint
