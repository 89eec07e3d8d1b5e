"""Man pages and bash completions, made from what a program says with --help."""

import re
import subprocess
from dataclasses import dataclass, field

ITEM = re.compile(r"^  (\S.*?)(?:\s{2,}(\S.*))?$")
WORDS = ("TEXT", "UINT", "INT", "FLOAT", "REQUIRED", "BOOLEAN")


@dataclass
class Command:
    name: str  # "jump session show"
    about: str = ""
    usage: str = ""
    arguments: list = field(default_factory=list)  # (what, text)
    options: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    footer: list = field(default_factory=list)  # lines


def read(program, name, words=()):
    """`program`'s help for the subcommand `words`, with those below it."""
    done = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    command = Command(" ".join((name, *words)))
    lists = {"Positionals": command.arguments, "Options": command.options, "Subcommands": []}
    subcommands, section, about = lists["Subcommands"], None, []
    for line in done.stdout.splitlines():
        title = re.match(r"^(\w+):$", line)
        if title and title.group(1) in lists:
            section = lists[title.group(1)]
        elif line.startswith("Usage: "):
            command.usage = line[len("Usage: "):].replace(program, name)
            section = None
        elif section is not None and (item := ITEM.match(line)):
            section.append([item.group(1), item.group(2) or ""])
        elif section and line.startswith(" " * 10) and line.strip():
            section[-1][1] = f"{section[-1][1]} {line.strip()}".strip()
        elif not command.usage:
            about.append(line.strip())
        elif line.strip():
            section = None
            command.footer.append(line.rstrip())
    command.about = " ".join(filter(None, about))
    command.commands = [read(program, name, (*words, what.split()[0])) for what, _ in subcommands]
    return command


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def sentence(text):
    return re.sub(r"\s+", " ", text).strip()


def items(title, rows):
    lines = [f".SS {roff(title)}"] if title else []
    for what, text in rows:
        lines += [".TP", f"\\fB{roff(sentence(what))}\\fR", roff(sentence(text)) or "\\&"]
    return lines


def options_of(command):
    return [row for row in command.options if not row[0].startswith("-h,")]


def describe(command):
    lines = [f".SS {roff(command.usage or command.name)}", roff(command.about)]
    lines += items("", command.arguments + options_of(command))
    if command.footer:
        lines += [".PP", ".nf", *[roff(line) for line in command.footer], ".fi"]
    for below in command.commands:
        lines += describe(below)
    return lines


def man_page(command, section, date, version, short, files=(), also=()):
    """`short`: what stands behind the name; `files`: (path, text); `also`: ("jump", 1)."""
    name = command.name
    lines = [f'.TH {roff(name.upper())} {section} {date} "{name} {version}" "Jump"', ".SH NAME",
             f"{roff(name)} \\- {roff(short)}", ".SH SYNOPSIS", f".B {roff(name)}",
             "[\\fIOPTIONS\\fR] \\fISUBCOMMAND\\fR ...", ".SH DESCRIPTION", roff(command.about), ".SH OPTIONS"]
    lines += items("", command.options)
    lines.append(".SH COMMANDS")
    for below in command.commands:
        lines += describe(below)
    if command.footer:
        lines += [".SH NOTES", ".nf", *[roff(line) for line in command.footer], ".fi"]
    if files:
        lines.append(".SH FILES")
        lines += items("", files)
    if also:
        lines += [".SH SEE ALSO", ", ".join(f"\\fB{roff(one)}\\fR({number})" for one, number in also)]
    return "\n".join(lines) + "\n"


def flags(command):
    found = []
    for what, _ in command.options:
        found += re.findall(r"(?<![\w-])--?[\w-]+", what.split(" ")[0])
    return found


def bash_completion(command):
    """Subcommands, options and file names: enough for programs that are rarely typed."""
    cases = []
    for below in command.commands:
        word = below.name.split()[-1]
        cases.append(f'    {word}) words="{" ".join(flags(below) + [one.name.split()[-1] for one in below.commands])}" ;;')
    function = "_" + command.name.replace("-", "_")
    return "\n".join([
        f"# bash completion for {command.name}",
        f"{function}() {{",
        '  local current="${COMP_WORDS[COMP_CWORD]}" words="" word command=""',
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        f'    case "$word" in {"|".join(one.name.split()[-1] for one in command.commands)}) command=$word; break ;; esac',
        "  done",
        '  case "$command" in',
        f'    "") words="{" ".join(flags(command) + [one.name.split()[-1] for one in command.commands])}" ;;',
        *cases,
        "  esac",
        '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
        '  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")',
        "}",
        f"complete -o filenames -F {function} {command.name}",
        "",
    ])
