#!/usr/bin/env python3
"""A stream and a transfer at once over a network of three hosts, while everything between the two ends fails.

The short form is part of the tests; JUMP_LONG=1 is the whole: two million lines beside 1 GiB, 200 resets.
"""

import hashlib
import json
import os
import random
import signal
import time

import case
import lab
import suite

LONG = os.environ.get("JUMP_LONG") == "1"
LINES = 2_000_000 if LONG else 60_000
MIB = 1024 if LONG else 24
RATE = "40mbit" if LONG else "10mbit"
CUT = 20 if LONG else 3
RESETS = 200 if LONG else 12
TUNNEL_KILLS = 10 if LONG else 2
APPLIANCE_KILLS = 5 if LONG else 1


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Faults(case.LabCase):
    def setUp(self):
        super().setUp()
        self.server, self.endpoint, self.desk = (self.lab.host(name) for name in ("server", "endpoint", "desk"))
        self.suite = suite.Suite(self.lab, host=self.server, address=self.server.address)
        self.suite.start()
        self.console = self.suite.console(host=self.desk)
        self.client = suite.Client(self.suite, self.console.deployment_key(), "web", host=self.endpoint)
        self.client.start()

    # --- the faults ---
    def cut(self):
        self.endpoint.cut()
        time.sleep(CUT)
        self.endpoint.restore()

    def move(self):
        self.endpoint.set_address()

    def reset(self):
        (self.endpoint if random.random() < 0.6 else self.desk).reset_connections(self.suite.port)

    def kill_tunnel(self):
        for pid in self.client.processes("tunnel"):
            os.kill(pid, signal.SIGKILL)

    def kill_supervisor(self):
        self.client.process.kill()
        time.sleep(0.5)
        self.client.start(online=False)

    def kill_appliance(self):
        self.suite.process.kill()
        time.sleep(random.random())
        self.suite.start()

    def test_a_stream_and_a_transfer_outlast_every_fault(self):
        seed = int(os.environ.get("JUMP_SEED", "7"))
        random.seed(seed)
        source, there = self.lab.path("source"), self.lab.path("there")
        with open(source, "wb") as file:
            for _ in range(MIB):
                file.write(os.urandom(1 << 20))
        for host in (self.endpoint, self.server):
            host.limit_rate(RATE)
        # The lines come slowly enough to last as long as the transfer.
        seconds = MIB * 8.4 / int(RATE[:-4]) * 1.1
        program = f"BEGIN {{ for (i = 1; i <= {LINES}; i++) {{ print \"line \" i; if (i % 1000 == 0) {{ fflush(); " \
                  f"system(\"sleep {seconds * 1000 / LINES:.4f}\") }} }} }}"
        started = time.monotonic()
        lines = self.console.start("exec", "web", "--", "awk", program, name="lines")
        transfer = self.console.start("cp", "--quiet", f"web:{source}", there, name="transfer")
        lines.wait_for_output(r"line \d+\n", 60)
        # A session that is there outlasts them; one cannot start while the endpoint is away for a moment.
        lab.wait_until(lambda: [one["state"] for one in self.console.sessions()] == ["running"] * 2, 60, "both sessions run")
        plan = [self.cut, self.move, self.kill_supervisor] + [self.reset] * RESETS + \
            [self.kill_tunnel] * TUNNEL_KILLS + [self.kill_appliance] * APPLIANCE_KILLS
        random.shuffle(plan)
        spare = seconds * 0.6 - CUT
        late = 0
        for fault in plan:
            late += lines.status is not None and transfer.status is not None
            fault()
            time.sleep(max(0.05, spare / len(plan) * random.random() * 2))
        print(f"seed {seed}: {len(plan)} faults in {time.monotonic() - started:.0f} s, "
              f"{late} of them after the end", flush=True)
        self.assertEqual(lines.wait(900), 0, lines.tail())
        self.assertEqual(transfer.wait(900), 0, transfer.tail())
        print(f"ended after {time.monotonic() - started:.0f} s", flush=True)
        wanted = hashlib.sha256("".join(f"line {i}\n" for i in range(1, LINES + 1)).encode()).hexdigest()
        output = "".join(row + "\n" for row in lines.output().splitlines() if not row.startswith("jump: "))
        self.assertEqual(hashlib.sha256(output.encode()).hexdigest(), wanted)
        self.assertEqual(digest(there), digest(source))
        self.assert_recorded_once(wanted)
        self.assertLess(late, len(plan) / 2, "most faults came too late to prove anything")

    def assert_recorded_once(self, wanted):
        session = [one["id"] for one in self.console.sessions() if one["kind"] == "exec"][0]
        folder = os.path.join(self.suite.data, "recordings")
        name = [one for one in os.listdir(folder) if one.startswith(session)][0]
        seen = hashlib.sha256()
        size = 0
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for row in file:
                if row.startswith('{"after"') and '"stream":2,"text"' in row:
                    text = json.loads(row)["text"].encode()
                    size += len(text)
                    seen.update(text)
        # Above 16 MiB a recording keeps count and digest only.
        if size < 16 << 20:
            self.assertEqual(seen.hexdigest(), wanted)


if __name__ == "__main__":
    case.main()
