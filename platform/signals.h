// What people and systems ask of a program from outside: Linux: signals; Windows: events of the console,
// Ctrl-C and closing.
#pragma once

#include <initializer_list>
#include <memory>

#include "common/base/task_group.h"

namespace jump::platform {

enum class Signal {
  interrupt,  // SIGINT, Ctrl-C
  terminate,  // SIGTERM; on Windows nobody sends it
  hang_up,    // SIGHUP: the terminal goes. Windows: Ctrl-Break, the console is closed, the user logs off
  quit,       // SIGQUIT; on Windows nobody sends it
};

// While it lives these do not end the program.
class Signals {
 public:
  Signals(asio::any_io_executor executor, std::initializer_list<Signal> which);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // The next one; one that comes between two calls is kept.
  Task<Signal> next();
  // From now on these end the program again.
  void give_back(std::initializer_list<Signal> which);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "INT", "TERM", "HUP", "QUIT", as kill(1) names them.
const char* name_of(Signal signal);

}  // namespace jump::platform
