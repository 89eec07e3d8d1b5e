#include "tools/console/text/completion.h"

namespace jump::console {
namespace {

// Quoted for both shells.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string words_of(const CommandNode& node) {
  std::string text;
  for (const CommandNode& one : node.commands) text += (text.empty() ? "" : " ") + one.name;
  return text;
}

const char* words_name(CommandNode::Words words) {
  switch (words) {
    case CommandNode::Words::none:
      return "none";
    case CommandNode::Words::assets:
      return "assets";
    case CommandNode::Words::files:
      return "files";
    case CommandNode::Words::places:
      return "places";
  }
  return "none";
}

// One line of a case statement for each command: what may follow it.
void cases(const CommandNode& node, const std::string& path, std::string& out) {
  out += "    " + quoted(path) + ") commands=" + quoted(words_of(node)) +
         " options=" + quoted(joined(node.options)) + " words=" + words_name(node.words) + " ;;\n";
  for (const CommandNode& one : node.commands) cases(one, path + " " + one.name, out);
}

// Both shells walk the words that were typed and stop at the last command: what is known then decides.
std::string walk(const CommandNode& root, const std::string& name) {
  std::string out = "_" + name + "_node() {\n  case \"$1\" in\n";
  cases(root, root.name, out);
  return out + "    *) return 1 ;;\n  esac\n}\n";
}

}  // namespace

std::string bash_completion(const CommandNode& root) {
  std::string out = "# bash completion of jump\n" + walk(root, root.name);
  out +=
      "_jump() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} path=jump commands options words word i place=\n"
      "  COMPREPLY=()\n"
      "  # A ':' makes words of its own; what stands before it belongs to this one.\n"
      "  if [ \"$cur\" = : ]; then cur= place=1; fi\n"
      "  [ \"${COMP_WORDS[COMP_CWORD-1]}\" = : ] && place=1\n"
      "  _jump_node jump\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case \" $commands \" in *\" $word \"*) path=\"$path $word\"; _jump_node \"$path\" ;; esac\n"
      "  done\n"
      "  if [ -n \"$commands\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$commands $options\" -- \"$cur\"))\n"
      "  elif [ \"${cur#-}\" != \"$cur\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
      "  else\n"
      "    if [ -z \"$place\" ] && { [ \"$words\" = assets ] || [ \"$words\" = places ]; }; then\n"
      "      local IFS=$'\\n'\n"
      "      COMPREPLY=($(compgen -W \"$(jump assets --names --limit 1000 2>/dev/null)\" -- \"$cur\"))\n"
      "    fi\n"
      "    if [ \"$words\" = files ] || { [ \"$words\" = places ] && [ -z \"$place\" ]; }; then\n"
      "      local IFS=$'\\n'\n"
      "      COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
      "    fi\n"
      "  fi\n"
      "}\n"
      "complete -F _jump jump\n";
  return out;
}

std::string zsh_completion(const CommandNode& root) {
  std::string out = "#compdef jump\n" + walk(root, root.name);
  out +=
      "_jump() {\n"
      "  local cur=${words[CURRENT]} path_=jump commands options words_ word i\n"
      "  local -a typed names; typed=(\"${words[@]}\")\n"
      "  _jump_zsh_node jump\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    word=${typed[i]}\n"
      "    case \" $commands \" in *\" $word \"*) path_=\"$path_ $word\"; _jump_zsh_node \"$path_\" ;; esac\n"
      "  done\n"
      "  if [[ -n $commands ]]; then\n"
      "    compadd -- ${=commands}\n"
      "    [[ $cur == -* ]] && compadd -- ${=options}\n"
      "  elif [[ $cur == -* ]]; then\n"
      "    compadd -- ${=options}\n"
      "  else\n"
      "    if [[ $words_ == assets || $words_ == places ]]; then\n"
      "      names=(\"${(@f)$(jump assets --names --limit 1000 2>/dev/null)}\")\n"
      "      [[ $words_ == places ]] && compadd -S : -- $names || compadd -- $names\n"
      "    fi\n"
      "    [[ $words_ == files || $words_ == places ]] && _files\n"
      "  fi\n"
      "  return 0\n"
      "}\n"
      "# `words` is the shell's own name for what was typed.\n"
      "_jump_zsh_node() { local words=; _jump_node \"$1\" || return 1; words_=$words; }\n"
      "compdef _jump jump\n";
  return out;
}

}  // namespace jump::console
