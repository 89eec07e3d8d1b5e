// What every command has in hand, and how the commands are put together.
//
// A command's options are a plain struct, filled in by CLI11; the command itself is a coroutine that takes
// them by value. `add_…` functions declare options and say which coroutine runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/task_group.h"
#include "tools/console/api/assets.h"
#include "tools/console/api/client.h"
#include "tools/console/api/home.h"

namespace CLI {
class App;
}

namespace jump::console {

inline constexpr const char* kVersion = "0.1.0";

class Context {
 public:
  Context(asio::any_io_executor executor, Home home) : executor_(executor), home_(std::move(home)) {}

  asio::any_io_executor executor() const { return executor_; }
  const Home& home() const { return home_; }
  // "jump 0.1.0 (linux x86_64)"
  std::string software() const;
  // A client of the API for who is logged in.
  Result<std::unique_ptr<ApiClient>> api() const;

 private:
  asio::any_io_executor executor_;
  Home home_;
};

// Gives the exit status.
using Command = std::function<Task<int>(Context&)>;
struct Chosen {
  Command command;
};

// A subcommand: `about` is one line, `example` stands at the end of its help.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& about,
                      const std::string& example);
// One that only groups others.
CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& about);
// Remembers to run `command` when `app` was typed.
void runs(CLI::App* app, Chosen& chosen, Command command);

// "--on,!--off": what was said, and nothing when nothing was. (CLI11 would set an optional<bool> to false.)
void add_choice(CLI::App* app, const std::string& flags, std::optional<bool>& choice,
                const std::string& about);

// Text and JSON for people and programs on standard output. False when it cannot be written (a full disk, a
// closed pipe): the command then ends with 255.
int print(std::string_view text);
int print_json(const json::value& value);
// One line on standard error; gives 255.
int fail(const Error& error);
int fail(std::string_view text);
void note(std::string_view text);

// Asks on the terminal. Nothing when the answer was yes; else the status to end with, and the reason has been
// printed: `otherwise` when it was not.
std::optional<int> unless_confirmed(const std::string& question, std::string_view otherwise);

// The one asset that is meant; otherwise `status` is what to end with, and the reason has been printed
// (several: as a list, 2).
struct PickedAsset {
  std::optional<Asset> asset;
  int status = 0;
};
Task<PickedAsset> pick_asset(ApiClient& api, std::string wanted);

// The first line of a file, or of standard input for "-". Without the line end.
Result<Secret> read_password_file(const std::string& path);

// The ids of a user, a group, a role, a Jumpoint or a credential by name; a number is taken as the id.
Task<Result<std::int64_t>> user_id(ApiClient& api, std::string name);
Task<Result<std::int64_t>> group_id(ApiClient& api, std::string name);
Task<Result<std::int64_t>> role_id(ApiClient& api, std::string name);
Task<Result<std::int64_t>> jumpoint_id(ApiClient& api, std::string name);
Task<Result<std::int64_t>> credential_id(ApiClient& api, std::string name);

}  // namespace jump::console
