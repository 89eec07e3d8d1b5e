#!/usr/bin/env python3
"""Rubbish, silence, slowness and half-open connections by the thousand at the appliance's port, from 8 addresses, while
a shell stays usable and others log in and enrol; afterwards descriptors and memory are as before.

JUMP_LONG=1: 6,000 at once for two minutes, instead of 1,200 for 8 s.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import case
import lab
from network import LONG, NetworkCase

EACH = 600 if LONG else 120  # connections of each of ten kinds
SECONDS = 120 if LONG else 8
SOURCES = 8


class Typist:
    """`jump shell` on a terminal of this program, for exact times."""

    def __init__(self, test):
        master, slave = os.openpty()
        self.terminal = master
        self.process = subprocess.Popen(test.desk.inside(*test.console.words("shell", "web")), stdin=slave, stdout=slave,
                                        stderr=slave, env=test.lab.environment(test.console.environment),
                                        start_new_session=True)
        os.close(slave)
        os.set_blocking(master, False)
        lab.wait_until(lambda: b"# " in self.read() or b"$ " in self.seen, 20, "the prompt of the shell")
        os.write(master, b"stty -echo -icanon min 1; PS1=; exec cat\n")
        time.sleep(1)
        self.read()

    seen = b""

    def read(self):
        try:
            self.seen += os.read(self.terminal, 65536)
        except BlockingIOError:
            pass
        return self.seen

    def echo(self):
        """Milliseconds from a key to its echo."""
        self.seen = b""
        started = time.monotonic()
        os.write(self.terminal, b"k")
        while b"k" not in self.read():
            if time.monotonic() - started > 30:
                raise lab.LabError("no echo within 30 s")
            time.sleep(0.0002)
        return (time.monotonic() - started) * 1000

    def measure(self, seconds):
        times = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            times.append(self.echo())
            time.sleep(0.02)
        times.sort()
        return {"keys": len(times), "p50": round(statistics.median(times), 1),
                "p99": round(times[int(len(times) * 0.99)], 1), "max": round(times[-1], 1)}

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


class Rubbish(NetworkCase):
    def strangers(self):
        host = self.lab.host("strangers")
        sources = [host.address]
        for number in range(SOURCES - 1):
            sources.append(f"10.77.0.{240 + number}")
            host.run("ip", "address", "add", sources[-1] + "/24", "dev", "eth0")
        return host.start(sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "strangers.py"),
                          self.server.address, str(self.suite.port), ",".join(sources), str(EACH), name="strangers")

    def test_a_shell_stays_usable_and_nothing_stays_behind(self):
        appliance = self.suite.process
        typist = Typist(self)
        self.addCleanup(typist.close)
        quiet = typist.measure(2)
        descriptors, memory = appliance.descriptors(), appliance.resident_kib()
        strangers = self.strangers()
        lab.wait_until(lambda: len(strangers.output().splitlines()) > 3, 60, "the strangers have begun")
        started = time.monotonic()
        busy = typist.measure(SECONDS / 2)
        # Others come in meanwhile: a log-in, and a machine that enrols.
        began = time.monotonic()
        self.suite.console("second", host=self.desk)
        login = time.monotonic() - began
        began = time.monotonic()
        newcomer = self.lab.host("newcomer")
        newcomer.be_machine()
        self.new_client("late", newcomer)
        enrolled = time.monotonic() - began
        began = time.monotonic()
        self.assertEqual(self.console.run("exec", "late", "--", "echo", "reached"), "reached\n")
        executed = time.monotonic() - began
        busy_again = typist.measure(max(1, SECONDS - (time.monotonic() - started)))
        most, peak = appliance.descriptors(), appliance.resident_kib()
        last = json.loads(strangers.output().splitlines()[-1])
        if LONG:
            # Not a word at the end: the strangers' machine is cut off first, so that only silence tells.
            self.lab.host("strangers").lose()
        strangers.signal(signal.SIGKILL)
        ended = time.monotonic()
        # The longest that anything without a right may stay: a request's 60 s.
        lab.wait_until(lambda: appliance.descriptors() <= descriptors + 4, 90,
                       lambda: f"{appliance.descriptors()} descriptors, {descriptors} before")
        gone = time.monotonic() - ended
        after = typist.measure(2)
        settled = appliance.resident_kib()
        print(f"echo in ms: quiet {quiet}; under strangers {busy}, {busy_again}; afterwards {after}")
        print(f"meanwhile: log-in {login:.1f} s, enrolment and online {enrolled:.1f} s, exec {executed:.1f} s")
        print(f"descriptors {descriptors}, {most}, {appliance.descriptors()} (after {gone:.0f} s); "
              f"resident KiB {memory}, {peak}, {settled}")
        print("strangers: kind: [at once, ended, longest s]\n " +
              "\n ".join(f"{kind}: {numbers}" for kind, numbers in last.items()), flush=True)
        self.assertIsNone(appliance.status)
        self.assertLess(busy["p50"], 100)
        self.assertLess(busy_again["p99"], 1000)
        self.assertLess(login, 15)
        self.assertLess(enrolled, 20)
        self.assertLess(settled - memory, 40 * 1024)


if __name__ == "__main__":
    case.main()
