#!/usr/bin/env python3
"""Three nodes of one Jumpoint, each with a foot in the network of the machines behind it, and sessions through all of
them: what goes on, what ends and with which words when a node, its cable, its processes or the appliance fail.

12 sessions, 100 with JUMP_LONG=1."""

import collections
import json
import os
import re
import select
import signal
import statistics
import subprocess
import sys
import time
import unittest

import case
import lab
import suite
from behind import Node

LONG = os.environ.get("JUMP_LONG") == "1"
SESSIONS = 100 if LONG else 12
HERE = os.path.dirname(os.path.abspath(__file__))

# A Telnet device that gives every line back.
DEVICE = """
import socket, sys, threading
def talk(one):
    with one:
        one.sendall(b"\\xff\\xfb\\x01ready\\r\\n")
        for line in one.makefile("rb"):
            one.sendall(b"<" + line.strip(b"\\r\\n\\0") + b">\\r\\n")
listener = socket.create_server((sys.argv[1], 23), backlog=200)
while True:
    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()
"""


class Session:
    """`jump` in the background; a line that is sent comes back."""

    def __init__(self, console, asset, number):
        self.telnet = asset == "tel"
        self.errors = console.suite.net.path(f"session-{number}.err")
        words = ("shell", "tel") if self.telnet else ("exec", "--batch", "box", "--", "cat")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(console.host.inside(*console.words(*words)), stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, env=console.environment)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.said = b""
        self.sent = 0

    def send(self):
        self.sent += 1
        self.process.stdin.write(f"line {self.sent}\n".encode())
        self.process.stdin.flush()

    def expected(self):
        return f"<line {self.sent}>".encode() if self.telnet else f"line {self.sent}\n".encode()

    def read(self):
        """True when the last line is back; false when it is not, or when the session is over."""
        piece = self.process.stdout.read()
        self.said += piece or b""
        return self.said.endswith(self.expected()) or (self.telnet and self.expected() in self.said)

    def whole(self):
        """Every line came back once, and in order."""
        found = re.findall(rb"<line (\d+)>" if self.telnet else rb"line (\d+)\n", self.said)
        return [int(one) for one in found] == list(range(1, self.sent + 1))

    def words(self):
        """What `jump` has to say; a log-in shell there may have something too."""
        with open(self.errors, encoding="utf-8") as errors:
            return "\n".join(line.strip() for line in errors if line.startswith("jump: "))


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        try:
            cls.make_network()
        except BaseException:
            cls.lab.print_logs()
            raise

    @classmethod
    def make_network(cls):
        cls.server, cls.desk = cls.lab.host("server"), cls.lab.host("desk")
        cls.target = cls.lab.host("target", network=1)
        cls.suite = suite.Suite(cls.lab, host=cls.server, address=cls.server.address)
        cls.suite.start()
        cls.console = cls.suite.console(host=cls.desk)
        cls.console.run("jumpoint", "add", "lab", "--clustered", "on")
        cls.nodes = {}
        for name in ("n1", "n2", "n3"):
            host = cls.lab.host(name)
            host.join(1)
            cls.give_boot_id(host)
            cls.nodes[name] = Node(cls.console, "lab", name, host=host, allow=("*:*",))
            cls.nodes[name].start()
        cls.start_target()

    @classmethod
    def give_boot_id(cls, host):
        """The machine of its own says that it was started now."""
        folder = host.be_machine()
        path = os.path.join(folder, "proc/sys/kernel/random/boot_id")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open("/proc/sys/kernel/random/uuid", encoding="ascii") as fresh, open(path, "w", encoding="ascii") as file:
            file.write(fresh.read())

    @classmethod
    def start_target(cls):
        for name in ("host_key", "user_key"):
            lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.lab.path(name))
        config = cls.lab.path("sshd_config")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"Port 22\nListenAddress {cls.target.address}\nHostKey {cls.lab.path('host_key')}\nPidFile none\n"
                       f"AuthorizedKeysFile {cls.lab.path('user_key.pub')}\nStrictModes no\nPermitRootLogin yes\n"
                       f"MaxStartups 300\nUsePAM no\n")
        os.makedirs("/run/sshd", exist_ok=True)
        cls.target.start("/usr/sbin/sshd", "-D", "-e", "-f", config)
        cls.target.start(sys.executable, "-c", DEVICE, cls.target.address, name="device")
        cls.target.wait_for_listener(22)
        cls.target.wait_for_listener(23)
        cls.console.run("credential", "add", "key", "--user", "root", "--private-key-file", cls.lab.path("user_key"))
        common = ("--jumpoint", "lab", "--group", "default", "--host", cls.target.address)
        cls.console.run("asset", "add", "shell-jump", "box", *common, "--credential", "key")
        cls.console.run("asset", "host-keys", "box", "--set", cls.lab.path("host_key.pub"))
        cls.console.run("asset", "add", "shell-jump", "tel", *common, "--protocol", "telnet")

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for one in self.running:
            one.process.stdin.close()
        for session in self.places():
            self.desk.run(*self.console.words("session", "end", session), env=self.console.environment, check=False)
        for one in self.running:
            one.process.kill()
            one.process.wait()
            one.process.stdout.close()

    def begin(self, count):
        """That many sessions, every fourth by Telnet; they work when this returns."""
        fresh = []
        for number in range(count):
            fresh.append(Session(self.console, "tel" if number % 4 == 3 else "box", len(self.running) + number))
            # A person is no storm.
            if number % 10 == 9:
                self.all_answer(fresh[-10:])
        self.running += fresh
        self.all_answer(fresh)
        return fresh

    def all_answer(self, sessions, seconds=60):
        """Each gives a line back; the time until the last has."""
        began = time.monotonic()
        for one in sessions:
            one.send()
        waiting = list(sessions)
        while waiting:
            select.select([one.process.stdout for one in waiting], [], [], 0.2)
            waiting = [one for one in waiting if not one.read()]
            gone = [one.words() for one in waiting if one.process.poll() is not None]
            self.assertEqual(gone, [], "sessions that are over")
            if time.monotonic() - began > seconds:
                raise lab.LabError(f"{len(waiting)} of {len(sessions)} sessions are silent for {seconds} s")
        return time.monotonic() - began

    def places(self):
        """Node by session, of those that run."""
        rows = json.loads(self.console.run("sessions", "--live", "--limit", "500", "--json"))
        return {one["id"]: one["node_name"] for one in rows if one["state"] == "running"}

    def spread(self):
        return dict(sorted(collections.Counter(self.places().values()).items()))

    def of_node(self, name):
        """How many sessions run through this node."""
        return list(self.places().values()).count(name)

    def start_times(self, count=5):
        """How long a new session takes from the command to its first byte."""
        times = []
        for _ in range(count):
            began = time.monotonic()
            self.assertEqual(self.console.run("exec", "--batch", "box", "--", "echo", "ok", timeout=30), "ok\n")
            times.append(time.monotonic() - began)
        return times

    @staticmethod
    def told(times):
        return f"first {times[0]:.2f} s, median {statistics.median(times):.2f} s, longest {max(times):.2f} s"

    def test_1_nothing_between_the_ends_ends_a_session(self):
        self.begin(SESSIONS)
        spread = self.spread()
        print(f"{SESSIONS} sessions on three nodes: {spread}", flush=True)
        self.assertLessEqual(max(spread.values()) - min(spread.values()), 1)
        print(f"start of a session beside them: {self.told(self.start_times())}", flush=True)

        for pid in self.nodes["n1"].processes("tunnel"):
            os.kill(pid, signal.SIGKILL)
        print(f"tunnel process of n1 killed: all {SESSIONS} answer after {self.all_answer(self.running):.2f} s", flush=True)

        self.nodes["n2"].process.kill()
        self.nodes["n2"].start()
        print(f"supervisor of n2 killed and started: all answer after {self.all_answer(self.running):.2f} s", flush=True)

        self.suite.process.kill()
        self.suite.start()
        print(f"appliance killed and started: all answer after {self.all_answer(self.running):.2f} s", flush=True)

        host = self.nodes["n3"].host
        host.cut()
        host.reset_connections(self.suite.port)
        for one in self.running:
            one.send()
        time.sleep(2)
        host.restore()
        took = self.all_answer(self.running)
        print(f"cable of n3 out for 2 s: all answer after {took:.2f} s", flush=True)
        self.assertLess(took, 15)

        host.set_address()
        print(f"n3 has another address: all answer after {self.all_answer(self.running):.2f} s", flush=True)

        for one in self.running:
            self.assertTrue(one.whole(), one.said[-200:])
            one.process.stdin.close()
        for one in self.running:
            if not one.telnet:
                self.assertEqual(one.process.wait(30), 0, one.words())
        self.assertEqual({one.words() for one in self.running if not one.telnet}, {""})

    def test_2_a_node_dies_and_another_one_is_cut_off(self):
        sessions = self.begin(SESSIONS)
        before = self.spread()
        on_n1 = before["n1"]
        # The power fails: nobody says anything, but the kernel of this machine closes the connection.
        self.nodes["n1"].die()
        times = self.start_times()
        print(f"n1 killed, {on_n1} sessions on it; a new start: {self.told(times)}", flush=True)
        self.assertLess(times[0], 5)
        time.sleep(1)
        alive = [one for one in sessions if one.process.poll() is None]
        self.assertEqual(len(alive), SESSIONS, "they wait for the node, as for any endpoint")
        # It is started again: its host was restarted, so they are over.
        self.give_boot_id(self.nodes["n1"].host)
        began = time.monotonic()
        self.nodes["n1"].start()
        lab.wait_until(lambda: sum(one.process.poll() is not None for one in sessions) == on_n1, 30, "the sessions of n1 end")
        ended = [one for one in sessions if one.process.poll() is not None]
        words = collections.Counter(one.words() for one in ended)
        print(f"its host restarted: {len(ended)} sessions ended {time.monotonic() - began:.1f} s after: {dict(words)}; status "
              f"{sorted({one.process.returncode for one in ended})}", flush=True)
        self.assertEqual({text.split(": ", 2)[-1] for text in words}, {"endpoint restarted"})
        left = [one for one in sessions if one not in ended]
        self.all_answer(left)

        # The one that would be asked first, because it has the fewest, says nothing any more.
        host = self.nodes["n1"].host
        host.lose()
        times = self.start_times(3)
        print(f"n1, which has no sessions, is silent; a new start: {self.told(times)}", flush=True)
        self.assertLess(max(times), 5)
        host.restore()
        node = self.nodes["n1"].process
        said = len(node.output())
        host.reset_connections(self.suite.port)
        node.wait_for_output("online as=", 60, start=said)
        # What it was asked meanwhile came too late, and nothing is left of it.
        lab.wait_until(lambda: not self.nodes["n1"].processes("session"), 30, "n1 has no session processes")

        host = self.nodes["n2"].host
        host.lose()
        time.sleep(1)
        self.assertEqual([one.words() for one in left if one.process.poll() is not None], [], "they wait")
        host.restore()
        print(f"n2 is back: the other {len(left)} sessions answer after {self.all_answer(left):.2f} s", flush=True)
        more = self.begin(on_n1)
        print(f"{on_n1} more sessions: {before} before, {self.spread()} after", flush=True)
        self.assertGreaterEqual(self.spread()["n1"], len(more) - 1)
        for one in left + more:
            self.assertTrue(one.whole(), one.said[-200:])

    def test_3_a_node_that_drains_gets_nothing_new(self):
        sessions = self.begin(SESSIONS)
        before = self.spread()
        rows = {one["hostname"]: one for one in json.loads(self.console.run("jumpoint", "nodes", "lab", "--json"))}
        node = str(rows["n3"]["id"])
        self.console.run("jumpoint", "nodes", "lab", "--drain", node)
        self.assertIn("online, draining", self.console.run("jumpoint", "nodes", "lab"))
        more = self.begin(6)
        after = self.spread()
        print(f"n3 drains: {before} before, {after} with 6 more", flush=True)
        self.assertEqual(after["n3"], before["n3"])
        self.all_answer(sessions + more)
        self.console.run("asset", "edit", "box", "--node", node)
        done = self.desk.run(*self.console.words("exec", "--batch", "box", "--", "true"), env=self.console.environment, check=False)
        print(done.stderr.strip(), flush=True)
        self.assertIn("is draining", done.stderr)
        self.console.run("asset", "edit", "box", "--node", "none")
        self.console.run("jumpoint", "nodes", "lab", "--resume", node)
        self.begin(3)
        self.assertGreater(self.spread()["n3"], after["n3"])

    def test_3_b_a_node_that_is_stopped_says_so_and_its_sessions_wait_for_it(self):
        sessions = self.begin(6)
        node = self.nodes["n2"]
        theirs = self.of_node("n2")
        self.assertGreater(theirs, 0)
        began = time.monotonic()
        self.assertEqual(node.process.stop(), 0)
        took = time.monotonic() - began
        rows = {one["hostname"]: one for one in json.loads(self.console.run("jumpoint", "nodes", "lab", "--json"))}
        self.assertEqual((rows["n2"]["online"], rows["n2"]["sessions"]), (False, theirs))
        began = time.monotonic()
        more = self.begin(4)
        print(f"n2 stopped in {took:.2f} s; 4 new sessions elsewhere after {time.monotonic() - began:.2f} s", flush=True)
        self.assertEqual(self.of_node("n2"), theirs)
        self.assertIn('reason="the service stops"', node.process.output())
        node.start()
        print(f"n2 is back: all answer after {self.all_answer(sessions + more):.2f} s", flush=True)
        self.assertTrue(all(one.whole() for one in sessions + more))

    @unittest.skipUnless(LONG, "waits 20 s; JUMP_LONG=1")
    def test_4_session_processes_that_died_with_their_node(self):
        """The machine runs on; only the service and all of its processes were killed."""
        sessions = self.begin(3)
        node = self.nodes[next(iter(self.places().values()))]
        victims = self.of_node(node.name)
        node.die()
        node.start()
        began = time.monotonic()
        lab.wait_until(lambda: sum(one.process.poll() is not None for one in sessions) == victims, 40, "its sessions end")
        words = {one.words() for one in sessions if one.process.poll() is not None}
        print(f"all processes of a node killed: {victims} session over {time.monotonic() - began:.1f} s after: {words}", flush=True)
        self.assertIn("the session's process on the endpoint died", words.pop())


if __name__ == "__main__":
    case.need("/usr/sbin/sshd", "ssh-keygen", "jumpoint")
    case.main()
