"""What the tests of machines behind a Jumpoint share: nodes, assets, a person at the console."""

import json
import os
import re
import signal
import subprocess
import unittest

import lab
import suite
from processes import processes
from terminal import Terminal


class Node:
    """One node of a Jumpoint, with folders of its own: on `host` of the lab or on this machine."""

    def __init__(self, console, jumpoint, name, host=None, allow=("127.0.0.1:*",), install=True):
        self.console, self.name, self.host = console, name, host
        self.net = console.suite.net
        self.program = lab.find_program("jumpoint")
        self.data = self.net.path(name + "-data")
        self.config = self.net.path(name + ".yaml")
        self.key = self.net.path(name + ".key")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"data: {self.data}\nrun: {self.net.path(name + '-run')}\ntarget_allow: {json.dumps(list(allow))}\n")
        with open(self.key, "w", encoding="ascii") as file:
            file.write(console.run("jumpoint", "key", jumpoint))
        self.process = None
        self.starts = 0
        if install:
            self.command("install", "--key-info-file", self.key)

    def command(self, *words, check=True):
        words = [self.program, "--config", self.config, *words]
        if self.host:
            return self.host.run(*words, check=check)
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise lab.LabError(f"{' '.join(words)}: status {done.returncode}: {done.stderr or done.stdout}")
        return done

    def start(self, online=True):
        self.starts += 1
        self.process = suite.start(self.net, self.program, "--config", self.config, "run",
                                   name=f"{self.name}-{self.starts}", host=self.host)
        if online:
            lab.wait_until(self.online, 30, f"{self.name} is online")

    def status(self):
        return json.loads(self.command("status", "--json", check=False).stdout or "{}")

    def online(self):
        return self.status().get("tunnel", {}).get("state") == "online"

    def processes(self, role):
        """Process numbers of this node's processes of one role."""
        # All of them write to the log of a start of this node.
        log = rf"{re.escape(self.net.logs)}/{self.name}-[0-9-]+\.log"
        return [one.pid for one in processes(os.path.realpath(self.program), role) if re.fullmatch(log, one.standard_error)]

    def die(self):
        """As if the machine lost its power: no process of it says anything any more."""
        if self.process is None:
            return
        self.process.kill()
        for pid in [*self.processes("tunnel"), *self.processes("session")]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(file.read().split("VmRSS:")[1].split()[0])


class PeopleOfThisMachine:
    """For tests that need a user of this machine, of a class each."""

    USER = PASSWORD = ""

    @classmethod
    def make_user(cls):
        if subprocess.run(["id", cls.USER], capture_output=True).returncode != 0:
            lab.sh("useradd", "--create-home", "--shell", "/bin/bash", cls.USER)
        cls.addClassCleanup(cls.remove_user)
        subprocess.run(["chpasswd"], input=f"{cls.USER}:{cls.PASSWORD}\n", text=True, check=True)

    @classmethod
    def remove_user(cls):
        """With what still runs in its name: shells outlive the server that started them."""
        for pid in subprocess.run(["pgrep", "-u", cls.USER], capture_output=True, text=True).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        lab.wait_until(lambda: subprocess.run(["pgrep", "-u", cls.USER], capture_output=True).returncode != 0, 10,
                       f"processes of {cls.USER} end")
        subprocess.run(["userdel", "--remove", cls.USER], capture_output=True)


class BehindCase(PeopleOfThisMachine, unittest.TestCase):
    """An appliance, a Jumpoint "lab" with one node, and a console, all on this machine and for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        if cls.USER:
            cls.make_user()
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        try:
            cls.suite = suite.Suite(cls.lab)
            cls.suite.start()
            cls.console = cls.suite.console()
            cls.console.run("jumpoint", "add", "lab")
            cls.node = Node(cls.console, "lab", "node")
            # Session processes are nobody's children, and would wait for a console.
            cls.addClassCleanup(cls.node.die)
            cls.node.start()
            cls.prepare()
        except BaseException:
            cls.lab.print_logs()
            raise

    @classmethod
    def prepare(cls):
        """Before the first test."""

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())

    @classmethod
    def add(cls, name, port, *words):
        """A Shell Jump asset on this machine."""
        cls.console.run("asset", "add", "shell-jump", name, "--jumpoint", "lab", "--group", "default", "--host",
                        "127.0.0.1", "--port", str(port), *words)

    @classmethod
    def file(cls, name, text):
        path = cls.lab.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @classmethod
    def jump(cls, *words, **options):
        options.setdefault("timeout", 60)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(cls.console.words(*words), capture_output=True, text=True, env=cls.console.environment, **options)

    def terminal(self, *words, **options):
        terminal = Terminal(self.lab, self.console.words(*words), env=self.console.environment, **options)
        self.addCleanup(terminal.close)
        return terminal

    def session(self):
        """The newest."""
        return self.console.sessions()[0]
