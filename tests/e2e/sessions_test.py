#!/usr/bin/env python3
"""The main promise, with the real programs: nothing but its endpoint's own death, its owner or the wait limit ends a session."""

import hashlib
import json
import os
import signal
import subprocess

import case
import lab
import suite
from terminal import Terminal


class Sessions(case.LabCase):
    def setUp(self):
        super().setUp()
        self.suite = suite.Suite(self.lab)
        self.suite.start()
        self.console = self.suite.console()
        self.client = suite.Client(self.suite, self.console.deployment_key(), "web")
        self.client.start()

    def shell(self, *words):
        terminal = Terminal(self.lab, self.console.words("shell", *words), env=self.console.environment)
        self.addCleanup(terminal.close)
        return terminal

    def restart_appliance(self):
        self.suite.process.kill()
        self.suite.start()

    def kill_tunnel(self):
        for pid in self.client.processes("tunnel"):
            os.kill(pid, signal.SIGKILL)

    def recording(self, session):
        name = [one for one in os.listdir(os.path.join(self.suite.data, "recordings")) if one.startswith(session)][0]
        with open(os.path.join(self.suite.data, "recordings", name), encoding="utf-8") as file:
            return file.read()

    def test_a_command_has_its_own_streams_and_status(self):
        done = subprocess.run(self.console.words("exec", "web", "--", "sh", "-c", "cat; echo err >&2; exit 3"),
                              input=b"in\xff\x00put", capture_output=True, env=self.console.environment)
        self.assertEqual((done.stdout, done.stderr, done.returncode), (b"in\xff\x00put", b"err\n", 3))
        done = subprocess.run(self.console.words("exec", "web", "--", "sh", "-c", "kill -9 $$"), capture_output=True,
                              env=self.console.environment)
        self.assertEqual(done.returncode, 128 + 9)
        done = subprocess.run(self.console.words("exec", "nobody", "--", "true"), capture_output=True,
                              env=self.console.environment)
        self.assertEqual(done.returncode, 255)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_no_byte_is_lost_or_doubled_while_everything_between_dies(self):
        lines = 3000
        loop = f"i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo line $i; sleep 0.004; done"
        command = self.console.start("exec", "web", "--", "sh", "-c", loop, name="lines")
        for fault in (self.restart_appliance, self.kill_tunnel, self.restart_appliance, self.kill_tunnel, None):
            at = len(command.output())
            command.wait_for_output(r"line \d+\n", 30, start=at)
            if fault:
                fault()
        # The supervisor too: another one is started, the session's process was never its child.
        self.client.process.kill()
        self.client.start()
        self.assertEqual(command.wait(120), 0)
        said = "".join(f"line {i}\n" for i in range(1, lines + 1))
        self.assertEqual(hashlib.sha256(command.output().encode()).hexdigest(), hashlib.sha256(said.encode()).hexdigest())
        session = self.console.sessions()[0]["id"]
        recorded = "".join(json.loads(line)["text"] for line in self.recording(session).splitlines()
                           if line.startswith('{"after"') and '"stream":2,"text"' in line)
        self.assertEqual(recorded, said)

    def test_a_terminal_goes_on_and_can_be_taken_over(self):
        first = self.shell("web")
        first.wait_for(r"[#$]\s*$", 15)
        first.resize(91, 33)
        first.type("stty size; echo ma\\rk\n")
        first.wait_for("33 91")
        self.restart_appliance()
        first.type("echo after-$((40+2))\n")
        first.wait_for("after-42", 30)
        first.wait_until_gone("no connection", 10)
        session = self.console.sessions()[0]["id"]
        # Its console dies; another one goes on with the same shell, and sees the last output again.
        first.close()
        second = self.shell("--attach", session)
        second.wait_for("after-42", 20)
        second.type("echo second-$((1+1)); exit 5\n")
        second.wait_for("second-2")
        self.assertEqual(second.status(15), 5)
        output = "".join(json.loads(line)[2] for line in self.recording(session).splitlines()
                         if line.startswith("[") and json.loads(line)[1] == "o")
        self.assertEqual(output.count("after-42"), 1)

    def test_files_arrive_whole_both_ways(self):
        sent = self.lab.path("sent")
        with open(sent, "wb") as file:
            file.write(os.urandom(5_000_000))
        self.console.run("cp", "--quiet", sent, f"web:{self.lab.path('there')}")
        self.console.run("cp", "--quiet", f"web:{self.lab.path('there')}", self.lab.path("back"))
        with open(sent, "rb") as one, open(self.lab.path("back"), "rb") as other:
            self.assertEqual(hashlib.sha256(one.read()).digest(), hashlib.sha256(other.read()).digest())

    def test_removing_an_asset_uninstalls_it_now(self):
        self.console.run("asset", "remove", "web", "--yes")
        lab.wait_until(lambda: self.client.process.status is not None, 10, "the client has uninstalled itself")
        self.assertFalse(os.path.exists(os.path.join(self.client.data, "state.json")))
        self.assertFalse(os.path.exists(os.path.join(self.client.data, "identity", "key.pem")))

    def test_installing_again_is_the_same_asset(self):
        self.client.command("install", "--key-info-file", self.client.key)
        assets = json.loads(self.console.run("assets", "--json"))
        self.assertEqual(len(assets), 1)

    def test_uninstalling_tells_the_appliance(self):
        said = self.client.command("uninstall")
        self.assertIn("the appliance knows", said)
        self.assertIsNotNone(self.client.process.status)


if __name__ == "__main__":
    case.main()
