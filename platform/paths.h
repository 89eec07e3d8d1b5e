// Where a program of the suite keeps its things.
#pragma once

#include <string>
#include <string_view>

namespace jump::platform {

struct ProgramPaths {
  std::string config;  // /etc/PROGRAM
  std::string data;    // /var/lib/PROGRAM
  std::string run;     // /run/PROGRAM: sockets, locks; gone after a restart of the machine
  std::string log;     // /var/log/PROGRAM
  // Windows: config, data, run and log in %ProgramData%\Jump Client or \Jumpoint; `run` stays there.
};

// The system's folders for a service. With `base` not empty: BASE/config, BASE/data, BASE/run, BASE/log, so
// that several can live on one machine. What systemd hands over (STATE_DIRECTORY and the like) wins over the
// first form.
ProgramPaths program_paths(std::string_view program, std::string_view base = {});

// Where a person's own state stands: $JUMP_HOME, else $XDG_STATE_HOME/jump, else ~/.local/state/jump;
// Windows: %JUMP_HOME%, else %LOCALAPPDATA%\jump.
std::string person_state_folder();

// True: a path of this machine, "C:", "C:/x", "C:\x". Never where there are no drives.
bool begins_with_drive(std::string_view path);

// The absolute path of the running program.
std::string own_program();

}  // namespace jump::platform
