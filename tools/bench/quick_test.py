"""Every command of jump-bench in its shortest form: it ends by itself, reports what it should, and leaves nothing.
What it measures in so short a time means nothing and is not looked at."""

import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ.get("JUMP_BIN", "build/release/bin")
PROGRAMS = ("jump-bench", "jump-appliance", "jump-client", "jump")
SKIPPED = 77


class Bench(unittest.TestCase):
    def report(self, *words):
        with tempfile.TemporaryDirectory(prefix="jump-bench-test-") as folder:
            done = subprocess.run([os.path.join(BIN, "jump-bench"), "--json", *words], capture_output=True, text=True,
                                  timeout=60, stdin=subprocess.DEVNULL, env=os.environ | {"TMPDIR": folder})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.listdir(folder), [], "files are left")
            self.assertEqual(processes_with(folder), [], "processes are left")
        report = json.loads(done.stdout)
        for row in report["rows"]:
            self.assertTrue(math.isfinite(row["value"]), row)
        self.assertIn("processors", report["machine"])
        return {row["what"]: row for row in report["rows"]}, report["notes"]

    def test_throughput(self):
        rows, _ = self.report("throughput", "--megabytes", "4", "--rounds", "1")
        self.assertGreater(rows["mux, 1 stream, bytes a second"]["peer_value"], 0)
        self.assertGreater(rows["through the appliance, bytes a second"]["value"], 0)

    def test_echo(self):
        rows, _ = self.report("echo", "--pings", "40", "--rounds", "1", "--seconds", "1")
        self.assertGreater(rows["ping of 64 bytes, p50"]["value"], 0)
        self.assertIn("round trip that the appliance adds", rows)

    def test_agents(self):
        rows, notes = self.report("agents", "20", "--seconds", "1")
        self.assertGreater(rows["connected a second"]["value"], 0)
        self.assertEqual(notes, [])

    def test_storm(self):
        rows, _ = self.report("storm", "20")
        self.assertGreater(rows["by PSK, a second and core"]["ratio"], 1)
        self.assertGreater(rows["all back, by PSK"]["value"], 0)

    def test_outage(self):
        rows, _ = self.report("outage", "--seconds", "2")
        self.assertGreater(rows["resident memory during the outage"]["value"], 0)
        self.assertIn("online after the appliance's return", rows)


def processes_with(text):
    """The numbers of processes whose command line holds this."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(number)
    return found


if __name__ == "__main__":
    missing = [program for program in PROGRAMS if not os.path.exists(os.path.join(BIN, program))]
    if missing:
        print(f"not built: {', '.join(missing)}")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
