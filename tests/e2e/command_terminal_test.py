#!/usr/bin/env python3
"""Commands with a terminal, `ssh -t HOST CMD` and `jump exec -t`: on a machine behind a Jumpoint (a real sshd) and on a Jump
Client. Size, resize, Ctrl-C, exit status, recording, and the command filter."""

import json
import os
import subprocess

import case
import lab
import suite
from behind import BehindCase
from terminal import Terminal

USER = "jumpterminaluser"
PASSWORD = "Tr0ub4dor and 11"
# Says when it is there; tells the size again at each change, and leaves with 7 at Ctrl-C.
WATCHER = "trap 'stty size' WINCH; trap 'echo interrupted; exit 7' INT; tty; stty size; while :; do sleep 0.05; done"


class CommandTerminal(BehindCase):
    USER, PASSWORD = USER, PASSWORD

    @classmethod
    def prepare(cls):
        key = cls.lab.path("sshd_key")
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        port = suite.free_port()
        os.makedirs("/run/sshd", exist_ok=True)
        config = cls.file("sshd_config", f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM yes\n"
                                         "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n")
        suite.start(cls.lab, "/usr/sbin/sshd", "-D", "-e", "-f", config, name="sshd").wait_for_output("Server listening")
        password = cls.file("password-there", PASSWORD + "\n")
        cls.console.run("credential", "add", "there", "--user", USER, "--password-file", password)
        cls.add("box", port, "--credential", "there")
        cls.console.run("asset", "host-keys", "box", "--set", key + ".pub")
        cls.client = suite.Client(cls.suite, cls.console.deployment_key(), "web")
        cls.client.start()
        cls.config = cls.file("ssh_config", cls.console.run("ssh-config", "--batch"))

    def ssh(self, *words, **options):
        done = subprocess.run(["ssh", "-F", self.config, *words], capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                              env=self.console.environment, **options)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def ssh_terminal(self, *words, **options):
        terminal = Terminal(self.lab, ["ssh", "-F", self.config, *words], env=self.console.environment, **options)
        self.addCleanup(terminal.close)
        return terminal

    def recorded(self):
        """The newest session's recording, once its end is in it."""
        session = self.session()["id"]
        def whole():
            lines = [line for line in self.console.run("play", "--raw", session).splitlines() if not line.startswith("#")]
            return lines if '"x"' in lines[-1] else None
        return [json.loads(line) for line in lab.wait_until(whole, 10, "the recording has its end")]

    def watch(self, terminal):
        """A watcher on the other side: sizes, Ctrl-C, and how it ends."""
        terminal.wait_for("^/dev/pts/")
        terminal.wait_for("^24 80$")
        terminal.resize(100, 30)
        terminal.wait_for("^30 100$")
        terminal.keys("C-c")
        terminal.wait_for("interrupted")
        self.assertEqual(terminal.status(), 7)
        session = self.session()
        self.assertEqual(session["kind"], "exec")
        recording = self.recorded()
        self.assertEqual((recording[0]["version"], recording[0]["term"]["cols"], recording[0]["term"]["rows"]), (3, 80, 24))
        self.assertIn("100x30", [event[2] for event in recording[1:] if event[1] == "r"])
        self.assertEqual([event[2] for event in recording[1:] if event[1] == "x"], ["7"])
        self.assertIn("interrupted", self.console.run("play", session["id"]))

    def test_ssh_behind_a_jumpoint(self):
        self.watch(self.ssh_terminal("-t", "box.jump", WATCHER))

    def test_ssh_on_a_jump_client(self):
        self.watch(self.ssh_terminal("-t", "web.jump", WATCHER))

    def test_exec_behind_a_jumpoint(self):
        self.watch(self.terminal("exec", "-t", "box", "--", WATCHER))

    def test_exec_on_a_jump_client(self):
        self.watch(self.terminal("exec", "-t", "web", "--", "sh", "-c", WATCHER))

    def test_a_terminal_only_when_asked_for(self):
        for asset in ("box", "web"):
            tell = "test -t 0 || test -t 1 || test -t 2; echo $?; echo err >&2"
            done = self.ssh(f"{asset}.jump", tell)
            self.assertEqual((done.stdout, done.stderr), ("1\n", "err\n"))
            # Twice: one from a script. Both outputs are the terminal's, and what it prints goes out as it is.
            done = self.ssh("-tt", f"{asset}.jump", "test -t 0 && test -t 1 && test -t 2 && echo $TERM; echo err >&2; exit 3")
            self.assertTrue(done.stdout.endswith("\r\nerr\r\n"), done.stdout)
            self.assertEqual((done.stdout.count("\n"), done.returncode), (2, 3), done.stderr)
            self.assertEqual(self.ssh("-tt", f"{asset}.jump", "kill -TERM $$").returncode, 255)

    def test_a_command_that_closes_its_outputs_is_waited_for(self):
        running = [subprocess.Popen(["ssh", "-F", self.config, f"{asset}.jump", "exec >/dev/null 2>&1; sleep 7; exit 3"],
                                    stdin=subprocess.DEVNULL, env=self.console.environment) for asset in ("box", "web")]
        self.assertEqual([one.wait(60) for one in running], [3, 3])

    def test_a_program_of_the_whole_screen(self):
        for asset in ("box", "web"):
            terminal = self.ssh_terminal("-t", f"{asset}.jump", "less /etc/services")
            terminal.wait_for("^# Network services")
            terminal.wait_for("^/etc/services$")
            terminal.resize(80, 10)
            # It has drawn anew. A key that arrives together with the signal is lost by less itself: its handler leaves
            # the read() that had the key already (less 590, shown on a busy machine in a terminal without any of ours).
            terminal.wait_for("^:$")
            terminal.type("G")
            terminal.wait_for("END")
            terminal.type("q")
            self.assertEqual(terminal.status(), 0)

    def test_a_terminal_that_is_closed_hangs_the_command_up(self):
        for asset in ("box", "web"):
            mark = self.lab.path(f"hung-up-{asset}")
            os.close(os.open(mark, os.O_CREAT, 0o666))
            os.chmod(mark, 0o666)
            os.chmod(self.lab.folder, 0o755)
            terminal = self.ssh_terminal("-t", f"{asset}.jump", f"trap 'echo HUP >{mark}; exit' HUP; echo ready; "
                                                                "while :; do sleep 0.05; done")
            terminal.wait_for("ready")
            terminal.close()
            lab.wait_until(lambda: os.path.getsize(mark) > 0, 20, f"{asset}: the command hears of it")
            lab.wait_until(lambda: self.session()["state"] == "ended", 20, f"{asset}: the session ends")

    def test_it_runs_on_without_its_terminal(self):
        for asset in ("box", "web"):
            terminal = self.terminal("exec", "-t", asset, "--", "sh -c 'read -r line; echo got $line'"
                                     if asset == "box" else "sh", *(("-c", "read -r line; echo got $line") if asset == "web" else ()))
            lab.wait_until(lambda: self.session()["state"] == "running", 20, "it runs")
            terminal.type("\n" if False else "~d")
            self.assertEqual(terminal.status(), 0, terminal.screen())
            terminal = self.terminal("shell", "--attach", self.session()["id"])
            terminal.type("word\n")
            terminal.wait_for("^got word$")
            self.assertEqual(terminal.status(), 0)

    def test_the_command_filter_decides(self):
        rules = self.file("deny", "rm .*\n")
        self.console.run("asset", "edit", "box", "--filter", "enforce", "--filter-deny", rules)
        self.addCleanup(self.console.run, "asset", "edit", "box", "--filter", "off")
        done = self.ssh("-tt", "box.jump", "rm x")
        self.assertEqual(done.returncode, 255)
        self.assertEqual(done.stderr.count("not allowed"), 1, done.stderr)
        self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("jump:")]), 1, done.stderr)
        done = self.jump("exec", "--batch", "box", "--", "rm", "x")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (255, 1), done.stderr)
        self.assertIn("this command is not allowed here: rm x (", done.stderr)
        lab.wait_until(lambda: "command refused: rm x (" in self.console.run("events", "--json"), 10, "an event tells it")
        # A shell as the command is filtered as one.
        terminal = self.ssh_terminal("-t", "box.jump", "bash --norc", columns=120)
        terminal.wait_for(r"\$ ?$")
        terminal.type("rm kept\n")
        terminal.wait_for(r"(?s)'rm kept' is not allowed here.*\$ ?\Z")  # keys before its prompt go with its Ctrl-C
        self.assertNotIn("command refused", terminal.screen())
        terminal.type("exit 5\n")
        self.assertEqual(terminal.status(), 5)


if __name__ == "__main__":
    case.need("ssh", "ssh-keygen", "/usr/sbin/sshd", "useradd", "jumpoint", "less")
    case.main()
