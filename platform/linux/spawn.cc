#include "platform/linux/spawn.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "common/base/bytes.h"
#include "platform/handle.h"
#include "platform/pipe.h"

namespace jump::platform {
namespace {

// Where a child failed. The text stands in kStepWords.
enum Step : int {
  step_none,
  step_fork,
  step_session,
  step_terminal,
  step_handles,
  step_groups,
  step_user,
  step_exec
};
constexpr const char* kStepWords[] = {
    "", "fork", "begin a session", "take the terminal", "set up its handles", "groups", "user", "run"};

// What the child writes: a failure, or for an adopted program its number.
struct Report {
  int step = step_none;
  int error = 0;
  pid_t pid = 0;
};

// Everything the child needs, as plain pointers.
struct Prepared {
  const SpawnPlan* plan = nullptr;
  std::vector<std::string> candidates;  // full paths to try in turn, as execvp does
  std::vector<char*> argv;
  std::vector<char*> env;
  std::vector<gid_t> groups;
  bool change_user = false;
  int report = -1;
};

Result<void> check_text(const std::vector<std::string>& list, const char* what) {
  for (const std::string& item : list) {
    if (item.find('\0') != std::string::npos)
      return Error(Fault::invalid, std::string(what) + " contains a NUL byte");
  }
  return {};
}

std::vector<std::string> program_candidates(const SpawnPlan& plan) {
  const std::string& name = plan.argv.front();
  if (name.find('/') != std::string::npos) return {name};
  std::string path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& item : plan.env) {
    if (item.starts_with("PATH=")) path = item.substr(5);
  }
  std::vector<std::string> found;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    // An empty entry would mean the present folder: never wanted here.
    if (end > at) found.push_back(path.substr(at, end - at) + "/" + name);
    at = end + 1;
  }
  return found;
}

std::vector<char*> pointers(const std::vector<std::string>& list) {
  std::vector<char*> result;
  result.reserve(list.size() + 1);
  for (const std::string& item : list) result.push_back(const_cast<char*>(item.c_str()));
  result.push_back(nullptr);
  return result;
}

Result<Prepared> prepare(const SpawnPlan& plan) {
  if (plan.argv.empty() || plan.argv.front().empty()) return Error(Fault::invalid, "no program is named");
  for (const auto& [list, what] :
       {std::pair(&plan.argv, "an argument"), std::pair(&plan.env, "the environment")}) {
    if (Result<void> fine = check_text(*list, what); !fine) return fine.error();
  }
  Prepared prepared;
  prepared.plan = &plan;
  prepared.candidates = program_candidates(plan);
  prepared.argv = pointers(plan.argv);
  if (!plan.shown_name.empty()) prepared.argv[0] = const_cast<char*>(plan.shown_name.c_str());
  prepared.env = pointers(plan.env);
  if (plan.user && (plan.user->uid != ::geteuid() || plan.user->gid != ::getegid())) {
    if (!may_become_users()) {
      return Error(Fault::refused, "cannot become user '" + plan.user->name + "': this process is not root");
    }
    Result<std::vector<std::uint32_t>> groups = groups_of(*plan.user);
    if (!groups) return groups.error();
    prepared.groups.assign(groups->begin(), groups->end());
    prepared.change_user = true;
  }
  return prepared;
}

// --- in the child: nothing below allocates, locks or throws ------------------------------------------

[[noreturn]] void fail(int report, Step step) {
  Report text{step, errno, 0};
  // A few bytes into an empty pipe: all or nothing.
  [[maybe_unused]] const ssize_t written = ::write(report, &text, sizeof text);
  ::_exit(127);
}

