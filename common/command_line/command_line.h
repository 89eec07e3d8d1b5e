// The command line of a program, read by CLI11. Wrong use is the same in all of them: one line on standard
// error that says what is wrong and where to read on, and status 2.
//     jump-client: 'instal' is no command; did you mean 'install'?; see `jump-client --help`
#pragma once

#include <optional>

#include <CLI/CLI.hpp>

namespace jump::command_line {

inline constexpr int kWrongUse = 2;

// `app` has the program's name. Nothing: go on with what was read; else the status to end with, and what is
// to be said (the help or version that was asked for, or the line above) has been said.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv);

// All that main() does: `program` with its arguments in UTF-8 (platform/program.h), and an exception that
// nobody expected as one line on standard error
// ("NAME: WHAT") and the status `failed`.
int guarded(const char* name, int failed, int (*program)(int, char**), int argc, char** argv) noexcept;

}  // namespace jump::command_line
