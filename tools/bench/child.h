// Programs that a benchmark starts: found, watched and ended by their number. They end with this process,
// however it ends.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"

namespace jump::bench {

struct ChildSpec {
  std::vector<std::string> argv;  // argv[0]: a path, or a name that is looked for in PATH
  std::vector<std::string> env;   // "NAME=VALUE", besides our own environment
  std::string log;                // a file that its output is appended to; empty: nowhere
};

class Child {
 public:
  Child() = default;
  // An unknown program ends at once with status 127.
  static Result<Child> start(const ChildSpec& spec);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child() { kill(); }

  int pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // SIGTERM; SIGKILL when it has not ended after `seconds`. Waits until it is gone.
  void stop(double seconds = 10);
  // SIGKILL; waits until it is gone. Idempotent.
  void kill() noexcept;

 private:
  explicit Child(int pid) : pid_(pid) {}
  int pid_ = 0;
};

// Runs to the end and returns its standard output; another status than 0 is an error with its last words.
Result<std::string> run_program(const std::vector<std::string>& argv,
                                const std::vector<std::string>& env = {});
bool is_installed(const std::string& program);

// Polls, because what is waited for is another process. False: not within `seconds`.
template <typename F>
bool wait_until(F condition, double seconds);

// A folder that is gone when this is.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { remove(); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void remove() const noexcept;

 private:
  std::string path_;
};

// From now on SIGINT, SIGTERM and SIGHUP remove every Scratch and end the process with 128 + signal. Before
// the first thread.
void leave_nothing_when_interrupted();

// A port of 127.0.0.1 that nobody listens on now.
std::uint16_t free_port();
bool is_listening(std::uint16_t port);

void pause_for(double seconds);
double wall_time();

template <typename F>
bool wait_until(F condition, double seconds) {
  const double until = wall_time() + seconds;
  while (!condition()) {
    if (wall_time() > until) return false;
    pause_for(0.002);
  }
  return true;
}

}  // namespace jump::bench
