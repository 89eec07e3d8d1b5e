#include "common/command_line/command_line.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/config/scalars.h"
#include "platform/program.h"

namespace jump::command_line {
namespace {

constexpr std::size_t kWordShown = 64;

bool is_option(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

// The command that was reached, and its name with those above it.
struct Reached {
  const CLI::App* command;
  std::string name;
};

Reached reached(const CLI::App& app) {
  Reached at{&app, app.get_name()};
  while (!at.command->get_subcommands().empty()) {
    at.command = at.command->get_subcommands().front();
    at.name += " " + at.command->get_name();
  }
  return at;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands(nullptr)) {
    // A group of commands or options has no name; what is in no group is for other programs.
    if (!one->get_name().empty() && !one->get_group().empty()) names.push_back(one->get_name());
  }
  return names;
}

// "--key-info-file" of all names of each option, those of the commands above it too.
std::vector<std::string> options_of(const CLI::App& root, const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options(nullptr)) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    if (app == &root || !app->get_fallthrough()) break;
  }
  return names;
}

std::string nearest(const std::string& word, const std::vector<std::string>& names, bool list_them) {
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::string text = config::did_you_mean(word, known);
  if (!list_them && !text.starts_with("; did you mean")) text.clear();
  return text;
}

std::string fault(const CLI::App& app, const Reached& at, const CLI::ParseError& error) {
  // CLI11 complains about what is missing before it looks at what is too much; the word that nobody knows is
  // most often why something is missing.
  const std::vector<std::string> left = app.remaining(true);
  const auto unknown = std::ranges::find_if(left, is_option);
  const bool too_little = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const bool about_words = too_little || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (about_words && unknown != left.end()) {
    const std::string name = unknown->substr(0, unknown->find('='));
    return "there is no option " + printable(name, kWordShown) +
           nearest(name, options_of(app, *at.command), false);
  }
  const std::vector<std::string> commands = commands_of(*at.command);
  if (about_words && !left.empty() && !commands.empty()) {
    return "'" + printable(left.front(), kWordShown) + "' is no command" +
           nearest(left.front(), commands, commands.size() <= 8);
  }
  if (about_words && !left.empty())
    return "'" + printable(left.front(), kWordShown) + "' is one word too many";
  if (too_little && !commands.empty()) return "a command is missing";
  return printable(error.what());
}

// Subcommands inherit it when they are made, which is too early here.
void without_slash_options(CLI::App& app) {
  app.allow_windows_style_options(false);
  for (CLI::App* command : app.get_subcommands(nullptr)) without_slash_options(*command);
}

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  // CLI11 takes "/tmp" for an option on Windows, unless told.
  without_slash_options(app);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    const Reached at = reached(app);
    std::string line = app.get_name() + ": " + fault(app, at, error) + "; see `" + at.name + " --help`\n";
    std::replace(line.begin(), line.end() - 1, '\n', ' ');
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
    return kWrongUse;
  }
}

int guarded(const char* name, int failed, int (*program)(int, char**), int argc, char** argv) noexcept {
  try {
    std::vector<std::string> words = platform::begin_program(argc, argv);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return program(static_cast<int>(words.size()), pointers.data());
  } catch (const std::exception& fault) {
    static_cast<void>(std::fprintf(stderr, "%s: %s\n", name, fault.what()));
  } catch (...) {
    static_cast<void>(std::fprintf(stderr, "%s: a fault of its own\n", name));
  }
  return failed;
}

}  // namespace jump::command_line
