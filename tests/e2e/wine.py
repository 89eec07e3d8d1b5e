"""A Windows machine on a host of the lab, as far as Wine is one: a prefix of its own, whose sockets are in that host's
network, with a service manager that runs until the lab ends.

    wine.need("jump.exe")             # in setUpModule
    win = Wine(lab, host)             # or Wine(lab): on this machine
    win.run("msiexec", "/i", win.windows_path(msi), "/qn")
    win.path(r"C:\\ProgramData")      # where that is on this machine
"""

import os
import re
import shutil
import subprocess
import sys

import case
import lab
from processes import processes

# Without a display, browsers and .NET, which would be asked for at the start.
QUIET = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree=;mshtml=", "DISPLAY": ""}
SECONDS = 300  # for one command


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("JUMP_WINDOWS_BIN") or
                      os.path.join(os.environ.get("JUMP_BUILD") or os.path.join(ROOT, "build"), "windows", "bin"))


def need(program):
    """Ends the test program as skipped when something is not installed, or this program not built."""
    missing = [name for name in ("wine", "wineserver", "wineboot", "wixl", "msibuild", "x86_64-w64-mingw32-g++-posix")
               if not shutil.which(name)]
    why = f"{', '.join(missing)} not installed (tools/setup --windows)" if missing else ""
    if not os.path.exists(os.path.join(BIN, program)):
        why = f"there is no {program} in {BIN} (tools/build-windows)"
    if why:
        print(f"NOT TESTED: Windows: {why}")
        sys.exit(case.SKIPPED)


def make_packages(folder, version="0.1.0"):
    lab.sh(sys.executable, os.path.join(ROOT, "installers", "windows", "make_msi.py"), "--bin", BIN, "--out", folder,
           "--version", version)


def told(log):
    """Of the installer's log what says why: the words of our own actions, and the last lines."""
    ours = [line for line in log.splitlines() if re.match(r"(install|uninstall): |Property\(S\): (KEY|JC_|START)|Error", line)]
    return "\n".join(ours + ["..."] + log.splitlines()[-15:])


class Wine:
    def __init__(self, net, host=None, name="wine"):
        self.host = host
        self.prefix = net.path(name)
        self._logs = net.logs
        self._name = name
        self._runs = 0
        self.environment = net.environment({**QUIET, "WINEPREFIX": self.prefix, "HOME": net.folder})
        net.closers.append(self.close)
        # A service inherits the standard error of the first command: it must not be a pipe that somebody waits for.
        self.host_run("wineboot", "-i")
        self.run("winecfg", "-v", "win10")
        self.end()
        self.begin()

    def begin(self):
        """The machine is switched on: services that start with it do."""
        self.host_run("wineserver", "-p")
        self.run("wineboot")

    def end(self):
        """Switched off, without a word to anybody."""
        self.host_run("wineserver", "-k", check=False)
        self.host_run("wineserver", "-w", check=False)

    def close(self):
        self.end()

    def host_run(self, *command, check=True, stdin=subprocess.DEVNULL):
        """A command of the host with this prefix: its status and output."""
        self._runs += 1
        path = os.path.join(self._logs, f"{self._name}-{self._runs}-{os.path.basename(command[0])}.log")
        with open(path, "wb") as log:
            words = self.host.inside(*command) if self.host else command
            done = subprocess.run(words, stdin=stdin, stdout=log, stderr=log, timeout=SECONDS,
                                  env=self.environment)
        with open(path, encoding="utf-8", errors="replace") as log:
            text = log.read().replace("\r\n", "\n")
        if check and done.returncode != 0:
            raise lab.LabError(f"{' '.join(command)}: status {done.returncode}:\n{text}")
        return done.returncode, text

    def run(self, *words, check=True):
        """A program of Windows. Of its exit status Linux sees 8 bits."""
        return self.host_run("wine", *words, check=check)

    def msiexec(self, *words, check=True):
        """Status and log."""
        status, _ = self.run("msiexec", *words, "/qn", r"/l*v", r"C:\msi.log", check=False)
        with open(self.path(r"C:\msi.log"), encoding="utf-8", errors="replace") as file:
            log = file.read()
        if check and status != 0:
            raise lab.LabError(f"msiexec {' '.join(words)}: status {status}:\n{told(log)}")
        return status, log

    def install(self, package, key, *words, check=True):
        """With the text of a deployment key."""
        path = self.path(r"C:\key.txt")
        with open(path, "w", encoding="ascii") as file:
            file.write(key.strip() + "\n")
        answer = self.msiexec("/i", self.windows_path(package), r"KEY_INFO_FILE=C:\key.txt", *words, check=check)
        os.remove(path)
        return answer

    def new_files(self, before):
        """What is there now that was not; the installer's own log and Wine's are not looked at."""
        return {name for name in self.files() - before if name.lower() not in ("msi.log", "key.txt")
                and not name.startswith("windows/Installer") and name != "windows/Installer"}

    def path(self, windows):
        r"""C:\x → where that is on this machine."""
        return os.path.join(self.prefix, "drive_c", *windows.replace("\\", "/").split("/")[1:])

    @staticmethod
    def windows_path(path):
        return "Z:" + path.replace("/", "\\")

    def files(self):
        """All files and folders, without those of Windows that come and go."""
        found = set()
        for folder, folders, names in os.walk(os.path.join(self.prefix, "drive_c")):
            place = os.path.relpath(folder, os.path.join(self.prefix, "drive_c"))
            found.update(os.path.normpath(os.path.join(place, name)) for name in folders + names)
        return {name for name in found if not re.search(r"(?i)(^|/)temp(/|$)|\.windows-serial$", name)}

    def registry(self):
        """The lines of the machine's registry; only what is written out when nothing runs any more."""
        with open(os.path.join(self.prefix, "system.reg"), encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def processes(self, program):
        """Process numbers of this prefix's processes of a program."""
        return [one.pid for one in processes() if program.lower() in "".join(one.words[:1]).lower()
                and f"WINEPREFIX={self.prefix}" in one.variables]
