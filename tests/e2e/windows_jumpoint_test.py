#!/usr/bin/env python3
"""A node of a Jumpoint on Windows, as far as Wine is one: what a representative sees behind it is what he sees behind one
on Linux, so the tests are some of jumpoint_console_test.

Needs the programs of tools/build-windows (JUMP_WINDOWS_BIN, default build/windows/bin).
"""

import json
import os
import subprocess
import time

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


class Installed(jumpoint_console_test.NodeCase):
    """From its package, as a service of the machine."""

    def start_node(self):
        self.machine = wine.Wine(self.lab)
        packages = self.lab.path("packages")
        for version in ("0.1.0", "0.2.0"):
            wine.make_packages(packages, version)
        self.package = lambda version: os.path.join(packages, f"jumpoint-{version}-x64.msi")
        self.before = self.machine.files()
        folder = self.machine.path(r"C:\ProgramData\Jumpoint\config")
        os.makedirs(folder)
        with open(os.path.join(folder, "jumpoint.yaml"), "w", encoding="ascii", newline="\r\n") as file:
            file.write('target_allow: ["127.0.0.1:*"]\nzone_proxy: {access_log: "C:/ProgramData/Jumpoint/log/access.log"}\n')
        began = time.monotonic()
        self.machine.install(self.package("0.1.0"), self.console.run("jumpoint", "key", "lab"))
        self.wait_online()
        print(f"  msiexec /i to online: {time.monotonic() - began:.1f} s", flush=True)

    def wait_online(self):
        lab.wait_until(lambda: "1 of 1" in self.console.run("jumpoint", "list"), 90, "the node is online")

    def nodes(self):
        return [one["id"] for one in json.loads(self.console.run("jumpoint", "nodes", "lab", "--json"))]

    def behind(self):
        done = self.jump("exec", "--batch", "box", "--", "echo", "behind")
        self.assertEqual((done.returncode, done.stdout), (0, b"behind\n"), done.stderr)

    def through_the_proxy(self, port):
        """Its status of an answer of the appliance; 0 where there is none."""
        done = subprocess.run(["curl", "-sk", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", "-x", f"http://127.0.0.1:{port}",
                               f"https://{self.suite.address}/openapi.yaml"], capture_output=True, text=True)
        return int(done.stdout)

    def test_it_comes_works_is_upgraded_and_goes(self):
        self.trust()
        self.store_credential()
        first = self.nodes()
        self.behind()
        port = suite.free_port()
        self.console.run("jumpoint", "edit", "lab", "--zone-proxy", "on", "--proxy-port", str(port), "--proxy-host", "127.0.0.1")
        lab.wait_until(lambda: self.through_the_proxy(port) == 200, 30, "the zone proxy lets through to the appliance")
        nobody = self.lab.path("nobody")
        with open(nobody, "w", encoding="ascii") as file:
            file.write("127.0.0.0/8\n")
        self.console.run("jumpoint", "edit", "lab", "--deny", nobody)
        lab.wait_until(lambda: self.through_the_proxy(port) == 0, 30, "its rules refuse")
        with open(self.machine.path(r"C:\ProgramData\Jumpoint\log\access.log"), encoding="utf-8") as file:
            print(f"  the last line of its access log: {file.read().splitlines()[-1]}", flush=True)
        self.machine.msiexec("/i", wine.Wine.windows_path(self.package("0.2.0")))
        self.wait_online()
        self.assertEqual(self.nodes(), first)
        self.behind()
        # The machine is switched off and on.
        self.machine.end()
        lab.wait_until(lambda: "0 of 1" in self.console.run("jumpoint", "list"), 60, "the appliance knows")
        self.machine.begin()
        self.wait_online()
        self.behind()
        self.machine.msiexec("/x", wine.Wine.windows_path(self.package("0.2.0")))
        lab.wait_until(lambda: not self.machine.processes("jumpoint"), 60, "no process of it is left")
        self.assertEqual(self.machine.new_files(self.before), set())
        print(f"  after its removal: {self.console.run('jumpoint', 'nodes', 'lab').strip() or 'no node'}", flush=True)


if __name__ == "__main__":
    case.main()
