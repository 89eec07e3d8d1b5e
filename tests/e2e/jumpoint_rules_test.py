#!/usr/bin/env python3
"""Who may do what with a Jumpoint and the assets behind it, and which commands may be typed there: through the console,
with the words that a person gets."""

import json
import os
import subprocess

import case
import lab
import suite
from behind import BehindCase, Node
from processes import processes

USER = "jumprulesuser"
PASSWORD = "Tr0ub4dor and 6"


class Rules(BehindCase):
    USER, PASSWORD = USER, PASSWORD

    @classmethod
    def prepare(cls):
        key = cls.lab.path("sshd_key")
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        cls.port = suite.free_port()
        config = cls.file("sshd_config", f"Port {cls.port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM yes\n"
                                         "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n")
        os.makedirs("/run/sshd", exist_ok=True)
        suite.start(cls.lab, "/usr/sbin/sshd", "-D", "-e", "-f", config, name="sshd").wait_for_output("Server listening")
        cls.password = cls.file("password-there", PASSWORD + "\n")
        cls.console.run("credential", "add", "there", "--user", USER, "--password-file", cls.password)
        cls.host_key = key + ".pub"
        cls.known("box")
        # Anna has all rights in the group, and none on the Jumpoint.
        cls.console.run("user", "add", "anna", "--password-file", cls.file("anna-first", "a first long password\n"))
        cls.console.run("group", "members", "default", "--add", "anna", "--role", "Administrator")
        cls.anna_home = cls.lab.path("anna")
        cls.anna_environment = cls.lab.environment({"JUMP_HOME": cls.anna_home})
        cls.log_anna_in()

    @classmethod
    def log_anna_in(cls):
        done = cls.anna("login", f"https://{cls.suite.address}", "--user", "anna", "--password-file", cls.lab.path("anna-first"),
                        "--ca-pin", cls.suite.pin)
        if done.returncode != 0:
            raise lab.LabError(done.stderr)

    @classmethod
    def known(cls, name, *words):
        cls.add(name, cls.port, "--credential", "there", *words)
        cls.console.run("asset", "host-keys", name, "--set", cls.host_key)

    @classmethod
    def anna(cls, *words):
        return subprocess.run(cls.console.words(*words), capture_output=True, text=True, env=cls.anna_environment,
                              stdin=subprocess.DEVNULL, timeout=60)

    def refused(self, done, *words):
        print(f"    {done.stderr.strip()}", flush=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_who_is_in_the_group_starts_and_who_is_on_the_jumpoint_makes_assets(self):
        done = self.anna("exec", "--batch", "box", "--", "id", "-un")
        self.assertEqual(done.stdout.strip(), USER, done.stderr)
        make = ("asset", "add", "shell-jump", "annas", "--jumpoint", "1", "--group", "default", "--host", "127.0.0.1")
        self.refused(self.anna(*make), "Jumpoint")
        self.console.run("jumpoint", "users", "lab", "--add", "anna")
        self.assertIn("anna", self.console.run("jumpoint", "users", "lab"))
        done = self.anna(*make)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.console.run("jumpoint", "users", "lab", "--remove", "anna")
        again = tuple("annas second" if word == "annas" else word for word in make)
        self.refused(self.anna(*again), "Jumpoint")
        # Out of the group she sees nothing of it.
        self.console.run("group", "members", "default", "--remove", "anna")
        self.refused(self.anna("exec", "--batch", "box", "--", "id"), "box")
        self.console.run("group", "members", "default", "--add", "anna", "--role", "Administrator")

    def test_a_copy_is_an_asset_of_its_own(self):
        self.console.run("group", "add", "others")
        self.console.run("asset", "copy", "box", "--group", "others")
        self.addCleanup(self.remove_copies)
        self.assertIn("others/box", self.console.run("assets", "--names").splitlines())
        done = self.jump("exec", "--batch", "others/box", "--", "id", "-un")
        self.assertEqual(done.stdout.strip(), USER, done.stderr)
        # The stored credential does not go along with somebody who may not give it away.
        self.console.run("group", "members", "others", "--add", "anna", "--role", "Administrator")
        self.console.run("jumpoint", "users", "lab", "--add", "anna")
        done = self.anna("asset", "copy", "default/box", "--group", "others")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.console.run("jumpoint", "users", "lab", "--remove", "anna")
        credentials = [one.get("vault_account_id") for one in self.copies()]
        print(f"    stored credential of an administrator's copy, of anna's: {credentials}", flush=True)
        self.assertEqual([one is None for one in credentials], [False, True])

    def copies(self):
        """In the order in which they were made."""
        everything = sorted(json.loads(self.console.run("assets", "--json")), key=lambda one: one["id"])
        return [json.loads(self.console.run("info", str(one["id"]), "--json")) for one in everything if one["name"] == "box"][1:]

    def remove_copies(self):
        self.console.run("asset", "remove", "--yes", *(str(one["id"]) for one in self.copies()))

    def test_a_stored_credential_is_nowhere_to_be_read(self):
        terminal = self.terminal("shell", "default/box")
        terminal.wait_for(r"\$ ?$")
        for one in processes():
            self.assertNotIn(PASSWORD, "\n".join(one.words + one.variables))
        terminal.type("exit\n")
        terminal.status()
        own, read, secret = {self.password}, 0, PASSWORD.encode()
        for folder, _, names in os.walk(self.lab.folder):
            for path in (os.path.join(folder, name) for name in names):
                if os.path.isfile(path) and path not in own:
                    with open(path, "rb") as file:
                        self.assertNotIn(secret, file.read(), path)
                    read += 1
        for words in (("credential", "list", "--json"), ("info", "default/box", "--json"), ("events", "--json")):
            self.assertNotIn(PASSWORD, self.console.run(*words))
        keys = [os.path.join(folder, name) for folder, _, names in os.walk(self.suite.data) for name in names if "vault" in name]
        print(f"    not in {read} files of appliance, node, consoles and logs; key: "
              f"{[(os.path.basename(key), oct(os.stat(key).st_mode & 0o777)) for key in keys]}", flush=True)
        self.assertEqual([os.stat(key).st_mode & 0o777 for key in keys], [0o600])

    def test_a_disabled_jumpoint_refuses_new_sessions_and_keeps_running_ones(self):
        running = self.terminal("shell", "box")
        running.wait_for(r"\$ ?$")
        self.console.run("jumpoint", "edit", "lab", "--disable")
        try:
            self.refused(self.jump("exec", "--batch", "box", "--", "true"), "Jumpoint lab is disabled")
            self.assertIn("online, disabled", self.console.run("jumpoint", "list"))
            running.type("echo still-$((40+2))\n")
            running.wait_for("still-42")
        finally:
            self.console.run("jumpoint", "edit", "lab", "--enable")
        self.console.run("jumpoint", "edit", "lab", "--shell-jump", "off")
        self.refused(self.jump("exec", "--batch", "box", "--", "true"), "Shell Jump is switched off")
        self.console.run("jumpoint", "edit", "lab", "--shell-jump", "on")
        self.assertEqual(self.jump("exec", "--batch", "box", "--", "true").returncode, 0)
        running.type("exit 3\n")
        self.assertEqual(running.status(), 3)

    def test_a_second_node_needs_a_cluster(self):
        host = self.lab.host("second")
        host.be_machine()
        # It shares this machine's network: what makes it another one is its own serial numbers.
        second = Node(self.console, "lab", "second", install=False)
        words = ["unshare", "--mount", "--uts", *host._machine[3:], second.program, "--config", second.config, "install",
                 "--key-info-file", second.key]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        print(f"    status {done.returncode}: {(done.stderr or done.stdout).strip()}", flush=True)
        self.assertEqual(done.returncode, 14)
        self.assertIn("is not clustered and has its node", done.stderr + done.stdout)
        self.console.run("jumpoint", "edit", "lab", "--clustered", "on")
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(self.console.run("jumpoint", "nodes", "lab", "--json"))
        self.assertEqual(len(rows), 2)
        # An asset may ask for one of them, and gets no other.
        offline = next(one for one in rows if not one["online"])
        self.known("pinned", "--node", str(offline["id"]))
        self.refused(self.jump("exec", "--batch", "pinned", "--", "true"), "the node that this asset asks for is offline")
        self.console.run("asset", "edit", "pinned", "--node", "none", "--node-tag", "cellar")
        self.refused(self.jump("exec", "--batch", "pinned", "--", "true"), "no node with the tag 'cellar'")
        online = next(one for one in rows if one["online"])
        self.console.run("jumpoint", "nodes", "lab", "--node", str(online["id"]), "--tag", "Cellar")
        self.assertEqual(self.jump("exec", "--batch", "pinned", "--", "echo", "ok").stdout, "ok\n")
        # One that is not clustered any more keeps one node.
        done = self.jump("jumpoint", "edit", "lab", "--clustered", "off")
        self.refused(done, "node")
        self.console.run("jumpoint", "nodes", "lab", "--remove", str(offline["id"]))
        self.console.run("jumpoint", "edit", "lab", "--clustered", "off")

    def test_commands_are_refused_or_only_reported(self):
        deny = self.file("deny", "rm .*\nshutdown.*\n")
        self.known("guarded", "--filter", "report", "--filter-deny", deny)
        terminal = self.terminal("shell", "guarded", columns=120)
        terminal.wait_for(r"\$ ?$")
        terminal.type("touch here; ls\n")
        terminal.wait_for("here")
        terminal.type("rm here; echo g''one\n")
        # Not the pattern's whole command.
        terminal.wait_for("gone")
        terminal.type("touch here; clear\n")
        terminal.wait_for(r"\A[^\n]*\$ ?\Z")
        terminal.type("rm here\n")
        terminal.wait_for("would be refused")
        print("    " + "\n    ".join(line for line in terminal.screen().splitlines() if "refused" in line), flush=True)
        terminal.type("ls here\n")
        terminal.wait_for("No such file")
        terminal.type("exit\n")
        self.assertEqual(terminal.status(), 2)
        self.console.run("asset", "edit", "guarded", "--filter", "enforce")
        terminal = self.terminal("shell", "guarded", columns=120)
        terminal.wait_for(r"\$ ?$")
        terminal.type("touch kept; clear\n")
        terminal.wait_for(r"\A[^\n]*\$ ?\Z")
        terminal.type("rm kept\n")
        terminal.wait_for(r"(?s)'rm kept' is not allowed here.*\$ ?\Z")  # keys before its prompt go with its Ctrl-C
        print("    " + "\n    ".join(line for line in terminal.screen().splitlines() if "allowed" in line), flush=True)
        terminal.type("ls kept\n")
        terminal.wait_for("^kept$")
        terminal.type("exit 5\n")
        self.assertEqual(terminal.status(), 5)
        done = self.jump("exec", "--batch", "guarded", "--", "rm kept")
        self.assertEqual(done.returncode, 255)
        self.assertIn("this command is not allowed here: rm kept", done.stderr)
        for words in ("command would be refused: rm here (", "command refused: rm kept ("):
            lab.wait_until(lambda: words in self.console.run("events", "--json"), 10, f"an event says '{words}'")


if __name__ == "__main__":
    case.need("/usr/sbin/sshd", "ssh-keygen", "useradd", "jumpoint")
    case.main()
