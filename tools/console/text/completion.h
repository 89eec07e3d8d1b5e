// Completion for bash and zsh, made from the tree of commands.
#pragma once

#include <string>
#include <vector>

namespace jump::console {

struct CommandNode {
  std::string name;
  std::string about;                 // one line
  std::vector<std::string> options;  // "--search", "-v"
  // What the first words behind it are: assets are asked for (`jump assets --names`), files are the shell's
  // own.
  enum class Words { none, assets, files, places } words = Words::none;
  std::vector<CommandNode> commands;
};

// To be read by the shell: source <(jump completion bash)
std::string bash_completion(const CommandNode& root);
// As a file _jump in the function path, or: source <(jump completion zsh)
std::string zsh_completion(const CommandNode& root);

}  // namespace jump::console
