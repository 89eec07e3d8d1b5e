"""Machines with a real systemd, for tests of packages: Debian in a container on the lab's network.

    root = machine.debian()                     # made by debootstrap once, and kept in /var/cache/jump-tests
    server = Machine(lab, "server", root)       # booted
    server.run("dpkg", "-i", "/packages/x.deb")

Everything that a machine changes is in an overlay of the lab's folder and gone with it. Limits on memory and tasks do
not hold in there: the containers have no controllers.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

import lab

CACHE = os.environ.get("JUMP_TEST_CACHE") or "/var/cache/jump-tests"
MIRROR = os.environ.get("JUMP_DEBIAN_MIRROR") or "http://deb.debian.org/debian"
# A system with systemd, and what our packages depend on.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "libpam-systemd", "iproute2", "procps", "udev", "ca-certificates", "eatmydata",
            "libpcap0.8", "libpocofoundation80", "libsqlite3-0", "libssh-4", "libssl3", "libyaml-cpp0.7", "rpm")
GROUPS = [f"/sys/fs/cgroup/{one}" for one in ("unified", "systemd") if os.path.isdir(f"/sys/fs/cgroup/{one}")] or \
    ["/sys/fs/cgroup"]


def skip(why):
    print(why)
    sys.exit(77)


def debian():
    """Folder of a minimal Debian; made when it is not there, which takes a minute or two."""
    for program in ("debootstrap", "systemd-nspawn"):
        if not shutil.which(program):
            skip(f"{program} is not installed: packages were NOT tested under systemd (tools/setup --tests)")
    key = hashlib.sha256(" ".join((*PACKAGES, MIRROR)).encode()).hexdigest()[:12]
    root = os.path.join(CACHE, f"bookworm-{key}")
    if os.path.isdir(root):
        return root
    making = f"{root}.{os.getpid()}"
    os.makedirs(CACHE, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", making, MIRROR]
    if shutil.which("eatmydata"):
        command.insert(0, "eatmydata")
    began = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        skip("debootstrap could not make a Debian: packages were NOT tested under systemd: "
             + " ".join(done.stdout.split())[-300:])
    for left in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(os.path.join(making, left), ignore_errors=True)
        os.makedirs(os.path.join(making, left, "partial"))
    os.rename(making, root)
    print(f"made {root} in {time.monotonic() - began:.0f} s", flush=True)
    return root


def need_boot():
    """Ends the test program as skipped, with the reason, where no system can be booted."""
    root = debian()
    try:
        net = lab.Lab()
        try:
            Machine(net, "probe", root)
        finally:
            net.close()
    except (lab.LabError, OSError, subprocess.SubprocessError) as why:
        skip("systemd cannot be booted here, packages were NOT tested: " + " ".join(str(why).split())[-300:])


class Machine:
    """One booted system. Its network is that of the lab's host of the same name."""

    def __init__(self, net, name, root, files=None):
        """`files`: {path inside: path outside}, bound read-only."""
        self.net, self.name = net, name
        self.host = net.host(name)
        self.address = self.host.address
        self.folder = net.path(f"{name}-machine")
        self.root = os.path.join(self.folder, "root")
        self.files = files or {}
        self.uuid = uuid.uuid4().hex
        self.popen = None
        for part in ("upper", "work", "root"):
            os.makedirs(os.path.join(self.folder, part))
        lab.sh("mount", "-t", "overlay", "overlay", "-o",
               f"lowerdir={root},upperdir={self.folder}/upper,workdir={self.folder}/work", self.root)
        # A machine of its own, by its looks too; no daemon is kept from starting.
        self.write("/etc/hostname", name + "\n")
        self.write("/etc/machine-id", uuid.uuid4().hex + "\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        net.closers.append(self.close)
        self.boot()

    def write(self, path, text):
        """A file inside, while it is not booted or has no file system mounted there."""
        outside = self.root + path
        os.makedirs(os.path.dirname(outside), exist_ok=True)
        if os.path.islink(outside) or os.path.exists(outside):
            os.remove(outside)
        with open(outside, "w", encoding="utf-8") as file:
            file.write(text)

    def group_folders(self):
        return [os.path.join(group, os.path.basename(self.net.prefix), self.name) for group in GROUPS]

    def boot(self):
        for folder in self.group_folders():
            os.makedirs(folder, exist_ok=True)
        command = ["systemd-nspawn", "-q", "-b", "-D", self.root, "-M", f"{self.net.prefix}-{self.name}",
                   f"--hostname={self.name}", f"--uuid={self.uuid}", "--register=no", "--keep-unit",
                   f"--network-namespace-path=/run/netns/{self.host.netns}", "--resolv-conf=off", "--timezone=off",
                   "--link-journal=no", "--console=pipe",
                   *[f"--bind-ro={outside}:{inside}" for inside, outside in self.files.items()]]
        environment = self.net.environment({"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_TMPFS_TMP": "0"})
        with open(os.path.join(self.net.logs, f"{self.name}-console.log"), "ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                          start_new_session=True, preexec_fn=self.enter_groups)
        lab.wait_until(lambda: self.popen.poll() is not None or self.state() in ("running", "degraded"), 180,
                       lambda: f"{self.name} boots: {self.state()}")
        if self.popen.poll() is not None:
            with open(os.path.join(self.net.logs, f"{self.name}-console.log"), encoding="utf-8", errors="replace") as log:
                raise lab.LabError(f"{self.name} does not boot: {self.state()}: {' '.join(log.read().split())[-300:]}")

    def enter_groups(self):
        for folder in self.group_folders():
            with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def leader(self):
        """Process number, outside, of the machine's init; None when it does not run."""
        try:
            with open(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children", encoding="ascii") as file:
                found = file.read().split()
        except OSError:
            return None
        return int(found[0]) if found and self.popen.poll() is None else None

    def state(self):
        leader = self.leader()
        if leader is None:
            return "not started" if self.popen.poll() is None else f"ended with {self.popen.returncode}"
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def words(self, *command):
        """The command line that runs a command in the machine."""
        return ["nsenter", "-t", str(self.leader()), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                "TERM=xterm-256color", "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, *command, check=True, text=True, seconds=120, **options):
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.words(*command), capture_output=True, text=text, timeout=seconds, check=False, **options)
        if check and done.returncode != 0:
            raise lab.LabError(f"{self.name}: {' '.join(command)}: status {done.returncode}:\n{done.stdout}{done.stderr}\n"
                               + self.journal(20))
        return done

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options).stdout.strip()

    def show(self, unit, *properties):
        """Properties of a unit."""
        lines = self.run("systemctl", "show", unit, *[f"--property={one}" for one in properties]).stdout.splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return [found.get(one, "") for one in properties]

    def journal(self, lines=200, unit=None):
        words = ["journalctl", "--no-pager", "--quiet", "-o", "short-monotonic", "-n", str(lines), *(["-u", unit] if unit else [])]
        return self.run(*words, check=False).stdout

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def close(self):
        leader = self.leader() if self.popen else None
        if leader:
            os.kill(leader, signal.SIGRTMIN + 4)  # systemd(1): power off
        if self.popen:
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        subprocess.run(["umount", "-l", self.root], capture_output=True, check=False)
        for folder in self.group_folders():
            for below, _, _ in os.walk(folder, topdown=False):
                try:
                    os.rmdir(below)
                except OSError:
                    pass
            try:
                os.rmdir(os.path.dirname(folder))
            except OSError:
                pass
