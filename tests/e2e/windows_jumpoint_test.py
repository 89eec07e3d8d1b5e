#!/usr/bin/env python3
"""A node of a Jumpoint on Windows, as far as Wine is one: what a representative sees behind it is what he sees behind one
on Linux, so the tests are some of jumpoint_console_test.

Needs the programs of tools/build-windows (JUMP_WINDOWS_BIN, default build/windows/bin).
"""

import os
import subprocess
import sys

import case
import jumpoint_console_test
import lab
import suite
from wine import QUIET, missing

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("JUMP_WINDOWS_BIN") or
                      os.path.join(os.environ.get("JUMP_BUILD") or os.path.join(ROOT, "build"), "windows", "bin"))
PROGRAM = os.path.join(BIN, "jumpoint.exe")


def setUpModule():
    why = f"{', '.join(missing())} not installed (tools/setup --windows)" if missing() else ""
    if not os.path.exists(PROGRAM):
        why = f"there is no jumpoint.exe in {BIN} (tools/build-windows)"
    if why:
        print(f"NOT TESTED: Windows: {why}")
        sys.exit(case.SKIPPED)


class BehindWindows(jumpoint_console_test.Behind):
    def start_node(self):
        environment = self.lab.environment({**QUIET, "WINEPREFIX": self.lab.path("wine"), "HOME": self.lab.folder})
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
        subprocess.run(["wineboot", "-i"], check=True, timeout=120, **quiet)
        self.lab.closers.append(lambda: subprocess.run(["wineserver", "-k"], **quiet))
        config, key = self.lab.path("jumpoint.yaml"), self.lab.path("node.key")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"data: Z:{self.lab.path('node-data')}\nrun: Z:{self.lab.path('node-run')}\n"
                       f"target_allow: [\"127.0.0.1:*\"]\n")
        with open(key, "w", encoding="ascii") as file:
            file.write(self.console.run("jumpoint", "key", "lab"))
        program = ["wine", PROGRAM, "--config", "Z:" + config]
        done = subprocess.run([*program, "install", "--no-start", "--key-info-file", "Z:" + key], stdin=subprocess.DEVNULL,
                              capture_output=True, env=environment, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.node = suite.start(self.lab, *program, "run", name="node", env=environment)
        lab.wait_until(lambda: "1 of 1" in self.console.run("jumpoint", "list"), 30, "the node is online")

    # What is the node's work; the rest is of the appliance and of `jump`.
    test_no_is_no = None
    test_without_a_terminal_it_says_what_to_do = None
    test_a_question_reaches_the_person_through_ssh = None
    test_one_list_shows_all_kinds = None
    test_ones_own_ssh = None


if __name__ == "__main__":
    case.main()
