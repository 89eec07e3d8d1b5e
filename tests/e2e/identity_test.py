#!/usr/bin/env python3
"""Who is who: copied machines, machines installed again, removed ones, a CA that is rolled, keys that are not good. What
each prints is printed."""

import base64
import hashlib
import json
import os
import re
import shutil
import time

import case
import lab
import suite
from network import NetworkCase

FLEET = 10


def to_text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Identity(NetworkCase):
    def welcomes(self, agent):
        return len(re.findall(rf"tunnel: welcome peer=agent:{agent} ", self.suite.process.output()))

    def events(self, what):
        return [one for one in (json.loads(row) for row in self.console.run("events", "--json").splitlines())
                if what in json.dumps(one)]

    def copy_of(self, client, name, host):
        """Its whole data directory on another host."""
        copy = suite.Client(self.suite, self.key, name, host=host, install=False)
        shutil.copytree(client.data, copy.data)
        return copy

    def assert_two_assets(self, original, copy, name):
        before = self.assets()
        own = original.status()["id"]
        welcomes = self.welcomes(own.split(":")[1])
        copy.start(online=False)
        lab.wait_until(copy.online, 60, lambda: "the copy is online\n" + copy.process.tail())
        made = set(self.assets()) - set(before)
        print(f"{name}: {own} and its copy {copy.status()['id']}, asset {made}; the copy says:\n  " +
              "\n  ".join(row for row in copy.process.output().splitlines() if "clone" in row or "copy" in row or "identity" in row))
        self.assertEqual(len(made), 1)
        self.assertNotEqual(copy.status()["id"], own)
        self.assertEqual(original.status()["id"], own)
        # Nobody flaps: neither loses its connection in a time that is long for the probing of a copy.
        both = (self.welcomes(own.split(":")[1]), self.welcomes(copy.status()["id"].split(":")[1]))
        time.sleep(6)
        self.assertEqual(both, (self.welcomes(own.split(":")[1]), self.welcomes(copy.status()["id"].split(":")[1])))
        self.assertTrue(original.online() and copy.online())
        print(f"  the original dialled {both[0] - welcomes} times more since")
        for asset, reached in ((original.name, original), (made.pop(), copy)):
            answer = self.console.run("exec", asset, "--", "hostname").strip()
            self.assertEqual(answer, reached.host.name)
        # It stays so when both start again.
        for client in (copy, original):
            client.process.stop()
            client.start()
        self.assertEqual(set(self.assets()), set(before) | {one for one in self.assets() if one not in before})
        self.assertEqual(len(self.assets()), len(before) + 1)
        copy.process.stop()

    def test_a_copied_machine_becomes_an_asset_of_its_own(self):
        copy = self.copy_of(self.client, "copy", self.machine("copy"))
        self.assert_two_assets(self.client, copy, "copied disk in other hardware")
        print("  event: " + json.dumps((self.events("clone") or [None])[0]), flush=True)

    def test_a_copy_that_shows_the_same_hardware_is_the_newer_one(self):
        twin = self.copy_of(self.client, "twin", self.machine("twin", like=self.endpoint))
        self.assert_two_assets(self.client, twin, "copied machine with the same serial numbers")

    def test_installing_again_takes_up_the_same_asset(self):
        machine = self.machine("again")
        first = suite.Client(self.suite, self.key, "again", host=machine)
        first.start()
        self.console.run("exec", "again", "--", "true")
        self.console.run("asset", "edit", "again", "--tag", "kept")
        own = self.assets()["again"]["id"]
        refused = self.install_status(machine, "again-2")
        print(f"installed a second time while the first runs: {refused}")
        self.assertIn("stop that agent first", refused[1])
        first.process.stop()
        old = self.lab.path("again-old")
        shutil.copytree(first.data, old)
        shutil.rmtree(first.data)
        second = suite.Client(self.suite, self.key, "again", host=machine)
        second.start()
        asset = self.assets()["again"]
        self.assertEqual((asset["id"], asset["tag"]), (own, "kept"))
        self.assertIn("again", {one["jump_client_name"] for one in self.console.sessions()})
        # The key of before is worth nothing any more.
        late = suite.Client(self.suite, self.key, "again-old", host=self.machine("again-old"), install=False)
        shutil.copytree(old, late.data)
        late.start(online=False)
        reason = lab.wait_until(lambda: late.status().get("tunnel", {}).get("reason"), 20, "the old identity is told why")
        print(f"the identity from before the reinstallation: {reason}", flush=True)
        self.assertFalse(late.online())
        self.assertTrue(second.online())
        for client in (late, second):
            client.process.stop()

    def install_status(self, machine, name, key=None):
        client = suite.Client(self.suite, key or self.key, name, host=machine, install=False)
        done = machine.run(client.program, "--config", client.config, "install", "--key-info-file", client.key, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def test_removed_while_connected_and_in_use(self):
        client = self.new_client("leaver", self.machine("leaver"))
        terminal = self.shell("leaver")
        started = time.monotonic()
        print("asset remove: " + self.console.run("asset", "remove", "leaver", "--yes").strip())
        lab.wait_until(lambda: client.process.status is not None, 5, "the client has uninstalled itself")
        print(f"uninstalled after {time.monotonic() - started:.1f} s: {client.process.tail(3)}")
        status = terminal.status(30)
        print(f"its shell ends with {status}: {terminal.screen().splitlines()[-1]}", flush=True)
        self.assertEqual(status, 255)
        self.assertNotIn("leaver", self.assets())
        self.assertFalse(os.path.exists(os.path.join(client.data, "state.json")))
        done = self.desk.run(*self.console.words("shell", "leaver"), env=self.console.environment, check=False)
        print(f"jump shell leaver: {done.returncode}: {done.stderr.strip()}", flush=True)

    def test_keys_that_are_not_good(self):
        machine = self.machine("stranger")
        good = self.console.deployment_key("--name", "soon over")

        def refused(what, key, status):
            said = self.install_status(machine, "stranger", key)
            print(f"{what}: {said[0]}: {said[1]}", flush=True)
            self.assertEqual(said[0], status, said)
            self.assertEqual(len(said[1].splitlines()), 1)
            self.assertFalse(os.path.exists(os.path.join(self.lab.path("stranger-data"), "state.json")))

        database = [os.path.join(self.suite.data, name) for name in os.listdir(self.suite.data) if name.endswith(".db")][0]
        column = [name for name in re.findall(r"\w+", lab.sh("sqlite3", database, ".schema installers"))
                  if name.startswith("expir")][0]
        lab.sh("sqlite3", database, f"UPDATE installers SET {column} = 1000000000 WHERE name = 'soon over'")
        refused("expired", good, 13)
        deleted = self.console.deployment_key("--name", "deleted")
        installer = [one["id"] for one in json.loads(self.console.run("installer", "list", "--json"))
                     if one["name"] == "deleted"][0]
        self.console.run("installer", "delete", str(installer))
        refused("deleted", deleted, 13)
        # One that is forged: any character changed, or cut.
        for at in (len(self.key) // 3, len(self.key) // 2, len(self.key) - 8):
            changed = self.key[:at] + ("A" if self.key[at] != "A" else "B") + self.key[at + 1:]
            said = self.install_status(machine, "stranger", changed)
            print(f"one character changed at {at}: {said[0]}: {said[1]}", flush=True)
            self.assertNotEqual(said[0], 0)
        # Forged with care: the checksum is right.
        def forged(**fields):
            text = self.key.split(".")[1]
            record = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            head = "jk1." + to_text(json.dumps(record | fields).encode())
            return head + "." + to_text(hashlib.sha256(head.encode()).digest()[:6])
        refused("another secret", forged(secret=to_text(os.urandom(32))), 13)
        refused("another installer", forged(installer=os.urandom(16).hex()), 13)
        refused("another CA", forged(ca_pin=to_text(os.urandom(32))), 12)
        refused("another address", forged(addresses=[f"{self.server.address}:1"]), 10)
        refused("cut", self.key[:-20], 1)
        refused("no key at all", "hello", 1)
        self.assertNotIn("stranger", self.assets())


class Roll(NetworkCase):
    def exchange(self, what):
        print(f"ca {what}:\n  " + self.suite.command("ca", *what.split()).strip().replace("\n", "\n  "), flush=True)

    def held(self):
        """(agents that hold the present bundle, all)"""
        text = self.suite.command("ca", "show")
        return tuple(map(int, re.search(r"held by (\d+) of (\d+) agents", text).groups()))

    def wait_until_held(self):
        lab.wait_until(lambda: len(set(self.held())) == 1, 20, lambda: f"all agents hold it: {self.held()}")

    def test_the_ca_is_rolled_under_a_running_fleet(self):
        fleet = self.make_fleet(FLEET) + [self.client]
        numbers = {client.name: client.status()["id"] for client in fleet}
        terminal = self.shell()
        terminal.type("echo be''fore\n")
        terminal.wait_for("^before$")
        old = json.loads(self.suite.command("--json", "ca", "show"))
        print(json.dumps(old))
        self.exchange("prepare")
        self.wait_until_held()
        self.exchange("promote")
        self.wait_until_held()
        terminal.type("echo bet''ween\n")
        terminal.wait_for("^between$")
        # With the new CA in force: everything is dialled anew, and one machine that slept through it comes back.
        self.suite.process.stop()
        self.suite.start()
        for client in fleet:
            lab.wait_until(client.online, 90, lambda: f"{client.name} is online with the new CA\n{client.process.tail()}")
        terminal.type("echo still he''re\n")
        terminal.wait_for("^still here$", 30)
        newcomer = suite.Client(self.suite, self.console.deployment_key(), "newcomer", host=self.machine("newcomer"))
        newcomer.start()
        self.exchange(f"retire {self.suite.pin}")
        lab.wait_until(lambda: all(client.online() for client in fleet), 30, "all are online after retire")
        self.suite.process.kill()
        self.suite.start()
        for client in fleet + [newcomer]:
            lab.wait_until(client.online, 90, lambda: f"{client.name} is online without the old CA\n{client.process.tail()}")
        self.assertEqual(numbers, {client.name: client.status()["id"] for client in fleet})
        now = json.loads(self.suite.command("--json", "ca", "show"))
        print(json.dumps(now))
        # The console learnt the next CA over its tunnel: the shell goes on, and so does every later command.
        terminal.type("echo aft''er\n")
        terminal.wait_for("^after$", 60)
        done = self.desk.run(*self.console.words("assets"), env=self.console.environment)
        self.assertIn("newcomer", done.stdout)
        terminal.type("exit 7\n")
        self.assertEqual(terminal.status(), 7)
        print(f"{len(fleet)} agents and a shell went through prepare, promote and retire", flush=True)


if __name__ == "__main__":
    case.need("sqlite3")
    case.main()
