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
  out += "    " + quoted(path) + ") commands_=" + quoted(words_of(node)) +
         " options_=" + quoted(joined(node.options)) + " words_=" + words_name(node.words) + " ;;\n";
  for (const CommandNode& one : node.commands) cases(one, path + " " + one.name, out);
}

// Both shells walk the words that were typed and stop at the last command: what is known then decides. The
// names end in "_" because zsh keeps `words`, `commands`, `options` and `path` for itself.
std::string walk(const CommandNode& root, const std::string& name) {
  std::string out = "_" + name + "_node() {\n  case \"$1\" in\n";
  cases(root, root.name, out);
  return out + "    *) return 1 ;;\n  esac\n}\n";
}

}  // namespace

std::string bash_completion(const CommandNode& root) {
  std::string out = "# bash completion of jump\n" + walk(root, root.name);
  out +=
      "_jump_names() { jump assets --names --limit 1000 2>/dev/null </dev/null; }\n"
      "# Candidates, a line each, that begin with what stands there; quoted for the command line.\n"
      "_jump_offer() {\n"
      "  local line\n"
      "  while IFS= read -r line; do\n"
      "    case \"$line\" in '') ;; \"$1\"*) COMPREPLY+=(\"$(printf '%q' \"$line\")\") ;; esac\n"
      "  done\n"
      "}\n"
      "_jump_files() {\n"
      "  local file\n"
      "  compgen -f -- \"$1\" | while IFS= read -r file; do\n"
      "    if [ -d \"$file\" ]; then printf '%s/\\n' \"$file\"; else printf '%s\\n' \"$file\"; fi\n"
      "  done\n"
      "}\n"
      "_jump() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} path_=jump commands_ options_ words_ word i place=\n"
      "  COMPREPLY=()\n"
      "  # A ':' makes words of its own; what stands before it belongs to this one.\n"
      "  if [ \"$cur\" = : ]; then cur= place=1; fi\n"
      "  [ \"${COMP_WORDS[COMP_CWORD-1]}\" = : ] && place=1\n"
      "  _jump_node jump\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    [ \"$word\" = -- ] && return\n"
      "    case \" $commands_ \" in *\" $word \"*) path_=\"$path_ $word\"; _jump_node \"$path_\" ;; esac\n"
      "  done\n"
      "  if [ -n \"$commands_\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$commands_ $options_\" -- \"$cur\"))\n"
      "  elif [ \"${cur#-}\" != \"$cur\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$options_\" -- \"$cur\"))\n"
      "  elif [ -z \"$place\" ]; then\n"
      "    case \"$words_\" in\n"
      "      assets) _jump_offer \"$cur\" < <(_jump_names) ;;\n"
      "      places) _jump_offer \"$cur\" < <(_jump_names | sed 's/$/:/'; _jump_files \"$cur\") ;;\n"
      "      files) _jump_offer \"$cur\" < <(_jump_files \"$cur\") ;;\n"
      "    esac\n"
      "  fi\n"
      "  # A path follows \"web-01:\" and \"folder/\" without a blank.\n"
      "  case \"${#COMPREPLY[@]} ${COMPREPLY[0]-}\" in '1 '*[:/]) compopt -o nospace ;; esac\n"
      "}\n"
      "complete -F _jump jump\n";
  return out;
}

std::string zsh_completion(const CommandNode& root) {
  std::string out = "#compdef jump\n" + walk(root, root.name);
  out +=
      "_jump() {\n"
      "  local path_=jump commands_ options_ words_ word_\n"
      "  local -a names_\n"
      "  _jump_node jump\n"
      "  for word_ in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    [[ $word_ == -- ]] && return 1\n"
      "    case \" $commands_ \" in *\" $word_ \"*) path_=\"$path_ $word_\"; _jump_node \"$path_\" ;; esac\n"
      "  done\n"
      "  if [[ -n $commands_ ]]; then\n"
      "    compadd -- ${=commands_}\n"
      "    [[ $PREFIX == -* ]] && compadd -- ${=options_}\n"
      "  elif [[ $PREFIX == -* ]]; then\n"
      "    compadd -- ${=options_}\n"
      "  else\n"
      "    if [[ $words_ == assets || $words_ == places ]]; then\n"
      "      names_=(${(f)\"$(jump assets --names --limit 1000 2>/dev/null </dev/null)\"})\n"
      "      if [[ $words_ == places ]]; then compadd -S : -- $names_; else compadd -- $names_; fi\n"
      "    fi\n"
      "    [[ $words_ == files || $words_ == places ]] && _files\n"
      "  fi\n"
      "  return 0\n"
      "}\n"
      "compdef _jump jump\n";
  return out;
}

}  // namespace jump::console
