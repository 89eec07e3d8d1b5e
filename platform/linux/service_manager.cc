#include "platform/service_manager.h"

#include <unistd.h>

#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "common/base/bytes.h"
#include "platform/independent.h"
#include "platform/process.h"

namespace jump::platform {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

Task<> run_systemctl(std::vector<std::string> words, Result<Captured>& result) {
  ProcessSpec spec;
  spec.argv = {"systemctl", "--quiet", "--no-ask-password", "--no-pager"};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_COLORS=0"};
  result = co_await run_and_capture(std::move(spec), 16384, kPatience);
}

Result<std::string> systemctl(std::vector<std::string> words) {
  const std::string doing = "systemctl " + words.front();
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  Result<Captured> result = Error(Fault::internal, "not run");
  tasks.spawn("systemctl", run_systemctl(std::move(words), result));
  io.run();
  if (!result) return wrap(result.error(), doing);
  if (result->exit.status != 0)
    return Error(Fault::unavailable, doing + ": " + printable(result->error_output, 512));
  return result->output;
}

std::string unit(const std::string& name) {
  return name + ".service";
}

}  // namespace

bool service_is_managed(const std::string& name) {
  if (!systemd_runs() || ::geteuid() != 0) return false;
  const Result<std::string> state = systemctl({"show", "--property=LoadState", unit(name)});
  return state && state->starts_with("LoadState=loaded");
}

Result<void> make_service(const ServiceRecord&) {
  return {};
}

Result<void> restart_service(const std::string& name) {
  Result<std::string> done = systemctl({"enable", unit(name)});
  // After five failures within a moment systemd would refuse. One that never ran has nothing to forget.
  (void)systemctl({"reset-failed", unit(name)});
  if (done) done = systemctl({"restart", "--no-block", unit(name)});
  if (!done) return done.error();
  return {};
}

Result<void> retire_service(const std::string& name) {
  const Result<std::string> done = systemctl({"disable", "--now", unit(name)});
  if (!done) return done.error();
  return {};
}

}  // namespace jump::platform
