#!/usr/bin/env python3
"""What a representative sees of machines behind a Jumpoint: questions, host keys, stored credentials, files, tunnel jumps,
and his own ssh. The machine is a real sshd on this host's loopback, reached through one node."""

import filecmp
import json
import os
import socket
import subprocess
import threading

import case
import lab
import suite
from terminal import Terminal

USER = "jumptestuser"
PASSWORD = "Tr0ub4dor and 3"


def user_exists():
    return subprocess.run(["id", USER], capture_output=True).returncode == 0


class NodeCase(case.LabCase):
    """An appliance, a node and a machine behind it."""

    @classmethod
    def setUpClass(cls):
        if not user_exists():
            lab.sh("useradd", "--create-home", "--shell", "/bin/bash", USER)
        subprocess.run(["chpasswd"], input=f"{USER}:{PASSWORD}\n", text=True, check=True)

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["userdel", "--remove", USER], capture_output=True)

    def setUp(self):
        super().setUp()
        self.suite = suite.Suite(self.lab)
        self.suite.start()
        self.console = self.suite.console()
        self.start_sshd()
        self.console.run("jumpoint", "add", "lab", "--comments", "beside the sshd")
        self.start_node()
        self.password_file = self.lab.path("password-there")
        with open(self.password_file, "w", encoding="ascii") as file:
            file.write(PASSWORD + "\n")
        self.add("box", "--user", USER)

    def start_sshd(self):
        self.key = self.lab.path("sshd_key")
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self.port = suite.free_port()
        config = self.lab.path("sshd_config")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.key}\nPidFile none\nUsePAM yes\n"
                       f"PasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
                       f"Subsystem sftp internal-sftp\nMaxStartups 100\n")
        os.makedirs("/run/sshd", exist_ok=True)
        suite.start(self.lab, "/usr/sbin/sshd", "-D", "-e", "-f", config, name="sshd")
        lab.wait_until(lambda: self.answers(self.port), 20, "sshd listens")

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def start_node(self):
        config = self.lab.path("jumpoint.yaml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"data: {self.lab.path('node-data')}\nrun: {self.lab.path('node-run')}\n"
                       f"target_allow: [\"127.0.0.1:*\"]\n")
        key = self.lab.path("node.key")
        with open(key, "w", encoding="ascii") as file:
            file.write(self.console.run("jumpoint", "key", "lab"))
        program = lab.find_program("jumpoint")
        lab.sh(program, "--config", config, "install", "--key-info-file", key)
        self.node = suite.start(self.lab, program, "--config", config, "run", name="node")
        lab.wait_until(lambda: "1 of 1" in self.console.run("jumpoint", "list"), 30, "the node is online")

    def add(self, name, *words, kind="shell-jump"):
        where = ["--port", str(self.port)] if kind == "shell-jump" else []
        self.console.run("asset", "add", kind, name, "--jumpoint", "lab", "--group", "default", "--host", "127.0.0.1",
                         *where, *words)

    def jump(self, *words, **options):
        return subprocess.run(self.console.words(*words), capture_output=True, env=self.console.environment, timeout=60,
                              **({} if "input" in options else {"stdin": subprocess.DEVNULL}), **options)

    def terminal(self, *words):
        terminal = Terminal(self.lab, self.console.words(*words), env=self.console.environment)
        self.addCleanup(terminal.close)
        return terminal

    def fingerprint(self):
        return lab.sh("ssh-keygen", "-lf", self.key + ".pub").split()[1]

    def trust(self):
        self.console.run("asset", "host-keys", "box", "--set", self.key + ".pub")

    def store_credential(self):
        self.console.run("credential", "add", "box login", "--user", USER, "--password-file", self.password_file)
        self.console.run("asset", "edit", "box", "--credential", "box login")


