#!/usr/bin/env python3
"""The Tab key behind `jump`, in bash and in zsh."""

import os
import shutil

import case
import lab
from terminal import Terminal

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "console", "completion")

# The program itself, but for the two questions that go to an appliance.
PROGRAM = """#!/bin/sh
case "$*" in
"assets --names") printf 'web-01\\nweb-02\\nlab/db 1\\n' ;;
"sessions --names") printf '0123abcd\\n' ;;
*) exec {program} "$@" ;;
esac
"""
# Calls the function like bash does at a Tab key; prints what it offers.
DRIVER = """
. "$1/jump.bash"
COMP_LINE=$2 COMP_POINT=${#2}
read -r -a COMP_WORDS <<<"$2"
case "$2" in *" ") COMP_WORDS+=("") ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_jump_complete
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Completion(case.LabCase):
    def setUp(self):
        super().setUp()
        program = self.lab.path("bin", "jump")
        os.mkdir(os.path.dirname(program))
        with open(program, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(program=lab.find_program("jump")))
        os.chmod(program, 0o755)
        os.mkdir(self.lab.path("here"))
        for name in ("notes.txt", "notes.old"):
            with open(self.lab.path("here", name), "w", encoding="ascii"):
                pass
        self.environment = self.lab.environment({"PATH": os.path.dirname(program) + ":" + os.environ["PATH"]})

    def offers(self, line):
        return lab.sh("bash", "-c", DRIVER, "bash", FOLDER, line, env=self.environment,
                      cwd=self.lab.path("here")).split("\n")[:-1]

    def test_commands_and_their_subcommands(self):
        self.assertLessEqual({"login", "assets", "shell", "exec", "cp", "forward"}, set(self.offers("jump ")))
        self.assertEqual(self.offers("jump asset"), ["assets", "asset"])
        self.assertEqual(self.offers("jump asset "), ["edit", "remove"])
        self.assertEqual(self.offers("jump -v asset ed"), ["edit"])

    def test_options_come_from_the_page_of_the_command(self):
        self.assertIn("--attach", self.offers("jump shell --"))
        self.assertNotIn("--attach", self.offers("jump exec --"))
        self.assertEqual(self.offers("jump shell --att"), ["--attach"])

    def test_assets_sessions_and_files(self):
        self.assertEqual(self.offers("jump shell we"), ["web-01", "web-02"])
        self.assertEqual(self.offers("jump shell lab"), ["lab/db\\ 1"])
        self.assertEqual(self.offers("jump shell --attach "), ["0123abcd"])
        self.assertEqual(self.offers("jump info web-01 "), [""])
        self.assertEqual(self.offers("jump asset remove web-01 we"), ["web-01", "web-02"])
        self.assertEqual(self.offers("jump exec web-01 -- not"), [""])
        self.assertEqual(self.offers("jump login --password-file notes.t"), ["notes.txt"])

    def test_either_side_of_a_copy(self):
        self.assertEqual(self.offers("jump cp we"), ["web-01:", "web-02:"])
        self.assertEqual(self.offers("jump cp notes.txt we"), ["web-01:", "web-02:"])
        self.assertEqual(self.offers("jump cp web-01:x notes.o"), ["notes.old"])

    def test_tab_in_bash(self):
        terminal = Terminal(self.lab, ["bash", "--norc", "-i"], env=self.environment | {"PS1": "> "})
        terminal.type(f". {FOLDER}/jump.bash; cd {self.lab.path('here')}; clear\n")
        terminal.wait_for(r"\A>$")
        terminal.type("jump inf")
        terminal.keys("Tab")
        terminal.wait_for("^> jump info$")
        terminal.type("web-0")
        terminal.keys("Tab", "Tab")
        terminal.wait_for("^web-01 +web-02")

    def test_tab_in_zsh(self):
        case.need("zsh")
        terminal = Terminal(self.lab, ["zsh", "-f", "-i"], env=self.environment | {"PS1": "> "})
        terminal.type(f"fpath=({FOLDER} $fpath); autoload -U compinit && compinit -u -D; PS1='> '; clear\n")
        terminal.wait_for(r"\A>$")
        terminal.type("jump inf")
        terminal.keys("Tab")
        terminal.wait_for("^> jump info$")
        terminal.type("web-0")
        terminal.keys("Tab", "Tab")
        terminal.wait_for("^web-01 +web-02")
        terminal.keys("C-u")
        terminal.type("jump shell lab")
        terminal.keys("Tab")
        terminal.wait_for(r"^> jump shell lab/db\\ 1$")


if __name__ == "__main__":
    if not shutil.which(lab.find_program("jump")):
        raise SystemExit("there is no `jump`: JUMP_BIN names the folder of the programs")
    case.main()
