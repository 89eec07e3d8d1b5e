#!/usr/bin/env python3
"""Full disks: under the appliance's data, and under an endpoint that receives a file. And a kill in the middle of edits.

JUMP_LONG=1: 1,000 edits instead of 200.
"""

import concurrent.futures
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import lab
import case
from network import LONG, NetworkCase

EDITS = 1000 if LONG else 200
DISK = 1200  # MiB for the appliance: new sessions want 1 GiB free


class Disk:
    """A small file system of its own, in memory."""

    def __init__(self, net, path, mib):
        self.path = path
        os.makedirs(path)
        lab.sh("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", path)
        net.closers.append(lambda: subprocess.run(["umount", "--lazy", path], check=False))
        self.filler = os.path.join(path, "filler")

    def fill(self):
        """To the last byte."""
        file = os.open(self.filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for size in (1 << 26, 1 << 20, 1 << 12):
            try:
                while True:
                    os.posix_fallocate(file, os.fstat(file).st_size, size)
            except OSError:
                pass
        os.close(file)

    def free(self):
        os.remove(self.filler)


class FullDisk(NetworkCase):
    @classmethod
    def prepare(cls):
        cls.disk = Disk(cls.lab, cls.lab.path("appliance"), DISK)
        # Before the endpoint starts, which sees no later mounts.
        cls.small = Disk(cls.lab, cls.lab.path("small"), 8)

    def recordings(self, session):
        folder = os.path.join(self.suite.data, "recordings")
        name = [one for one in os.listdir(folder) if one.startswith(session)][0]
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()

    def jump(self, *words):
        done = self.desk.run(*self.console.words(*words), env=self.console.environment, check=False, timeout=30)
        return done.returncode, (done.stdout + done.stderr).strip()

    def comments(self):
        return json.loads(self.console.run("info", "web", "--json"))["comments"]

    def test_sessions_hold_and_go_on_and_no_edit_is_lost(self):
        other = self.suite.console("other", host=self.desk)
        terminal = self.shell()
        terminal.type("echo be''fore\n")
        terminal.wait_for("^before$")
        loop = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; sleep 0.05; done"
        lines = other.start("exec", "web", "--", "sh", "-c", loop, name="lines")
        lines.wait_for_output(r"line 3\n")
        self.console.run("asset", "edit", "web", "--comments", "committed before")
        self.disk.fill()
        terminal.type("seq 1 3000; echo mean''while\n")  # more than is left of a page
        terminal.wait_for("jump: no space for the recording for [1-9]", 20)
        print("the shell says: " + [row for row in terminal.screen().splitlines() if "recording" in row][0], flush=True)
        at = lines.output()
        said = []
        acknowledged = "committed before"
        for number in range(400):
            if len(said) >= 3:
                break
            status, text = self.jump("asset", "edit", "web", "--comments", f"edit {number} " + "x" * 900)
            if status == 0:
                acknowledged = f"edit {number} " + "x" * 900
            else:
                said.append(text)
        print(f"edits were refused after {number - len(said)}: {said[-1] if said else ''}")
        self.assertTrue(said, "no edit met the full disk")
        self.assertEqual({len(text.splitlines()) for text in said}, {1})
        self.assertRegex(said[-1], "(?i)full|space")
        status, text = self.jump("exec", "web", "--", "true")
        print(f"a new session, status {status}: {text}")
        self.assertEqual(status, 255)
        self.assertRegex(text, "(?i)space|free|full")
        self.assertIsNone(self.suite.process.status)
        print("doctor: " + "; ".join(row for row in self.server.run(
            "jump-appliance", "--config", "/dev/null", "--data", self.suite.data, "doctor", check=False).stdout.splitlines()
            if "disk" in row or "space" in row))
        self.assertEqual(self.comments(), acknowledged)
        # A restart in that state loses nothing either.
        self.assertLess(len(lines.output()) - len(at), 2000, "the recording was full, and output came")
        self.disk.free()
        terminal.wait_until_gone("no space for the recording", 20)
        terminal.wait_for("^meanwhile$", 20)
        terminal.type("echo af''ter\n")
        terminal.wait_for("^after$", 20)
        self.assertEqual(lines.wait(60), 0)
        wanted = "".join(f"line {number}\n" for number in range(1, 401))
        self.assertEqual("".join(row + "\n" for row in lines.output().splitlines() if row.startswith("line")), wanted)
        self.assertEqual(self.comments(), acknowledged)
        self.console.run("asset", "edit", "web", "--comments", "there is space again")
        terminal.type("exit\n")
        terminal.status()
        sessions = {one["kind"]: one["id"] for one in reversed(self.console.sessions()) if one["kind"] in ("exec", "shell")}
        recorded = "".join(json.loads(row)["text"] for row in self.recordings(sessions["exec"]).splitlines()
                           if row.startswith('{"after"') and '"stream":2,"text"' in row)
        self.assertEqual(recorded, wanted)
        output = "".join(json.loads(row)[2] for row in self.recordings(sessions["shell"]).splitlines()
                         if row.startswith("[") and json.loads(row)[1] == "o")
        for word in ("before\r", "meanwhile\r", "after\r"):
            self.assertEqual(output.count(word), 1, word)

    def test_a_receiver_without_space_says_so_and_leaves_no_half_file(self):
        small = self.small
        source = self.lab.path("source")
        with open(source, "wb") as file:
            file.write(os.urandom(12 << 20))
        status, text = self.jump("cp", "--quiet", source, f"web:{small.path}/target")
        print(f"cp to a full disk, status {status}: {text}")
        self.assertNotIn(status, (0, 1))
        self.assertRegex(text, "(?i)no space left")
        self.assertEqual(len(text.splitlines()), 1)
        self.assertEqual([name for name in os.listdir(small.path) if not name.endswith(".part")], [])
        # An older file of that name stays as it was.
        for name in os.listdir(small.path):
            os.remove(os.path.join(small.path, name))
        with open(os.path.join(small.path, "target"), "w", encoding="ascii") as file:
            file.write("older")
        status, _ = self.jump("cp", "--quiet", source, f"web:{small.path}/target")
        self.assertNotEqual(status, 0)
        with open(os.path.join(small.path, "target"), encoding="ascii") as file:
            self.assertEqual(file.read(), "older")
        # With space the same command goes on where it stopped.
        parts = [os.path.getsize(os.path.join(small.path, name)) for name in os.listdir(small.path)
                 if name.endswith(".part")]
        lab.sh("mount", "-o", "remount,size=30m", small.path)
        status, text = self.jump("cp", "--progress", source, f"web:{small.path}/target")
        self.assertEqual(status, 0, text)
        with open(os.path.join(small.path, "target"), "rb") as one, open(source, "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.assertEqual(os.listdir(small.path), ["target"])
        print(f"of {12 << 20} bytes {parts} were there before the second try", flush=True)
        # The other way: the desk's own disk.
        here = Disk(self.lab, self.lab.path("here"), 4)
        status, text = self.jump("cp", "--quiet", f"web:{source}", f"{here.path}/target")
        print(f"cp from the asset to a full disk, status {status}: {text}", flush=True)
        self.assertNotIn(status, (0, 1))
        self.assertRegex(text, "(?i)no space left")
        self.assertEqual([name for name in os.listdir(here.path) if not name.endswith(".part")], [])


class KilledInTheMiddle(NetworkCase):
    def test_every_acknowledged_edit_is_there_afterwards(self):
        token = json.loads(self.console.run("token", "create", "edits", "--json"))
        with open(self.lab.path("curl"), "w", encoding="ascii") as file:
            file.write(f'header = "Authorization: Bearer {token["token"]}"\ninsecure\nsilent\n')
        asset = json.loads(self.console.run("info", "web", "--json"))["id"]
        writers = 4
        acknowledged, refused, lock = {}, 0, threading.Lock()

        # Each writer has an installer of its own, and counts in its name; what was answered with 200 must stand.
        def edit(writer):
            nonlocal refused
            for number in range(EDITS // writers):
                until = time.monotonic() + 60
                while not send(writer, number):
                    if time.monotonic() > until:
                        raise lab.LabError(f"edit {writer}:{number} was not answered within 60 s")
                    with lock:
                        refused += 1
                    time.sleep(0.1)

        def send(writer, number):
            body = json.dumps({"comments": f"{writer}:{number}"} if writer == 0 else
                              {"name": f"w{writer}-{number}", "jump_group_id": 1, "jump_group_type": "shared"})
            path = f"jump-client/{asset}" if writer == 0 else "jump-client/installer"
            answer = self.desk.run("curl", "-K", self.lab.path("curl"), "-X", "PATCH" if writer == 0 else "POST", "-d", body,
                                   "-H", "Content-Type: application/json", "-w", "\n%{http_code}", "--max-time", "10",
                                   f"https://{self.suite.address}/api/config/v1/{path}", check=False).stdout
            good = answer.rsplit("\n", 1)[-1] in ("200", "201")
            if good:
                with lock:
                    acknowledged[(writer, number)] = True
            return good

        kills = 0
        with concurrent.futures.ThreadPoolExecutor(writers) as pool:
            jobs = [pool.submit(edit, writer) for writer in range(writers)]
            while not all(job.done() for job in jobs):
                time.sleep(random.uniform(0.3, 1.0))
                if len(acknowledged) > (kills + 1) * EDITS / 6:
                    self.suite.process.signal(signal.SIGKILL)
                    self.suite.process.popen.wait()
                    kills += 1
                    self.check(acknowledged)
                    self.suite.start()
            for job in jobs:
                job.result()
        self.check(acknowledged)
        print(f"{EDITS} edits, {len(acknowledged)} acknowledged, {refused} tries without an answer, {kills} kills", flush=True)
        self.assertEqual(len(acknowledged), EDITS)
        self.assertGreater(kills, 2)

    def check(self, acknowledged):
        """Straight from the file, as it lies on the disk."""
        database = [os.path.join(self.suite.data, name) for name in os.listdir(self.suite.data) if name.endswith(".db")][0]
        self.assertEqual(lab.sh("sqlite3", database, "PRAGMA integrity_check").strip(), "ok")
        names = set(lab.sh("sqlite3", database, "SELECT name FROM installers").split())
        comments = lab.sh("sqlite3", database, "SELECT comments FROM jump_clients").strip()
        for writer, number in list(acknowledged):
            if writer:
                self.assertIn(f"w{writer}-{number}", names)
        last = max((number for writer, number in acknowledged if writer == 0), default=None)
        if last is not None:
            # One that was committed and not yet answered may stand there, too.
            self.assertGreaterEqual(int(comments.split(":")[1]), last)


if __name__ == "__main__":
    case.need("curl", "sqlite3", "mount")
    case.main()
