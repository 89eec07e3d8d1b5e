# Completion of `jump` for bash (and, through _jump beside it, for zsh).
#
#   bash:  . jump.bash               in ~/.bashrc, or as /usr/share/bash-completion/completions/jump
#   zsh:   put this folder into $fpath before compinit
#
# Nothing about the commands is written here: it reads `jump … --help`, so it is never older than the program. Names of
# assets and sessions come from the appliance, within 3 s, and only when somebody is logged in.
# shellcheck shell=bash

# What a help page offers, a line each: "command NAME", "option --NAME [VALUE]", "argument NAME [...]".
_jump_offers() {
  command "$@" --help 2>/dev/null </dev/null | awk '
    /^[A-Z][a-z]+:/ { section = $1; next }
    !/^  [^ ]/ { next }
    {
      head = substr($0, 3)
      sub(/  .*/, "", head)
      count = split(head, word, " ")
      if (section == "Subcommands:") print "command", word[1]
      if (section == "Positionals:") print "argument", word[1], (head ~ /\.\.\./ ? "..." : "")
      if (section == "Options:") {
        gsub(/\{[^}]*\}/, "", word[1])
        names = split(word[1], name, ",")
        for (i = 1; i <= names; ++i) print "option", name[i], (count > 1 ? word[2] : "")
      }
    }'
}

# Candidates of one kind, a line each: the kind is the name that the help page gives to an argument or a value.
_jump_values() {
  case "$1" in
    ASSET) timeout 3 "$_jump_program" assets --names 2>/dev/null </dev/null ;;
    SESSION) timeout 3 "$_jump_program" sessions --names 2>/dev/null </dev/null ;;
    SRC | DST | SOURCE | TARGET | DESTINATION)
      timeout 3 "$_jump_program" assets --names 2>/dev/null </dev/null | sed 's/$/:/'
      compgen -f -- "$2" ;;
    *FILE | DIR | FOLDER) compgen -f -- "$2" ;;
  esac
}

# What may stand at the word CURRENT behind the words typed so far, a line each: _jump_candidates CURRENT jump WORD...
_jump_candidates() {
  local current=$1 _jump_program=$2
  shift 2
  local word waiting="" given=0 offers arguments page
  page=("$_jump_program")
  offers=$(_jump_offers "${page[@]}")
  for word in "$@"; do
    if [ -n "$waiting" ]; then
      waiting=""
      continue
    fi
    case "$word" in
      --) return ;;
      -*=*) ;;
      -*) waiting=$(printf '%s\n' "$offers" | awk -v w="$word" '$1 == "option" && $2 == w { print $3 }') ;;
      *)
        if printf '%s\n' "$offers" | grep -qxF "command $word"; then
          page+=("$word")
          offers=$(_jump_offers "${page[@]}")
          given=0
        else
          given=$((given + 1))
        fi ;;
    esac
  done
  if [ -n "$waiting" ]; then
    _jump_values "$waiting" "$current"
    return
  fi
  case "$current" in
    -*)
      printf '%s\n' "$offers" | awk '$1 == "option" && $2 ~ /^--/ { print $2 }'
      return ;;
  esac
  if [ "$given" -eq 0 ]; then
    printf '%s\n' "$offers" | awk '$1 == "command" { print $2 }'
  fi
  # The argument at this place; the last one again when it may be repeated.
  arguments=$(printf '%s\n' "$offers" | awk -v at="$given" '
    $1 == "argument" { kind[n++] = $2; more = $3 }
    END { if (at < n) print kind[at]; else if (more == "...") print kind[n - 1] }')
  [ -z "$arguments" ] || _jump_values "$arguments" "$current"
}

_jump_complete() {
  COMPREPLY=()
  local current="${COMP_WORDS[COMP_CWORD]}" line before=0
  local words
  words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  if [ -z "${ZSH_VERSION-}" ]; then
    # bash splits words at ":" and "=" too, and replaces only what stands behind the last one.
    local text="${COMP_LINE:0:$COMP_POINT}"
    read -r -a words <<<"$text" 2>/dev/null
    case "$text" in
      *" ") ;;
      *) current="${words[${#words[@]}-1]}"; unset "words[${#words[@]}-1]" ;;
    esac
    case "$current" in *:*) before="${current%:*}:"; before=${#before} ;; esac
  fi
  while IFS= read -r line; do
    case "$line" in
      "") ;;
      "$current"*)
        if [ -z "${ZSH_VERSION-}" ]; then
          line=$(printf '%q' "${line:$before}")
          line=${line//\\:/:}
        fi
        COMPREPLY+=("$line") ;;
    esac
  done <<EOF
$(_jump_candidates "$current" "${words[@]}")
EOF
  # Behind "web-01:" a path follows, without a blank.
  if [ -z "${ZSH_VERSION-}" ] && [ "${#COMPREPLY[@]}" -eq 1 ]; then
    case "${COMPREPLY[0]}" in *[:/]) compopt -o nospace 2>/dev/null ;; esac
  fi
}

complete -F _jump_complete jump
