#!/usr/bin/env python3
"""A node of a Jumpoint on Windows, as far as Wine is one: what a representative sees behind it is what he sees behind one
on Linux, so the tests are some of jumpoint_console_test.

Needs the programs of tools/build-windows (JUMP_WINDOWS_BIN, default build/windows/bin).
"""

import os

import case
import jumpoint_console_test
import lab
import suite
import wine

PROGRAM = os.path.join(wine.BIN, "jumpoint.exe")


def setUpModule():
    wine.need("jumpoint.exe")


class BehindWindows(jumpoint_console_test.Behind):
    def start_node(self):
        machine = wine.Wine(self.lab)
        config, key = self.lab.path("jumpoint.yaml"), self.lab.path("node.key")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"data: Z:{self.lab.path('node-data')}\nrun: Z:{self.lab.path('node-run')}\n"
                       f"target_allow: [\"127.0.0.1:*\"]\n")
        with open(key, "w", encoding="ascii") as file:
            file.write(self.console.run("jumpoint", "key", "lab"))
        program = [PROGRAM, "--config", "Z:" + config]
        machine.run(*program, "install", "--no-start", "--key-info-file", "Z:" + key)
        self.node = suite.start(self.lab, "wine", *program, "run", name="node", env=machine.environment)
        lab.wait_until(lambda: "1 of 1" in self.console.run("jumpoint", "list"), 90, "the node is online")

    # What is the node's work; the rest is of the appliance and of `jump`.
    test_no_is_no = None
    test_without_a_terminal_it_says_what_to_do = None
    test_a_question_reaches_the_person_through_ssh = None
    test_one_list_shows_all_kinds = None
    test_ones_own_ssh = None


if __name__ == "__main__":
    case.main()
