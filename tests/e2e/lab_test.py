#!/usr/bin/env python3
"""The lab does what the end-to-end tests rely on."""

import os
import signal
import subprocess
import sys
import textwrap
import unittest

import case
from lab import PREFIX, LabError, Process, sh, wait_until
from processes import Seen, processes
from terminal import Terminal

ECHO = textwrap.dedent("""
    import socket, sys
    listener = socket.create_server(("::", 7007), family=socket.AF_INET6, dualstack_ipv6=True)
    print("listening", flush=True)
    while True:
        peer, address = listener.accept()
        print("peer", address[0], flush=True)
        try:
            while data := peer.recv(100):
                peer.sendall(data)
        except OSError as error:
            print("lost", error, flush=True)
""")
# Sends a number, wants it back within 0.3 s, says so; for ever.
ASK = textwrap.dedent("""
    import socket, sys
    peer = socket.create_connection((sys.argv[1], 7007), 5)
    peer.settimeout(0.3)
    try:
        while True:
            peer.sendall(b"x")
            try:
                print("answer" if peer.recv(100) else "end", flush=True)
            except TimeoutError:
                print("silence", flush=True)
    except OSError as error:
        print("lost", error.strerror, flush=True)
""")


class Network(case.LabCase):
    def pair(self):
        server, client = self.lab.host("server"), self.lab.host("client")
        echo = server.start(sys.executable, "-c", ECHO, name="echo")
        echo.wait_for_output("listening")
        return server, client, echo

    def ask(self, client, address):
        process = client.start(sys.executable, "-c", ASK, address, name="ask")
        process.wait_for_output("answer")
        return process

    def test_hosts_reach_each_other_by_both_protocols(self):
        server, client, echo = self.pair()
        for address, seen in ((server.address, client.address), (server.address6, client.address6)):
            self.ask(client, address).stop()
            echo.wait_for_output(f"peer (::ffff:)?{seen}\n")

    def test_cut_and_lost_links_come_back(self):
        server, client, _ = self.pair()
        ask = self.ask(client, server.address)
        for fault in (client.cut, client.lose):
            before = len(ask.output())
            fault()
            ask.wait_for_output("silence", start=before)
            client.restore()
            ask.wait_for_output("silence\n(?s:.*)answer", start=before, seconds=20)

    def test_connections_can_be_reset(self):
        server, client, echo = self.pair()
        ask = self.ask(client, server.address)
        self.assertEqual(server.reset_connections(7007), 1)
        ask.wait_for_output("lost Connection reset by peer")
        echo.wait_for_output("lost")
        self.assertEqual(server.reset_connections(7007), 0)

    def test_an_address_can_change(self):
        server, client, echo = self.pair()
        old = client.address
        client.set_address()
        self.assertNotEqual(old, client.address)
        self.ask(client, server.address)
        echo.wait_for_output(f"peer (::ffff:)?{client.address}\n")

    def test_the_rate_can_be_limited(self):
        server, client, _ = self.pair()
        client.limit_rate("1mbit")
        self.assertIn("rate 1Mbit", sh("tc", "-n", client.netns, "qdisc", "show", "dev", "eth0"))
        client.limit_rate(None)
        self.assertNotIn("tbf", sh("tc", "-n", client.netns, "qdisc", "show", "dev", "eth0"))


class Processes(case.LabCase):
    def test_output_status_and_signals(self):
        host = self.lab.host("one")
        process = host.start("bash", "-c", "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        process.wait_for_output("ready")
        self.assertIsNone(process.status)
        self.assertGreater(process.resident_kib(), 500)
        self.assertGreaterEqual(process.descriptors(), 3)
        self.assertGreaterEqual(process.cpu_seconds(), 0)
        self.assertEqual(process.stop(), 3)
        self.assertIn("told", process.output())
        self.assertEqual(host.start("sleep", "60").kill(), -signal.SIGKILL)

    def test_waiting_fails_with_what_was_said(self):
        process = self.lab.host("one").start("echo", "something else")
        with self.assertRaisesRegex(LabError, "(?s)ended with 0 before it said 'ready'.*something else"):
            process.wait_for_output("ready")

    def test_a_failed_command_shows_its_words(self):
        with self.assertRaisesRegex(LabError, "(?s)status 1.*no such"):
            self.lab.host("one").run("bash", "-c", "echo no such; exit 1")

    def test_nothing_is_left_behind(self):
        host = self.lab.host("one")
        daemon = host.run("bash", "-c", "setsid sleep 300 >/dev/null 2>&1 & echo $!").stdout.strip()
        folder, prefix = self.lab.folder, self.lab.prefix
        self.lab.close()
        wait_until(lambda: not os.path.exists(f"/proc/{daemon}/exe") or zombie(daemon), 5, "the daemon is gone")
        self.assertFalse(os.path.exists(folder))
        self.assertNotIn(prefix, sh("ip", "netns", "list"))

    def test_the_next_lab_removes_what_a_killed_one_left(self):
        script = ("import time, lab, terminal; x = lab.Lab(); terminal.Terminal(x, ['sleep', '300'], x.host('one'));"
                  "print('made', x.folder, flush=True); time.sleep(300)")
        victim = Process(self.lab, "victim", [sys.executable, "-B", "-c", script],
                         dict(os.environ, PYTHONPATH=os.path.dirname(os.path.abspath(__file__))), None)
        self.lab.processes.append(victim)
        folder = victim.wait_for_output("made (.*)\n").group(1)
        terminal = next(one.pid for one in processes() if folder in "\n".join(one.words))
        self.assertIn(f"{PREFIX}{victim.pid}-one", sh("ip", "netns", "list"))
        victim.kill()
        subprocess.run([sys.executable, "-B", "-c", "import lab; lab.remove_leftovers()"], check=True, env=victim.environment)
        self.assertNotIn(f"{PREFIX}{victim.pid}-", sh("ip", "netns", "list"))
        self.assertFalse(os.path.exists(folder))
        wait_until(lambda: folder not in "\n".join(Seen(terminal).words), 5, "the terminal is gone")


def zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "Z"


class Terminals(case.LabCase):
    def test_keys_screen_size_and_status(self):
        terminal = Terminal(self.lab, ["bash", "--norc"], host=self.lab.host("one"), env={"PS1": "ready> "})
        terminal.wait_for("^ready>$")
        terminal.type("stty size; echo 漢字-$((6*7))\n")
        terminal.wait_for("^24 80$")
        terminal.wait_for("^漢字-42$")
        terminal.resize(132, 43)
        terminal.type("clear; stty size\n")
        terminal.wait_for("^43 132$")
        terminal.wait_until_gone("漢字")
        terminal.hold()
        terminal.keys("C-c")
        terminal.wait_for(r"\^C\nready>$")
        self.assertEqual(terminal.cursor()[0], len("ready> "))
        terminal.type("seq 1000\n")
        terminal.wait_for("^1000\nready>$")
        self.assertRegex(terminal.history(), "(?m)^1\n2\n3\n")
        terminal.type("exit 7\n")
        self.assertEqual(terminal.status(), 7)

    def test_paste(self):
        terminal = Terminal(self.lab, ["bash", "-c", "stty -icanon -echo; echo ready; head -c 100000 | md5sum"])
        terminal.wait_for("ready")
        terminal.paste(b"0123456789" * 10000)
        terminal.wait_for("^" + sh("bash", "-c", "printf '0123456789%.0s' {1..10000} | md5sum").split()[0])


if __name__ == "__main__":
    case.main()
