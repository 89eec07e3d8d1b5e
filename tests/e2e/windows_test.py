#!/usr/bin/env python3
r"""The Jump Client on Windows, as far as Wine is one: its package installed, used, upgraded and removed.

Appliance and `jump` are those of Linux; the client's machine is a prefix of Wine with a network of its own. Needs the
programs of tools/build-windows (JUMP_WINDOWS_BIN, default build/windows/bin). What Wine cannot show stands in
installers/windows/README.md.
"""

import hashlib
import json
import os
import random
import re
import shutil
import tempfile
import time

import case
import lab
import suite
from network import NetworkCase
from terminal import Terminal
from wine import ROOT, Wine, make_packages, need

OUT = tempfile.mkdtemp(prefix="jump-windows-test-")
SHIM = os.path.join(ROOT, "tests", "support", "windows", "console_shim.cc")
DATA = r"C:\ProgramData\Jump Client"
INSTALLED = r"C:\Program Files\Jump Client\jump-client.exe"
FAILED = 1603 & 0xff  # of msiexec, as Linux sees it


def package(version):
    return os.path.join(OUT, f"jump-client-{version}-x64.msi")


def setUpModule():
    need("jump-client.exe")
    for version in ("0.1.0", "0.2.0"):
        make_packages(OUT, version)
    lab.sh("x86_64-w64-mingw32-g++-posix", "-O1", "-municode", "-static", "-o", os.path.join(OUT, "shell.exe"), SHIM)


def tearDownModule():
    shutil.rmtree(OUT, ignore_errors=True)


def note(text):
    print(f"  {text}", flush=True)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class WindowsCase(NetworkCase):
    """self.win is the machine of Windows, on host self.endpoint."""

    @classmethod
    def new_client(cls, name, host):
        """In the place of the Jump Client of Linux: a machine that has none yet."""
        cls.win = Wine(cls.lab, host)
        shell = cls.win.path(r"C:\shell.exe")
        shutil.copy(os.path.join(OUT, "shell.exe"), shell)
        cls.win.run("reg", "add", r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment", "/v", "ComSpec",
                    "/t", "REG_SZ", "/d", r"C:\shell.exe", "/f")
        # The service manager hands on the environment that it began with.
        cls.win.end()
        cls.win.begin()

    @classmethod
    def install(cls, *words, key=None, check=True, version="0.1.0"):
        return cls.win.install(package(version), key or cls.key, *words, check=check)

    @classmethod
    def jump_client(cls, *words, check=True):
        """`jump-client` on the machine."""
        return cls.win.run(INSTALLED, *words, check=check)

    @classmethod
    def online(cls):
        one = [asset for asset in json.loads(cls.console.run("assets", "--json")) if asset["name"] == "win"]
        return bool(one) and one[0]["state"] in ("online", "in_use", "in use")

    @classmethod
    def wait_online(cls, seconds=90):
        try:
            lab.wait_until(cls.online, seconds, "win is online")
        except lab.LabError as error:
            raise lab.LabError(f"{error}\n{cls.log_tail()}") from None

    @classmethod
    def log_tail(cls, lines=40):
        path = cls.win.path(DATA + r"\log\jump-client.log")
        if not os.path.exists(path):
            return "no log"
        with open(path, encoding="utf-8", errors="replace") as file:
            return "\n".join(file.read().splitlines()[-lines:])

    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: None if self._outcome.success else print(self.log_tail(), flush=True))

    def exec(self, *words, check=True, **options):
        done = self.desk.run(*self.console.words("exec", "win", "--", *words), env=self.console.environment, check=check, **options)
        return done.returncode, done.stdout, done.stderr

    def windows_shell(self):
        terminal = Terminal(self.lab, self.console.words("shell", "win"), host=self.desk, env=self.console.environment)
        terminal.wait_for(r"^[A-Z]:\\.*>\s*$", 30)
        return terminal


