#!/usr/bin/env python3
"""The Tab key behind `jump`, in bash and in zsh."""

import os
import shutil

import case
import lab
from terminal import Terminal

# The program itself, but for the question that goes to an appliance.
PROGRAM = """#!/bin/sh
case "$*" in
"assets --names"*) printf 'web-01\\nweb-02\\nlab/db 1\\n' ;;
*) exec {program} "$@" ;;
esac
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
        os.mkdir(self.lab.path("here", "folder"))
        for name in ("notes.txt", "notes.old"):
            with open(self.lab.path("here", name), "w", encoding="ascii"):
                pass
        self.environment = self.lab.environment({"PATH": os.path.dirname(program) + ":" + os.environ["PATH"]})

    def tab(self, terminal, typed, shows):
        """Types, presses Tab twice, waits for what it shows, and empties the line again."""
        terminal.type(typed)
        terminal.keys("Tab", "Tab")
        terminal.wait_for(shows)
        terminal.keys("C-u")
        terminal.type("clear\n")
        terminal.wait_for(r"\A>$")

    def everything(self, terminal):
        self.tab(terminal, "jump inf", "^> jump info$")
        self.tab(terminal, "jump asset re", "^> jump asset remove$")
        self.tab(terminal, "jump site ed", "^> jump site edit$")
        self.tab(terminal, "jump site edit --network-b", "^> jump site edit --network-browsing$")
        self.tab(terminal, "jump shell --att", "^> jump shell --attach$")
        self.tab(terminal, "jump shell --", "--wait")
        self.tab(terminal, "jump info we", "^> jump info web-0")
        self.tab(terminal, "jump info web-0", "^web-01 +web-02")
        self.tab(terminal, "jump asset remove web-01 web-0", "^web-01 +web-02")
        self.tab(terminal, "jump cp notes.t", r"^> jump cp notes\.txt$")
        self.tab(terminal, "jump cp notes.txt we", "^> jump cp notes.txt web-0")
        self.tab(terminal, "jump cp notes.txt web-02", "^> jump cp notes.txt web-02:$")
        self.tab(terminal, "jump cp fold", "^> jump cp folder/$")
        self.tab(terminal, "jump info lab", r"^> jump info lab/db\\ 1$")

    def test_tab_in_bash(self):
        terminal = Terminal(self.lab, ["bash", "--norc", "-i"], env=self.environment | {"PS1": "> "})
        terminal.type(f"source <(jump completion bash); cd {self.lab.path('here')}; clear\n")
        terminal.wait_for(r"\A>$")
        self.everything(terminal)

    def test_tab_in_zsh(self):
        case.need("zsh")
        terminal = Terminal(self.lab, ["zsh", "-f", "-i"], env=self.environment | {"PS1": "> "})
        terminal.type("autoload -U compinit && compinit -u -D; PS1='> '; source <(jump completion zsh)\n")
        terminal.type(f"cd {self.lab.path('here')}; clear\n")
        terminal.wait_for(r"\A>$")
        self.everything(terminal)


if __name__ == "__main__":
    if not shutil.which(lab.find_program("jump")):
        raise SystemExit("there is no `jump`: JUMP_BIN names the folder of the programs")
    case.main()