// Signals that our process ignores or blocks would stay so in the program.
void default_signals() {
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void put_handles(Prepared& p) {
  const int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  int wanted[3] = {p.plan->input, p.plan->output, p.plan->error_output};
  for (int& handle : wanted) {
    if (handle < 0) handle = null_device;
    // Out of the way of 0 to 2, so that no dup2 below overwrites one that is still needed.
    handle = ::fcntl(handle, F_DUPFD_CLOEXEC, 3);
    if (handle < 0) fail(p.report, step_handles);
  }
  if (p.report < 3) {
    p.report = ::fcntl(p.report, F_DUPFD_CLOEXEC, 3);
    if (p.report < 0) ::_exit(127);
  }
  for (int to = 0; to < 3; ++to) {
    if (::dup2(wanted[to], to) < 0) fail(p.report, step_handles);
  }
  // Closed by the exec, not now: the report pipe must live until then.
  ::syscall(SYS_close_range, 3u, UINT_MAX, 4u /* CLOSE_RANGE_CLOEXEC */);
}

// System calls, not glibc's wrappers: those would tell the other threads of a process that has only this one.
void become(const Prepared& p) {
  if (!p.change_user) return;
  if (::syscall(SYS_setgroups, p.groups.size(), p.groups.data()) != 0) fail(p.report, step_groups);
  const gid_t gid = p.plan->user->gid;
  if (::syscall(SYS_setresgid, gid, gid, gid) != 0) fail(p.report, step_groups);
  const uid_t uid = p.plan->user->uid;
  if (::syscall(SYS_setresuid, uid, uid, uid) != 0) fail(p.report, step_user);
  // A user that could go back is not become.
  if (uid != 0 && ::syscall(SYS_setresuid, 0, 0, 0) == 0) {
    errno = EPERM;
    fail(p.report, step_user);
  }
}

[[noreturn]] void exec_first(const Prepared& p) {
  bool forbidden = false;
  errno = ENOENT;
  for (const std::string& path : p.candidates) {
    ::execve(path.c_str(), p.argv.data(), p.env.data());
    if (errno == EACCES) forbidden = true;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  if (forbidden && (errno == ENOENT || errno == ENOTDIR)) errno = EACCES;
  fail(p.report, step_exec);
}

[[noreturn]] void run_child(Prepared& p) {
  switch (p.plan->place) {
    case Place::own_group:
      ::setpgid(0, 0);
      break;
    case Place::own_terminal:
      if (::setsid() < 0) fail(p.report, step_session);
      if (::ioctl(p.plan->input, TIOCSCTTY, 0) != 0) fail(p.report, step_terminal);
      break;
    case Place::adopted:
      if (::setsid() < 0) fail(p.report, step_session);
      const pid_t grandchild = ::fork();
      if (grandchild < 0) fail(p.report, step_fork);
      if (grandchild > 0) {
        Report text{step_none, 0, grandchild};
        [[maybe_unused]] const ssize_t written = ::write(p.report, &text, sizeof text);
        ::_exit(0);
      }
      break;
  }
  put_handles(p);
  default_signals();
  ::umask(022);
  become(p);
  if (::chdir(p.plan->folder.c_str()) != 0 && ::chdir("/") != 0) {
    // "/" is always there; a program without any folder still runs.
  }
  exec_first(p);
}

// --- in the parent ---------------------------------------------------------------------------------

// Reads until the exec (or the child's end) closes the pipe. Short: nothing before the exec waits.
Report read_reports(int from) {
  Report all;
  while (true) {
    Report one;
    const ssize_t got = ::read(from, &one, sizeof one);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof one)) return all;
    if (one.step != step_none) all = Report{one.step, one.error, all.pid};
    if (one.pid != 0) all.pid = one.pid;
  }
}

void reap(pid_t pid) {
  int ignored = 0;
  while (::waitpid(pid, &ignored, 0) < 0 && errno == EINTR) {
  }
}

Error failure(const SpawnPlan& plan, const Report& report) {
  std::string text = "start " + printable(plan.argv.front(), 128);
  if (plan.user) text += " as " + plan.user->name;
  if (report.step != step_exec) text += std::string(": ") + kStepWords[report.step];
  return system_error(report.error, std::move(text));
}

}  // namespace

Result<pid_t> spawn(const SpawnPlan& plan) {
  Result<Prepared> prepared = prepare(plan);
  if (!prepared) return prepared.error();
  Result<std::pair<Handle, Handle>> report = make_pipe();
  if (!report) return report.error();
  prepared->report = report->second.get();

  // No signal handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) run_child(*prepared);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_error(fork_error, "start " + printable(plan.argv.front(), 128) + ": fork");

  report->second.close();
  // From both sides, so that the group exists whoever is first.
  if (plan.place == Place::own_group) ::setpgid(pid, pid);
  const Report told = read_reports(report->first.get());
  if (plan.place == Place::adopted || told.step != step_none) reap(pid);
  if (told.step != step_none) return failure(plan, told);
  return plan.place == Place::adopted ? told.pid : pid;
}

}  // namespace jump::platform