class Used(WindowsCase):
    """Installed once, used by all tests."""

    @classmethod
    def make_network(cls):
        super().make_network()
        folder = cls.win.path(DATA + r"\config")
        os.makedirs(folder)
        with open(os.path.join(folder, "jump-client.yaml"), "w", encoding="ascii", newline="\r\n") as file:
            file.write('forward_allow: ["127.0.0.1:*"]\nsession_user: ""\n')
        begun = time.monotonic()
        cls.install("JC_NAME=win")
        cls.wait_online()
        note(f"msiexec /i to online: {time.monotonic() - begun:.1f} s")

    def test_the_service_is_known_and_says_how_it_does(self):
        _, text = self.win.run("sc", "query", "jump-client")
        self.assertIn("RUNNING", text)
        status, text = self.jump_client("status", "--json")
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(text)["tunnel"]["state"], "online")
        resident = 0
        for number in self.win.processes("jump-client"):
            with open(f"/proc/{number}/smaps_rollup", encoding="ascii", errors="replace") as file:
                resident += sum(int(line.split()[1]) for line in file if line.startswith("Private"))
        note(f"memory that only the idle service has: {resident} KiB")

    def test_commands_have_output_input_and_status(self):
        status, out, err = self.exec("cmd", "/c", "echo out& echo err 1>&2& exit 7", check=False)
        self.assertEqual((status, out.strip(), err.strip()), (7, "out", "err"))
        _, out, _ = self.exec("find", "b", input="one b\r\ntwo a\r\n", stdin=None)
        self.assertEqual(out.strip(), "one b")
        status, _, err = self.exec("no-such-program", check=False)
        self.assertNotEqual(status, 0)
        self.assertIn("no-such-program", err)

    def test_a_shell_is_typed_into(self):
        terminal = self.windows_shell()
        terminal.type("set /a 6*7\n")
        terminal.wait_for("^42")
        terminal.type("echo %OS%\n")
        terminal.wait_for("^Windows_NT")
        terminal.type("exit 3\n")
        self.assertEqual(terminal.status(), 3)

    def test_system_information_is_told(self):
        report = json.loads(self.console.run("info", "win", "--live", "--json"))
        self.assertTrue(report["system"]["kernel"].startswith("Windows 10.0."), report["system"])
        self.assertTrue(any(self.endpoint.address in address for one in report["interfaces"] for address in one["addresses"]))
        self.assertTrue(any("jump-client" in one["command"] for one in report["processes"]))
        self.assertTrue(any(one["name"] == "jump-client" and one["state"] == "running" for one in report["services"]))

    def test_a_port_is_forwarded_where_the_configuration_allows_it(self):
        with open(self.lab.path("page"), "w", encoding="ascii") as file:
            file.write("from behind\n" * 10_000)
        target, local = suite.free_port(), suite.free_port()
        server = self.endpoint.start("python3", "-m", "http.server", "--bind", "127.0.0.1", "-d", self.lab.folder, str(target))
        self.addCleanup(server.stop)
        forward = self.console.start("forward", "win", f"{local}:127.0.0.1:{target}", name="forward")
        self.addCleanup(forward.stop)
        def fetch():
            done = self.desk.run("curl", "-sf", f"http://127.0.0.1:{local}/page", check=False)
            return done.stdout if done.returncode == 0 else None
        self.assertEqual(lab.wait_until(fetch, 60, forward.tail), "from behind\n" * 10_000)
        local = suite.free_port()
        refused = self.console.start("forward", "win", f"{local}:{self.server.address}:{target}", name="refused")
        self.addCleanup(refused.stop)
        def try_it():
            self.desk.run("curl", "-sf", f"http://127.0.0.1:{local}/page", check=False)
            return "not allowed" in refused.output()
        lab.wait_until(try_it, 60, refused.tail)

    def test_magic_packets_leave_on_every_way_that_is_there(self):
        ears = self.desk.start("tcpdump", "-l", "-n", "-i", "eth0", "udp port 9", name="ears")
        ears.wait_for_output("listening on")
        job = {"order": {"attempt": 7, "macs": ["02:77:01:00:00:99"], "interfaces": ["eth0"]}, "user": ""}
        with open(self.lab.path("job"), "w+", encoding="ascii") as file:
            file.write(json.dumps(job))
            file.seek(0)
            _, text = self.win.host_run("wine", INSTALLED, "wake", stdin=file)
        report = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
        self.assertEqual(report["attempt"], 7)
        ears.wait_for_output(r"> 10\.77\.0\.255\.9: ")
        ears.wait_for_output(r"> 255\.255\.255\.255\.9: ")
        self.assertIn("Npcap", text)  # no raw frames without it, and it is said

    def test_files_go_both_ways(self):
        here = self.lab.path("site")
        os.makedirs(os.path.join(here, "css", "empty"))
        for name, size in (("index.html", 812), ("css/größe 日本.css", 70_000), ("css/zero", 0), ("big.iso", 8 << 20)):
            with open(os.path.join(here, name), "wb") as file:
                file.write(random.Random(name).randbytes(size))
        os.utime(os.path.join(here, "index.html"), ns=(10**18, 1_234_567_890_123_456_700))
        os.chmod(os.path.join(here, "css/zero"), 0o444)
        self.console.run("cp", "--quiet", "-r", here, "win:C:/Copy")
        there = self.win.path(r"C:\Copy")
        self.compare(here, there)
        self.assertEqual(os.stat(os.path.join(there, "index.html")).st_mtime_ns, 1_234_567_890_123_456_700)
        self.win.run("attrib", "+h", r"C:\Copy\index.html")
        back = self.lab.path("back")
        self.console.run("cp", "--quiet", "-r", r"win:C:\Copy", back)
        self.compare(here, back)
        self.assertEqual(os.stat(os.path.join(back, "css/zero")).st_mode & 0o777, 0o444)
        # Once more: the read-only file is no obstacle.
        self.console.run("cp", "--quiet", "-r", here + "/.", "win:C:/Copy")

    def compare(self, here, there):
        names = {os.path.relpath(os.path.join(at, name), here) for at, folders, files in os.walk(here) for name in folders + files}
        others = {os.path.relpath(os.path.join(at, name), there) for at, folders, files in os.walk(there) for name in folders + files}
        self.assertEqual(names, others)
        for name in names:
            if os.path.isfile(os.path.join(here, name)):
                self.assertEqual(digest(os.path.join(here, name)), digest(os.path.join(there, name)), name)

    def test_names_that_windows_cannot_have_are_left_out_and_said(self):
        here = self.lab.path("odd")
        os.makedirs(here)
        for name in ("fine", "con", "nul.txt", "a:b", "dot.", "star*"):
            with open(os.path.join(here, name), "w", encoding="ascii") as file:
                file.write(name)
        os.symlink("fine", os.path.join(here, "link"))
        done = self.desk.run(*self.console.words("cp", "-r", here, "win:C:/odd"), env=self.console.environment, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(os.listdir(self.win.path(r"C:\odd")), ["fine"])
        for name in ("con", "nul.txt", "a:b", "dot.", "link"):
            self.assertIn(name, done.stderr)

    def test_a_copy_goes_on_after_a_cut_and_after_its_death(self):
        here, target = self.lab.path("large"), self.win.path(r"C:\large")
        with open(here, "wb") as file:
            file.write(random.Random(1).randbytes(48 << 20))
        self.desk.limit_rate("100mbit")
        self.addCleanup(self.desk.limit_rate, None)
        copy = self.console.start("cp", "--progress", here, "win:C:/large", name="cut-copy")
        self.wait_for_part(8 << 20)
        self.endpoint.cut()
        copy.wait_for_output("(?i)connect|reach|lost|wait|offline", 60)
        self.endpoint.restore()
        self.assertEqual(copy.wait(120), 0, copy.tail())
        self.assertEqual(digest(target), digest(here))
        os.remove(target)
        copy = self.console.start("cp", "--quiet", here, "win:C:/large", name="killed-copy")
        held = self.wait_for_part(8 << 20)
        copy.kill()
        text = self.desk.run(*self.console.words("cp", "--progress", here, "win:C:/large"), env=self.console.environment).stderr
        self.assertEqual(digest(target), digest(here))
        note(f"resumed behind {held} bytes: {text.strip().splitlines()[-1][:160]}")

    def wait_for_part(self, size):
        """Until so much of what is being received stands beside its target."""
        def look():
            parts = [os.path.join(self.win.path("C:\\"), name) for name in os.listdir(self.win.path("C:\\")) if name.endswith(".part")]
            return next((os.path.getsize(part) for part in parts if os.path.getsize(part) >= size), None)
        return lab.wait_until(look, 60, f"{size} bytes have arrived")

    def test_a_shell_goes_on_while_the_service_and_the_link_do_not(self):
        terminal = self.windows_shell()
        terminal.type("set mark=kept\n")
        self.win.run("net", "stop", "jump-client")
        # It returns before the service has stopped.
        lab.wait_until(lambda: self.win.run("net", "start", "jump-client", check=False)[0] == 0, 60, "the service starts again")
        self.wait_online()
        terminal.type("echo one-%mark%\n")
        terminal.wait_for("^one-kept", 60)
        self.endpoint.cut()
        lab.wait_until(lambda: not self.online(), 60, "win is offline")
        terminal.type("echo two-%mark%\n")
        self.endpoint.restore()
        terminal.wait_for("^two-kept", 60)
        terminal.type("exit\n")
        terminal.status()


class Kept(WindowsCase):
    """A machine that is installed, upgraded and left."""

    def test_an_installation_that_cannot_enrol_leaves_nothing(self):
        before = self.win.files()
        key = self.console.deployment_key()
        damaged = key[:-8] + ("A" if key[-8] != "A" else "B") + key[-7:]
        status, log = self.install("JC_NAME=win", key=damaged, check=False)
        self.assertEqual(status, FAILED)
        self.assertRegex(log, r"\(exit status 1[0-9]?\)")
        self.assertEqual(self.win.new_files(before), set())

    def test_it_comes_is_upgraded_with_a_session_open_and_goes(self):
        before = self.win.files()
        # No word without the service: it is there, and does not run.
        self.install("JC_NAME=win", "START_SERVICES=")
        self.assertIn("STOPPED", self.win.run("sc", "query", "jump-client")[1])
        self.win.run("net", "start", "jump-client")
        self.wait_online()
        first = [one["id"] for one in json.loads(self.console.run("assets", "--json"))]
        # The same package with a key again is a repair.
        self.install("JC_NAME=win")
        self.wait_online()
        terminal = self.windows_shell()
        terminal.type("set mark=kept\n")
        begun = time.monotonic()
        self.win.msiexec("/i", Wine.windows_path(package("0.2.0")))
        self.wait_online()
        note(f"upgrade to online: {time.monotonic() - begun:.1f} s")
        terminal.type("echo three-%mark%\n")
        terminal.wait_for("^three-kept", 60)
        terminal.type("exit\n")
        terminal.status()
        status, _ = self.win.msiexec("/i", Wine.windows_path(package("0.1.0")), check=False)
        self.assertNotEqual(status, 0, "an older version was installed over a newer one")
        # The machine is switched off and on.
        self.win.end()
        self.win.begin()
        self.wait_online()
        self.assertEqual([one["id"] for one in json.loads(self.console.run("assets", "--json"))], first)
        self.win.msiexec("/x", Wine.windows_path(package("0.2.0")))
        lab.wait_until(lambda: not self.win.processes("jump-client"), 60, "no process of it is left")
        self.assertFalse(self.online())
        self.assertEqual(self.win.new_files(before), set())
        self.win.end()
        self.assertEqual([line for line in self.win.registry() if "jump-client" in line or "Jump Client" in line], [])
        states = [one["state"] for one in json.loads(self.console.run("assets", "--json"))]
        note(f"after removal the appliance shows {states or 'nothing'}")


if __name__ == "__main__":
    case.need("jump-appliance", "jump", "curl", "tcpdump")
    case.main()
