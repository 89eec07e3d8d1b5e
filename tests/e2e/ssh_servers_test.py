#!/usr/bin/env python3
"""What a person sees of SSH servers that are old, changed, slow or broken, through `jump shell` and a Jumpoint: OpenSSH,
dropbear, and phase_server.py, which stops wherever one likes."""

import os
import re
import signal
import subprocess
import sys
import time

import case
import lab
import suite
from behind import BehindCase

USER = "jumpserveruser"
PASSWORD = "Tr0ub4dor and 5"
HERE = os.path.dirname(os.path.abspath(__file__))
# Phase, and what is said of it.
STALLS = {
    "silence": r"SSH handshake: no answer within 20 s",
    "banner": r"SSH handshake: no answer within 20 s",
    "kexinit": r"SSH handshake: no answer within 20 s",
    "auth": r"log-in by password: no answer within 30 s",
    "channel": r"open a channel: no answer within 20 s",
    "terminal": r"ask for a terminal: no answer within 20 s",
    "shell": r"start a shell: no answer within 20 s",
}


class SshServers(BehindCase):
    USER, PASSWORD = USER, PASSWORD

    @classmethod
    def prepare(cls):
        cls.password = cls.file("password-there", PASSWORD + "\n")
        cls.console.run("credential", "add", "there", "--user", USER, "--password-file", cls.password)
        os.makedirs("/run/sshd", exist_ok=True)
        # These take their time; the other tests run meanwhile.
        cls.stalled = {}
        for phase in STALLS:
            cls.add(f"stalls-{phase}", cls.phase_server(phase), "--credential", "there")
            began = time.monotonic()
            process = suite.start(cls.lab, *cls.console.words("shell", "--accept-new-host-key", f"stalls-{phase}"),
                                  name=f"shell-{phase}", env=cls.console.environment)
            cls.stalled[phase] = (process, began)

    @classmethod
    def phase_server(cls, phase):
        python = "/usr/bin/python3" if os.path.exists("/usr/lib/python3/dist-packages/paramiko") else sys.executable
        server = suite.start(cls.lab, python, "-B", os.path.join(HERE, "phase_server.py"), phase, name=f"server-{phase}")
        return server.wait_for_output(r"^(\d+)\n").group(1)

    def key(self, kind="ed25519", *words):
        path = self.lab.path(f"key-{self._testMethodName}-{kind}-{len(os.listdir(self.lab.folder))}")
        lab.sh("ssh-keygen", "-q", "-t", kind, "-N", "", *words, "-f", path)
        return path

    def sshd(self, key, *lines, port=None):
        port = port or suite.free_port()
        config = self.file(f"sshd-{port}-{os.path.basename(key)}", "\n".join(
            (f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {key}", "PidFile none", "UsePAM yes",
             "PasswordAuthentication yes", "KbdInteractiveAuthentication no", *lines)) + "\n")
        server = suite.start(self.lab, "/usr/sbin/sshd", "-D", "-e", "-f", config, name=f"sshd-{port}-{os.path.basename(key)}")
        server.wait_for_output("Server listening")
        return server, port

    def said(self, *words):
        """The one line of a `jump exec` that fails."""
        done = self.jump("exec", "--batch", *words)
        print(f"    {done.stderr.strip()}", flush=True)
        self.assertEqual(done.returncode, 255, done.stderr)
        return done.stderr

    @staticmethod
    def fingerprint(key):
        return lab.sh("ssh-keygen", "-lf", key + ".pub").split()[1]

    def at_prompt(self, *words):
        terminal = self.terminal("shell", *words)
        terminal.wait_for(r"\$ ?$")
        return terminal

    def size_is(self, terminal, size):
        def typed():
            terminal.type("stty size\n")
            time.sleep(0.1)
            return size in terminal.screen()
        lab.wait_until(typed, 20, f"the size {size} has arrived")

    def test_dropbear(self):
        key, port = self.lab.path("dropbear_key"), suite.free_port()
        lab.sh("dropbearkey", "-t", "ed25519", "-f", key)
        suite.start(self.lab, "/usr/sbin/dropbear", "-F", "-E", "-r", key, "-p", f"127.0.0.1:{port}", name="dropbear")
        self.add("bear", port, "--user", USER, "--credential", "there")
        terminal = self.terminal("shell", "bear")
        terminal.wait_for("right key")
        terminal.type("yes\n")
        terminal.wait_for(r"\$ ?$")
        print("    " + "\n    ".join(line for line in terminal.screen().splitlines() if "warning" in line or "Terrapin" in line))
        terminal.type("clear; stty size; echo =$TERM=\n")
        terminal.wait_for("^24 80$")
        terminal.wait_for("^=xterm=$")
        terminal.resize(100, 30)
        self.size_is(terminal, "30 100")
        terminal.type("clear; yes\n")
        terminal.wait_for(r"^y\ny\ny$")
        terminal.keys("C-c")
        terminal.type("exit 3\n")
        self.assertEqual(terminal.status(), 3)
        done = self.jump("exec", "--batch", "bear", "--", "sh", "-c", "cat; exit 6", input="in")
        self.assertEqual((done.stdout, done.returncode), ("in", 6), done.stderr)
        self.console.run("cp", "--quiet", self.password, "bear:copied")
        self.assertEqual(self.jump("exec", "--batch", "bear", "--", "cat", "copied").stdout, PASSWORD + "\n")
        # The server's words on key exchange stand in the events.
        self.assertIn("strict key exchange", self.console.run("events", "--json"))

    def test_a_server_with_old_algorithms_only(self):
        key = self.key("rsa", "-b", "2048")
        _, port = self.sshd(key, "KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1",
                            "Ciphers aes128-cbc,3des-cbc", "MACs hmac-sha1", "HostKeyAlgorithms ssh-rsa")
        self.add("old", port, "--credential", "there")
        said = self.said("--accept-new-host-key", "old", "--", "true")
        self.assertIn("--legacy-algorithms", said)
        self.console.run("asset", "edit", "old", "--legacy-algorithms", "on")
        done = self.jump("exec", "--batch", "--accept-new-host-key", "old", "--", "id", "-un")
        self.assertEqual(done.stdout.strip(), USER, done.stderr)
        self.assertIn(self.fingerprint(key), self.console.run("asset", "host-keys", "old"))

    def test_a_server_that_changes_its_host_key(self):
        first, second = self.key(), self.key("ecdsa")
        server, port = self.sshd(first)
        self.add("changes", port, "--credential", "there")
        terminal = self.terminal("shell", "changes")
        terminal.wait_for("right key")
        terminal.type("yes\n")
        terminal.wait_for(r"\$ ?$")
        terminal.type("exit\n")
        self.assertEqual(terminal.status(), 0)
        server.stop()
        server, port = self.sshd(second, port=port)
        terminal = self.terminal("shell", "changes", columns=200)
        self.assertEqual(terminal.status(), 255)
        print("    " + terminal.screen(), flush=True)
        for words in ("host key has changed", self.fingerprint(first), self.fingerprint(second), "jump asset host-keys"):
            self.assertIn(words, terminal.screen().replace("\n", ""))
        self.console.run("asset", "host-keys", "changes", "--clear")
        terminal = self.terminal("shell", "changes", columns=200)
        terminal.wait_for("right key")
        self.assertIn(self.fingerprint(second), terminal.screen())
        terminal.type("no\n")
        self.assertEqual(terminal.status(), 255)
        print("    " + terminal.screen().splitlines()[-1], flush=True)

    def test_rubbish_and_closed_doors(self):
        for phase, words in (("rubbish", "SSH handshake"), ("closes", "SSH handshake")):
            self.add(phase, self.phase_server(phase), "--credential", "there")
            self.assertIn(words, self.said(phase, "--", "true"))
        self.add("late", self.phase_server("late-rubbish"), "--credential", "there")
        terminal = self.terminal("shell", "--accept-new-host-key", "late", columns=200)
        self.assertEqual(terminal.status(), 255)
        print("    " + terminal.screen().splitlines()[-1], flush=True)
        self.add("nobody", suite.free_port(), "--credential", "there")
        self.assertIn("refused", self.said("nobody", "--", "true"))
        self.console.run("asset", "add", "shell-jump", "nowhere", "--jumpoint", "lab", "--group", "default", "--host",
                         "no.such.host.invalid", "--credential", "there")
        self.assertIn("no.such.host.invalid", self.said("nowhere", "--", "true"))
        self.console.run("asset", "add", "shell-jump", "forbidden", "--jumpoint", "lab", "--group", "default", "--host",
                         "169.254.1.1", "--credential", "there")
        self.assertIn("target_allow", self.said("forbidden", "--", "true"))

    def test_the_wrong_password(self):
        _, port = self.sshd(self.key(), "MaxAuthTries 3")
        self.console.run("credential", "add", "wrong", "--user", USER, "--password-file", self.file("wrong", "no\n"))
        self.add("picky", port, "--credential", "wrong")
        self.said("--accept-new-host-key", "picky", "--", "true")
        self.assertIn("was not accepted", self.said("--password-file", self.file("wrong2", "nope\n"), "picky", "--", "true"))
        terminal = self.terminal("shell", "picky")
        terminal.wait_for("assword: ?$")
        terminal.type(PASSWORD + "\n")
        terminal.wait_for(r"\$ ?$")

    def test_keep_alive_finds_a_server_that_says_nothing_any_more(self):
        server, port = self.sshd(self.key())
        self.add("dies", port, "--credential", "there", "--keep-alive", "1")
        self.add("patient", port, "--credential", "there")
        watched = self.terminal("shell", "--accept-new-host-key", "dies", columns=150)
        patient = self.terminal("shell", "--accept-new-host-key", "patient", columns=150)
        for terminal in (watched, patient):
            terminal.wait_for(r"\$ ?$")
        children = lab.sh("pgrep", "-P", str(server.pid)).split()
        grandchildren = [pid for child in children for pid in
                         subprocess.run(["pgrep", "-P", child], capture_output=True, text=True).stdout.split()]
        for pid in children + grandchildren:
            os.kill(int(pid), signal.SIGSTOP)
        try:
            began = time.monotonic()
            self.assertEqual(watched.status(), 255)
            print(f"    after {time.monotonic() - began:.1f} s: {watched.screen().splitlines()[-1]}", flush=True)
            self.assertIn("silent for 3 s", watched.screen())
        finally:
            for pid in children + grandchildren:
                try:
                    os.kill(int(pid), signal.SIGCONT)
                except ProcessLookupError:
                    pass
        patient.type("exit 4\n")
        self.assertEqual(patient.status(), 4)

    def test_questions_are_asked_again_after_a_takeover(self):
        self.add("asks", self.phase_server("works"), "--user", "somebody")
        first = self.terminal("shell", "asks")
        first.wait_for("right key")
        session = self.session()["id"]
        first.close()
        # The host key, by the second console …
        second = self.terminal("shell", "--attach", session)
        second.wait_for("right key")
        second.type("yes\n")
        second.wait_for("Favourite day:")
        second.type("mon")
        second.close()
        # … and both questions, by the third.
        third = self.terminal("shell", "--attach", session)
        third.wait_for("Favourite day:")
        self.assertNotIn("right key", third.screen())
        third.type("monday\n")
        third.wait_for("Token:")
        third.type("42\n")
        third.wait_for(r"^shell\$")
        third.type("hello\n")
        third.wait_for("^<hello>$")
        third.type("~.")
        self.assertEqual(third.status(), 129)
        self.assertEqual(len(self.console.run("asset", "host-keys", "asks").splitlines()), 1)

    def test_how_a_shell_ended_is_told_to_the_console_that_comes_later(self):
        _, port = self.sshd(self.key())
        self.add("ends", port, "--credential", "there")
        first = self.terminal("shell", "--accept-new-host-key", "ends")
        first.wait_for(r"\$ ?$")
        session = self.session()["id"]
        first.type("echo 'p'id-$$\n")
        pid = int(first.wait_for(r"^pid-(\d+)$").group(1))
        gone = self.suite.process.output().count("gone peer=user:")
        first.close()
        lab.wait_until(lambda: self.suite.process.output().count("gone peer=user:") > gone, 20, "its console has left")
        os.kill(pid, signal.SIGKILL)
        lab.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 20, "it has ended, and nobody was there")
        second = self.terminal("shell", "--attach", session)
        self.assertEqual(second.status(), 128 + 9)

    def test_z_servers_that_stall(self):
        for phase, (process, began) in self.stalled.items():
            lab.wait_until(lambda: process.status is not None, 40, f"{phase} is given up")
            line = process.output().strip().splitlines()[-1]
            print(f"    {phase}: {line}", flush=True)
            self.assertRegex(line, STALLS[phase])
            self.assertEqual(process.status, 255)


if __name__ == "__main__":
    case.need("/usr/sbin/sshd", "/usr/sbin/dropbear", "dropbearkey", "ssh-keygen", "useradd", "jumpoint")
    case.main()