class Behind(NodeCase):
    def test_a_shell_asks_for_host_key_and_password(self):
        terminal = self.terminal("shell", "box")
        terminal.wait_for("right key")
        self.assertIn(self.fingerprint(), terminal.screen().replace("\n", ""))
        terminal.type("yes\n")
        terminal.wait_for("assword")
        terminal.type(PASSWORD + "\n")
        terminal.wait_for(r"\$ ?$")
        self.assertNotIn("Tr0ub4dor", terminal.screen())
        terminal.type("stty size; exit 3\n")
        terminal.wait_for("24 80")
        self.assertEqual(terminal.status(), 3)
        # For all and from now on.
        self.assertIn(self.fingerprint(), self.console.run("asset", "host-keys", "box"))
        recordings = os.path.join(self.suite.data, "recordings")
        for name in os.listdir(recordings):
            with open(os.path.join(recordings, name), "rb") as file:
                self.assertNotIn(PASSWORD.encode(), file.read())

    def test_no_is_no(self):
        terminal = self.terminal("shell", "box")
        terminal.wait_for("right key")
        terminal.type("no\n")
        self.assertEqual(terminal.status(), 255)
        self.assertEqual(self.console.run("asset", "host-keys", "box"), "")

    def test_without_a_terminal_it_says_what_to_do(self):
        done = self.jump("exec", "box", "--", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"--accept-new-host-key", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.trust()
        done = self.jump("exec", "box", "--", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"--password-file", done.stderr)
        done = self.jump("exec", "--password-file", self.password_file, "box", "--", "sh", "-c", "cat; exit 6",
                         input=b"in\xff")
        self.assertEqual((done.stdout, done.returncode), (b"in\xff", 6), done.stderr)

    def test_a_stored_credential_asks_nobody(self):
        self.trust()
        self.store_credential()
        done = self.jump("exec", "--batch", "box", "--", "id", "-un")
        self.assertEqual(done.stdout.decode().strip(), USER, done.stderr)
        source = self.lab.path("source")
        with open(source, "wb") as file:
            file.write(os.urandom(3_000_000))
        back = self.lab.path("back")
        self.console.run("cp", source, "box:copy")
        self.console.run("cp", "box:copy", back)
        self.assertTrue(filecmp.cmp(source, back, shallow=False))
        # Where it would make sense to nobody.
        done = self.jump("forward", "box", "0:127.0.0.1:22")
        self.assertIn(b"there is no way for forwarding", done.stderr)

    def test_ones_own_ssh(self):
        self.trust()
        self.store_credential()
        config = self.lab.path("ssh_config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.console.run("ssh-config", "--batch"))

        def run(*words, **options):
            done = subprocess.run(words, capture_output=True, env=self.console.environment, timeout=60, **options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        self.assertEqual(run("ssh", "-F", config, "box.jump", "id -un; wc -c", input=b"x" * 100_000).split(),
                         [USER.encode(), b"100000"])
        source = self.lab.path("source")
        with open(source, "wb") as file:
            file.write(os.urandom(3_000_000))
        run("scp", "-F", config, source, "box.jump:copy")
        run("scp", "-F", config, "box.jump:copy", self.lab.path("back"))
        self.assertTrue(filecmp.cmp(source, self.lab.path("back"), shallow=False))
        terminal = Terminal(self.lab, ["ssh", "-F", config, "box.jump"], env=self.console.environment)
        self.addCleanup(terminal.close)
        terminal.type("stty size; exit 5\n")
        terminal.wait_for("24 80")
        self.assertEqual(terminal.status(), 5)

    def test_a_question_reaches_the_person_through_ssh(self):
        self.trust()
        config = self.lab.path("ssh_config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.console.run("ssh-config"))
        terminal = Terminal(self.lab, ["ssh", "-F", config, "box.jump"], env=self.console.environment)
        self.addCleanup(terminal.close)
        terminal.wait_for("assword")
        terminal.type(PASSWORD + "\n")
        terminal.wait_for(r"\$ ?$")
        terminal.type("exit 4\n")
        self.assertEqual(terminal.status(), 4)

    def test_a_tunnel_jump_carries_many_connections_and_half_closes(self):
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.count, args=(listener,), daemon=True).start()
        self.add("ports", "--ports", f"0;{listener.getsockname()[1]};0;{self.port}", kind="tunnel")
        tunnel = self.console.start("tunnel", "ports", name="tunnel")
        tunnel.wait_for_output(f"for 127.0.0.1:{self.port}")
        local = int(tunnel.output().split("listening on 127.0.0.1:")[1].split()[0])
        answers = []

        def ask(size):
            with socket.create_connection(("127.0.0.1", local), timeout=30) as one:
                one.sendall(b"x" * size)
                one.shutdown(socket.SHUT_WR)
                answers.append(one.makefile("rb").read() == str(size).encode())

        threads = [threading.Thread(target=ask, args=(number * 1000,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [True] * 100)
        done = self.jump("shell", "ports")
        self.assertIn(b"`jump tunnel` works", done.stderr)
        tunnel.stop()
        listener.close()

    @staticmethod
    def count(listener):
        """Says how many bytes came, after their end."""
        def serve(one):
            with one:
                size = 0
                while data := one.recv(65536):
                    size += len(data)
                one.sendall(str(size).encode())
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    def test_one_list_shows_all_kinds(self):
        self.add("ports", "--ports", "0;80", kind="tunnel")
        client = suite.Client(self.suite, self.console.deployment_key(), "web")
        kinds = {one["name"]: one["kind"] for one in json.loads(self.console.run("assets", "--json"))}
        self.assertEqual(kinds, {"web": "jump-client", "box": "shell-jump", "ports": "tunnel"})
        self.assertEqual(self.console.run("assets", "--kind", "tunnel", "--names"), "ports\n")
        self.assertIn("127.0.0.1", self.console.run("info", "box"))
        self.console.run("asset", "edit", "box", "--keep-alive", "30", "--legacy-algorithms", "on")
        self.assertTrue(json.loads(self.console.run("info", "box", "--json"))["legacy_algorithms"])
        done = self.jump("asset", "edit", "ports", "--keep-alive", "30")
        self.assertIn(b"no --keep-alive", done.stderr)
        self.console.run("asset", "remove", "--yes", "box", "ports")
        self.assertEqual(len(json.loads(self.console.run("assets", "--json"))), 1)
        client.command("uninstall", "--yes", check=False)


if __name__ == "__main__":
    case.need("ssh", "scp", "ssh-keygen", "/usr/sbin/sshd", "useradd", "jumpoint")
    case.main()
