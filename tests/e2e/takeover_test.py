#!/usr/bin/env python3
"""A tunnel process that was taken over: what it can and cannot make its supervisor do. tunnel_double.py stands in its
place; the words of the supervisor's log are printed. What it can do is told in ARCHITECTURE.md ("Who believes whom")."""

import base64
import json
import os
import shutil
import signal
import socket
import sys
import time
import unittest

import case
import lab
import suite
from network import LONG, NetworkCase
from processes import processes

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("start_session", "uninstall", "trust_bundle", "settings", "addresses")


def to_text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def to_bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signature_end(order):
    """Where the text begins: u8 version, u8 n, n × (8 bytes key, u8 length, signature)."""
    at = 2
    for _ in range(order[1]):
        at += 9 + order[at + 8]
    return at


class TakenOver(suite.Client):
    """A Jump Client whose program is a copy, which the double replaces."""

    def __init__(self, appliance, key, name, host):
        super().__init__(appliance, key, name, host=host, install=False)
        self.folder = appliance.net.path(name + "-program")
        os.makedirs(self.folder)
        self.program = os.path.join(self.folder, "jump-client")
        shutil.copy(lab.find_program("jump-client"), self.program)
        self.command("install", "--key-info-file", self.key, "--name", name)
        self.start()
        self.take_over()

    def restart(self):
        """Another supervisor, with the double again: at its start the program is the real one."""
        self.process.kill()
        os.rename(self.program + ".real", self.program)
        self.start()
        self.take_over()

    def take_over(self):
        begun = self.begun()
        with open(os.path.join(HERE, "tunnel_double.py"), encoding="utf-8") as file:
            text = file.read().replace("#!PYTHON", "#!" + sys.executable, 1)
        os.rename(self.program, self.program + ".real")
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.program, 0o755)
        for pid in self.tunnels():
            os.kill(pid, signal.SIGKILL)
        lab.wait_until(lambda: self.begun() > begun and self.online(), 20, "the double is online")

    def begun(self):
        return sum(one["kind"] == "begin" for one in self.seen())

    def tunnels(self):
        """Children of the supervisor."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def seen(self):
        path = os.path.join(self.folder, "seen.jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(row) for row in file]

    def orders(self):
        return [to_bytes(one["body"]["order"]) for one in self.seen() if one["kind"] == "order_arrived"]

    def ask(self, **request):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(os.path.join(self.folder, "control"))
            peer.sendall(json.dumps(request).encode() + b"\n")
            peer.recv(100)

    def hand(self, order):
        """An order to the supervisor; returns what that logs."""
        at = len(self.process.output())
        self.ask(send={"kind": "order_arrived", "body": {"order": to_text(order)}})
        return self.said(at)

    def said(self, at, pattern=r"an order was refused.*"):
        return self.process.wait_for_output(pattern, 10, start=at).group(0)

    def processes_of_sessions(self):
        return [one.pid for one in processes(self.program + ".real", "session")]


class Takeover(NetworkCase):
    @classmethod
    def new_client(cls, name, host):
        return TakenOver(cls.suite, cls.key, name, host)

    def run_one(self, asset="web"):
        """A session, and the order that started it."""
        self.assertEqual(self.console.run("exec", asset, "--", "echo", "reached"), "reached\n")
        client = self.client if asset == "web" else self.other
        return client.orders()[-1]

    def refused(self, what, line, reason):
        print(f"{what}: {line}", flush=True)
        self.assertIn(reason, line)

    def sessions_started(self):
        return self.client.process.output().count("a session starts")

    def forge(self, kind, body, like, audience=None, nonce=None):
        """Everything right but the signature, which is by a key of the forger's own under the name of the real one."""
        text = json.loads(like[signature_end(like):])
        text |= {"kind": kind, "body": body, "serial": text["serial"] + 1000}
        text |= {"audience": audience} if audience else {}
        text = json.dumps(text).encode()
        key, message, made = (self.lab.path(name) for name in ("forger.pem", "message", "made"))
        if not os.path.exists(key):
            lab.sh("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        with open(message, "wb") as file:
            file.write(b"jump order v1\0" + text)
        lab.sh("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message, "-out", made)
        with open(made, "rb") as file:
            signature = file.read()
        return like[:1] + b"\x01" + like[2:10] + bytes([len(signature)]) + signature + text

    def test_no_order_of_its_own_is_obeyed(self):
        client = self.client
        order = self.run_one()
        ticket = json.loads(order[signature_end(order):])["body"]
        with open(os.path.join(client.data, "state.json"), encoding="utf-8") as file:
            state = file.read()
        started = self.sessions_started()
        bodies = {"start_session": ticket | {"session": to_text(os.urandom(16))}, "uninstall": {"reason": "forged"},
                  "trust_bundle": {"bundle": to_text(os.urandom(200))}, "settings": {"zone_proxies": ["10.6.6.6:9555"]},
                  "addresses": {"serial": 99, "addresses": ["10.6.6.6:443"]}}
        for kind in KINDS:
            self.refused(f"forged {kind}", client.hand(self.forge(kind, bodies[kind], order)), "not signed by the appliance")
        at = signature_end(order)
        text = order[at:]
        for what, changed in (
                ("altered kind", text.replace(b'"start_session"', b'"uninstall"')),
                ("altered ticket", text.replace(b'"exec"', b'"shell"')),
                ("altered serial", json.dumps(json.loads(text) | {"serial": json.loads(text)["serial"] + 1}).encode()),
                ("one blank more", text + b" ")):
            self.assertNotEqual(changed, text)
            self.refused(what, client.hand(order[:at] + changed), "not signed by the appliance")
        self.refused("without a signature", client.hand(order[:1] + b"\0" + text), "order")
        self.refused("cut off", client.hand(order[:at - 10]), "order")
        self.refused("too large", client.hand(order + b" " * 60000), "order")
        self.refused("nothing", client.hand(b""), "order")
        self.refused("replayed", client.hand(order), "taken already")
        self.refused("replayed again", client.hand(order), "taken already")
        self.assertEqual(self.sessions_started(), started)
        self.assertIsNone(client.process.status)
        with open(os.path.join(client.data, "state.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), state)
        # What only the supervisor may say, and what makes no sense, costs the double its place, and nothing else.
        for what, request in (
                ("posing as the supervisor", {"send": {"kind": "stop", "body": {"reason": "forged"}}}),
                ("a message without meaning", {"send": {"kind": "obey", "body": {}}}),
                ("a message of 4 GiB", {"raw": "ffffffff"}), ("rubbish", {"raw": "00000010" + "41" * 16})):
            at, begun = len(client.process.output()), client.begun()
            client.ask(**request)
            print(f"{what}: {client.said(at, 'the tunnel process ended.*')}", flush=True)
            lab.wait_until(lambda: client.begun() > begun and client.online(), 30, "another tunnel process is online")
        self.run_one()

    def test_an_order_is_for_one_start_of_one_agent(self):
        client = self.client
        old = self.run_one()
        client.restart()
        self.refused("repeated after a restart of the supervisor", client.hand(old), "for another start of this service")
        second = self.lab.host("second")
        second.be_machine()
        type(self).other = TakenOver(self.suite, self.key, "db", second)
        others = self.run_one("db")
        started = self.sessions_started()
        self.refused("an order for another agent", client.hand(others), "for agent:2, this is agent:1")
        forged = self.forge("uninstall", {"reason": "x"}, others, audience="agent:1")
        self.refused("another's order in one's own name", client.hand(forged), "not signed by the appliance")
        self.assertEqual(self.sessions_started(), started)
        self.run_one()

    @unittest.skipUnless(LONG, "waits for a minute; JUMP_LONG=1")
    def test_an_order_that_is_held_back_runs_nothing(self):
        client = self.client
        client.ask(hold=True)
        began = time.monotonic()
        done = self.desk.run(*self.console.words("exec", "web", "--", "touch", self.lab.path("late")), check=False,
                             env=self.console.environment, timeout=120)
        print(f"the user reads after {time.monotonic() - began:.0f} s, status {done.returncode}: {done.stderr.strip()}")
        self.assertEqual(done.returncode, 255)
        time.sleep(10)
        at = len(client.process.output())
        client.ask(hold=False)
        client.said(at, "a session starts")
        # The ticket is void: its process is turned away, and ends without having run anything.
        lab.wait_until(lambda: not client.processes_of_sessions(), 30, "the late session's process ends")
        late = self.console.sessions()[0]
        print(f"a late order: the session is {late['state']}; " + client.process.output()[at:].strip(), flush=True)
        self.assertEqual(late["state"], "ended")
        self.assertFalse(os.path.exists(self.lab.path("late")))
        self.run_one()


if __name__ == "__main__":
    case.need("openssl")
    case.main()
