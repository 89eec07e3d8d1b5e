#!/usr/bin/env python3
r"""`jump` on Windows, as far as Wine is one: its commands at the desk, with an appliance and a Jump Client on Linux.

Needs the programs of tools/build-windows (JUMP_WINDOWS_BIN, default build/windows/bin). Wine shows no console here:
raw mode, keys and sizes of one are not tested.
"""

import hashlib
import json
import os
import random
import subprocess

import case
import lab
import wine
from network import NetworkCase

PROGRAM = os.path.join(wine.BIN, "jump.exe")


def setUpModule():
    wine.need("jump.exe")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class JumpOnWindows(NetworkCase):
    @classmethod
    def make_network(cls):
        super().make_network()
        cls.win = wine.Wine(cls.lab, cls.desk)
        cls.home = cls.lab.path("windows-home")
        cls.environment = cls.win.environment | {"JUMP_HOME": "Z:" + cls.home}
        status, out, err = cls.jump("login", f"https://{cls.suite.address}", "--user", "admin", "--password-file",
                                    "Z:" + cls.suite.password, "--ca-pin", cls.suite.pin)
        if status != 0:
            raise lab.LabError(f"login: {status}: {out} {err}")

    @classmethod
    def inside(cls, *words):
        return cls.desk.inside(*words)

    @classmethod
    def jump(cls, *words, text=b"", program=("wine", PROGRAM)):
        done = subprocess.run(cls.inside(*program, *words), input=text, capture_output=True, env=cls.environment, timeout=180,
                              cwd=cls.lab.folder)
        return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")

    def done(self, *words, **options):
        status, out, err = self.jump(*words, **options)
        self.assertEqual(status, 0, err)
        return out

    def test_assets_are_listed_and_wrong_use_is_one_line(self):
        self.assertEqual([one["name"] for one in json.loads(self.done("assets", "--json"))], ["web"])
        status, _, err = self.jump("assets", "--no-such-option")
        self.assertEqual(status, 2)
        self.assertEqual(len(err.splitlines()), 1, err)

    def test_a_command_has_its_own_streams_and_status(self):
        status, out, err = self.jump("exec", "web", "--", "sh", "-c", "cat; echo err >&2; exit 3", text=b"in\xff\x00put\n")
        self.assertEqual((status, out, err), (3, b"in\xff\x00put\n", "err\n"))
        self.assertEqual(self.done("exec", "web", "--", "wc", "-c", text=b"x" * 3_000_000).strip(), b"3000000")
        words = self.done("exec", "web", "--", "printf", "%s|", "a", "b  c", 'quo"te', "größe", "/slash")
        self.assertEqual(words.decode(), 'a|b  c|quo"te|größe|/slash|')

    def test_a_shell_takes_what_a_pipe_gives(self):
        out = self.done("shell", "web", text=b"echo six-$((2*3))\nexit\n")
        self.assertIn(b"six-6", out)

    def test_files_go_both_ways(self):
        here = self.lab.path("from")
        os.makedirs(os.path.join(here, "css"))
        for name, size in (("index.html", 812), ("css/größe 日本.css", 70_000), ("css/zero", 0), ("big.iso", 8 << 20)):
            with open(os.path.join(here, name), "wb") as file:
                file.write(random.Random(name).randbytes(size))
        there, back = self.lab.path("there"), self.lab.path("back")
        os.makedirs(there)
        self.done("cp", "--quiet", "-r", "Z:" + here.replace("/", "\\"), f"web:{there}/site")
        self.done("cp", "--quiet", "-r", f"web:{there}/site", "Z:" + back)
        for name in ("index.html", "css/größe 日本.css", "css/zero", "big.iso"):
            for copy in (os.path.join(there, "site"), back):
                self.assertEqual(digest(os.path.join(copy, name)), digest(os.path.join(here, name)), (copy, name))

    def test_ssh_goes_through_it(self):
        config = self.lab.path("ssh_config")
        proxy = " ".join(["env", f"JUMP_HOME=Z:{self.home}", "wine", PROGRAM, "ssh-proxy", "--", "%h"])
        self.done("ssh-config")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"Host web\n ProxyCommand {proxy}\n UserKnownHostsFile {self.home}/ssh_known_hosts\n HostKeyAlias jump\n"
                       " StrictHostKeyChecking yes\n PreferredAuthentications none\n")
        done = self.done("web", "cat; echo done", text=b"y" * 1_000_000, program=("ssh", "-F", config))
        self.assertEqual(done, b"y" * 1_000_000 + b"done\n")

    def test_a_recording_is_played(self):
        self.done("exec", "web", "--", "echo", "heard and kept")
        session = json.loads(self.done("sessions", "--kind", "exec", "--json"))[0]["id"]
        self.assertIn(b"heard and kept", self.done("play", session))


if __name__ == "__main__":
    case.main()
