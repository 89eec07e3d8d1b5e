#!/usr/bin/env python3
"""The appliance's disk is lost. A backup is restored on another host under another address, which had been announced
before; how many machines come back by themselves is counted. JUMP_LONG=1: 30 machines instead of 10."""

import json
import os
import shutil
import time

import case
import lab
import suite
from network import LONG, NetworkCase

FLEET = 30 if LONG else 10


class Disaster(NetworkCase):
    def test_a_backup_on_another_host_brings_everybody_back(self):
        fleet = self.make_fleet(FLEET)
        spare = self.lab.host("spare")
        passphrase, backup = self.lab.path("passphrase"), self.lab.path("jump.backup")
        with open(passphrase, "w", encoding="ascii") as file:
            file.write("a long passphrase for the safe\n")
        elsewhere = f"{spare.address}:{self.suite.port}"
        # One machine is off while the address is announced, and one more enrols after the backup.
        off = fleet[0]
        off.process.stop()
        print("address add: " + self.suite.command("address", "add", elsewhere).strip().replace("\n", "; "))

        def known():
            return json.loads(self.suite.command("--json", "address", "list"))["agents_that_know"]

        lab.wait_until(lambda: known() == FLEET, 20, lambda: f"{known()} know it")
        print("address list: " + self.suite.command("address", "list").strip().replace("\n", "; "))
        self.console.run("asset", "edit", "m2", "--comments", "from before")
        print("backup: " + self.suite.command("backup", backup, "--passphrase-file", passphrase).strip())
        late = suite.Client(self.suite, self.key, "late", host=self.machine("late"))
        late.start()
        terminal = self.shell("m3")
        terminal.type("echo be''fore\n")
        terminal.wait_for("^before$")
        ids = {client.name: client.status()["id"] for client in fleet[1:]}

        # The disk is gone, and the host with it.
        self.suite.process.kill()
        self.server.cut()
        shutil.rmtree(self.suite.data)
        wrong = self.lab.path("wrong")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("not the passphrase\n")
        for text in (wrong, passphrase):
            done = spare.run("jump-appliance", "--config", "/dev/null", "--data", self.suite.data, "restore", backup,
                             "--passphrase-file", text, check=False)
            print(f"restore: {done.returncode}: {(done.stdout + done.stderr).strip()}")
            self.assertEqual(done.returncode == 0, text == passphrase)
        again = spare.run("jump-appliance", "--config", "/dev/null", "--data", self.suite.data, "restore", backup,
                          "--passphrase-file", passphrase, check=False)
        print(f"restore over it: {again.returncode}: {again.stderr.strip()}", flush=True)
        self.assertNotEqual(again.returncode, 0)
        self.suite.host, self.suite.address = spare, elsewhere
        self.suite.start()
        started = time.monotonic()
        back = {}

        def count():
            for client in [self.client] + fleet[1:]:
                if client.name not in back and client.online():
                    back[client.name] = time.monotonic() - started
            return len(back) == FLEET

        lab.wait_until(count, 150, lambda: f"all are back; {sorted(back)} are")
        off.start(online=False)
        self.assertFalse(late.online())
        times = sorted(back.values())
        print(f"{len(back)} of {FLEET} that knew the address are back by themselves, the first after {times[0]:.1f} s, "
              f"half after {times[len(times) // 2]:.1f} s, the last after {times[-1]:.1f} s")
        self.assertEqual(ids, {client.name: client.status()["id"] for client in fleet[1:]})
        reason = lab.wait_until(lambda: late.status().get("tunnel", {}).get("reason"), 90, "the latecomer says why")
        print(f"enrolled after the backup: {reason}")
        reason = lab.wait_until(lambda: off.status().get("tunnel", {}).get("reason"), 90, "the one that was off says why")
        print(f"off while the address was announced: {reason}")
        # Its configuration may name the address: then it is back, too.
        with open(off.config, "a", encoding="ascii") as file:
            file.write(f'addresses: ["{elsewhere}"]\n')
        off.process.stop()
        off.start()
        console = self.suite.console("after", host=self.desk)
        self.assertEqual(console.run("exec", "m5", "--", "hostname").strip(), "m5")
        self.assertEqual(json.loads(console.run("info", "m2", "--json"))["comments"], "from before")
        print(f"doctor: {self.suite.command('doctor').strip()}", flush=True)


if __name__ == "__main__":
    case.main()
