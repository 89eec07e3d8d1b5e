// completion: scripts for shells, from the tree of commands as it is.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/text/completion.h"

namespace jump::console {
namespace {

CommandNode::Words words_of(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_name(true);
    if (name == "ASSET") return CommandNode::Words::assets;
    if (name == "PLACE") return CommandNode::Words::places;
    if (name == "FILE") return CommandNode::Words::files;
  }
  return CommandNode::Words::none;
}

CommandNode node_of(const CLI::App& app) {
  CommandNode node;
  node.name = app.get_name();
  node.about = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) node.options.push_back("--" + name);
    for (const std::string& name : option->get_snames()) node.options.push_back("-" + name);
  }
  node.words = words_of(app);
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    node.commands.push_back(node_of(*one));
  }
  return node;
}

Task<int> print_script(std::string script) {
  co_return print(script);
}

}  // namespace

void add_completion_command(CLI::App& app, Chosen& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* one =
      add_command(app, "completion", "Print a completion script", "source <(jump completion bash)");
  one->add_option("SHELL", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  CLI::App* const root = &app;
  runs(one, chosen, [shell, root](Context&) {
    const CommandNode node = node_of(*root);
    return print_script(*shell == "zsh" ? zsh_completion(node) : bash_completion(node));
  });
}

}  // namespace jump::console
