#include "tools/bench/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "common/base/check.h"

namespace jump::bench {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all;
  const auto named_again = [&](const std::string& old) {
    const std::string name = old.substr(0, old.find('=') + 1);
    return std::any_of(more.begin(), more.end(), [&](const auto& one) { return one.starts_with(name); });
  };
  for (char** one = environ; *one != nullptr; ++one) {
    if (!named_again(*one)) all.emplace_back(*one);
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

// The scratch folders that are there, for an end by a signal.
struct Folders {
  std::mutex mutex;
  std::set<std::string> paths;
};
Folders& folders() {
  static Folders* const kFolders = new Folders;  // outlives every thread
  return *kFolders;
}

// Only what is safe between fork and exec in a process with threads.
[[noreturn]] void become(const char* program, char* const* argv, char* const* env, int output, int parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output >= 0 ? output : nothing, STDOUT_FILENO);
  ::dup2(output >= 0 ? output : nothing, STDERR_FILENO);
  ::close_range(3, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program, argv, env);
  ::_exit(127);
}

Result<int> spawn(const ChildSpec& spec, int output) {
  std::string program = find_program(spec.argv.front());
  if (program.empty()) return Error(Fault::not_found, spec.argv.front() + " is not installed");
  std::vector<std::string> words = spec.argv;
  std::vector<std::string> variables = environment_with(spec.env);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> env = pointers(variables);
  const int parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) become(program.c_str(), argv.data(), env.data(), output, parent);
  return pid;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Result<Child> Child::start(const ChildSpec& spec) {
  int output = -1;
  if (!spec.log.empty()) {
    output = ::open(spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) return system_error("open " + spec.log);
  }
  const Result<int> pid = spawn(spec, output);
  if (output >= 0) ::close(output);
  if (!pid) return pid.error();
  return Child(*pid);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}

Child& Child::operator=(Child&& other) noexcept {
  kill();
  pid_ = std::exchange(other.pid_, 0);
  return *this;
}

bool Child::running() {
  if (pid_ == 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = 0;
  return false;
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Child::stop(double seconds) {
  signal(SIGTERM);
  wait_until([this] { return !running(); }, seconds);
  kill();
}

void Child::kill() noexcept {
  const int pid = std::exchange(pid_, 0);
  if (pid == 0) return;
  // Its own group: what it started goes with it.
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

Result<std::string> run_program(const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
  ChildSpec spec{argv, env, ""};
  const Result<int> pid = spawn(spec, ends[1]);
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; pid && (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  if (!pid) return pid.error();
  int status = 0;
  ::waitpid(*pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string words = argv.size() > 1 ? argv.front() + " … " + argv.back() : argv.front();
    return Error(Fault::internal,
                 words + " failed: " + text.substr(text.size() > 500 ? text.size() - 500 : 0));
  }
  return text;
}

bool is_installed(const std::string& program) {
  return !find_program(program).empty();
}

Scratch::Scratch() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base == nullptr || *base == 0 ? "/tmp" : base) + "/jump-bench-XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr);
  const std::lock_guard<std::mutex> lock(folders().mutex);
  folders().paths.insert(path_);
}

void Scratch::remove() const noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  const std::lock_guard<std::mutex> lock(folders().mutex);
  folders().paths.erase(path_);
}

void leave_nothing_when_interrupted() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int number = 0;
    ::sigwait(&signals, &number);
    const std::lock_guard<std::mutex> lock(folders().mutex);
    for (const std::string& path : folders().paths) {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    ::_exit(128 + number);  // the children die with this process
  }).detach();
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  CHECK(::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

bool is_listening(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool there = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return there;
}

void pause_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace jump::bench
