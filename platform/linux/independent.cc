#include "platform/independent.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/scoped_group.h"
#include "platform/linux/spawn.h"
#include "platform/pipe.h"
#include "platform/process.h"

namespace jump::platform {
namespace {

constexpr std::size_t kInputMost = 60'000;  // fits into a pipe (pipe(7): 65,536), so writing never waits
constexpr auto kStartLimit = std::chrono::seconds(20);
constexpr auto kFeedPause = std::chrono::milliseconds(5);

bool is_unit_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

Result<void> check(const IndependentSpec& spec) {
  if (!is_unit_name(spec.name)) {
    return Error(Fault::invalid,
                 "'" + printable(spec.name, 64) + "' is no name for a unit: [A-Za-z0-9_.-]{1,64}");
  }
  if (spec.argv.empty() || !spec.argv.front().starts_with('/')) {
    return Error(Fault::invalid, "start " + spec.name + ": the program must be an absolute path");
  }
  if (spec.input.size() > kInputMost) {
    return Error(Fault::too_large, "start " + spec.name + ": input of " + std::to_string(spec.input.size()) +
                                       " bytes, at most " + std::to_string(kInputMost));
  }
  return {};
}

Result<void> start_adopted(const IndependentSpec& spec) {
  Result<std::pair<Handle, Handle>> input = make_pipe();
  if (!input) return input.error();
  const ByteView secret = spec.input.reveal();
  if (!secret.empty() &&
      ::write(input->second.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size())) {
    return system_error("hand the input to " + spec.name);
  }
  input->second.close();
  SpawnPlan plan;
  plan.argv = spec.argv;
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.input = input->first.get();
  plan.error_output = STDERR_FILENO;  // the log of the service
  plan.place = Place::adopted;
  const Result<pid_t> pid = spawn(plan);
  if (!pid) return pid.error();
  return {};
}

// Removes a name whichever way its scope is left.
struct NameGuard {
  const std::string& path;
  ~NameGuard() { ::unlink(path.c_str()); }
};

std::string_view trim_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// systemd replaces $NAME in the arguments of a unit, also of a transient one.
bool has_variable(const std::vector<std::string>& argv) {
  return std::ranges::any_of(argv,
                             [](const std::string& item) { return item.find('$') != std::string::npos; });
}

// Writes the input into a named pipe as soon as somebody has opened it to read; until then open() says ENXIO
// (fifo(7)).
Task<Result<void>> feed(std::string pipe, Secret input) {
  while (true) {
    const Handle end(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
    if (end.valid()) {
      const ByteView bytes = input.reveal();
      if (bytes.empty() ||
          ::write(end.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
        co_return Result<void>();
      }
      co_return system_error("hand the input to the program");
    }
    if (errno != ENXIO) co_return system_error("open " + pipe);
    co_await sleep_for(kFeedPause);
  }
}

struct Feeding {
  explicit Feeding(asio::any_io_executor executor) : ended(executor) {}
  Event ended;
  std::optional<Result<void>> result;
};

Task<> feed_and_tell(std::string pipe, Secret input, Feeding& feeding) {
  feeding.result = co_await feed(std::move(pipe), std::move(input));
  feeding.ended.set();
}

// systemd-run ends when the unit has started (Type=exec: its exec was done) or has failed to.
Task<Result<void>> run_unit(const IndependentSpec& spec, std::string pipe, Feeding& feeding) {
  ProcessSpec command;
  command.argv = unit_command(spec, pipe);
  command.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "SYSTEMD_COLORS=0"};
  const Result<Captured> captured = co_await run_and_capture(command, 4096, kStartLimit);
  const std::string doing = "start unit " + spec.name;
  if (!captured) co_return wrap(captured.error(), doing);
  if (captured->exit.status != 0) {
    co_return Error(Fault::unavailable, doing + ": " + printable(trim_line(captured->error_output)));
  }
  if (!feeding.result && !co_await feeding.ended.wait_for(kStartLimit)) {
    co_return Error(Fault::timed_out, doing + ": it did not take its input");
  }
  co_return *feeding.result;
}

Task<Result<void>> start_unit(IndependentSpec spec) {
  if (has_variable(spec.argv)) {
    co_return Error(Fault::invalid,
                    "start " + spec.name + ": '$' in an argument would be expanded by systemd");
  }
  const std::string pipe = spec.private_folder + "/start-" + spec.name;
  ::unlink(pipe.c_str());  // of a start that was killed
  if (::mkfifo(pipe.c_str(), 0600) != 0) co_return system_error("make " + pipe);
  const NameGuard guard{pipe};
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Feeding feeding(executor);
  TaskGroup group(executor);
  group.spawn("input of a unit", feed_and_tell(pipe, spec.input, feeding));
  Task<Result<void>> work = run_unit(spec, pipe, feeding);
  co_return co_await and_stop(group, std::move(work));
}

}  // namespace

Result<std::string> independent_program(const std::string& own, const std::string&) {
  return own;
}

bool systemd_runs() {
  struct stat info{};
  // sd_booted(3)
  return ::lstat("/run/systemd/system", &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> unit_command(const IndependentSpec& spec, const std::string& input_file) {
  std::vector<std::string> argv = {"systemd-run", "--quiet", "--collect", "--no-ask-password",
                                   "--unit=" + spec.name};
  // systemd 252 never sees the exec of a unit with PAM: its helper process holds the pipe open that would
  // tell.
  argv.emplace_back(spec.pam_service.empty() ? "--service-type=exec" : "--service-type=simple");
  const auto property = [&argv](const std::string& text) { argv.push_back("--property=" + text); };
  if (!spec.description.empty()) argv.push_back("--description=" + spec.description);
  if (!spec.slice.empty()) argv.push_back("--slice=" + spec.slice);
  if (spec.user) argv.push_back("--uid=" + spec.user->name);
  property("StandardInput=file:" + input_file);
  property("StandardOutput=null");
  property("StandardError=journal");
  // "-": a home folder that is missing is no reason not to start.
  property("WorkingDirectory=-" + spec.folder);
  // What a user left running (tmux, nohup) lives on, as after a log-in. With PAM systemd refuses this mode;
  // there logind has moved the program into the scope of the user's session, whose rules hold.
  property(spec.pam_service.empty() ? "KillMode=process" : "KillMode=mixed");
  property("SendSIGHUP=yes");
  if (!spec.pam_service.empty()) property("PAMName=" + spec.pam_service);
  if (spec.memory_bytes) property("MemoryMax=" + std::to_string(*spec.memory_bytes));
  if (spec.tasks) property("TasksMax=" + std::to_string(*spec.tasks));
  for (const std::string& item : spec.env) argv.push_back("--setenv=" + item);
  argv.emplace_back("--");
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  return argv;
}

Task<Result<void>> start_independent(IndependentSpec spec) {
  Result<void> fine = check(spec);
  if (!fine) co_return fine.error();
  // Only root may make units; a service with a user of its own keeps its programs in its own unit, which must
  // say KillMode=process.
  if (!systemd_runs() || ::geteuid() != 0) co_return start_adopted(spec);
  co_return co_await start_unit(std::move(spec));
}

}  // namespace jump::platform
