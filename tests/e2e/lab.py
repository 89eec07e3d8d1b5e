"""A network of hosts on one machine, for end-to-end tests: namespaces on one switch, faults on demand.

    with Lab() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener = server.start("jump-appliance", "serve")
        listener.wait_for_output(r"listening on port \\d+")
        client.cut()           # cable pulled; restore() puts it back
        client.lose()          # the switch swallows everything, the cable stays
        client.set_address()   # another one
        server.reset_connections(443)

Everything that a Lab starts or makes is gone when it ends, however it ends; what a killed test left behind is removed
by the next Lab. Needs root. Logs of the programs are kept in $JUMP_LAB_LOGS (a folder of the Lab's own otherwise) and
their last lines are printed when a test fails.
"""

import atexit
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from processes import processes

BIN = os.environ.get("JUMP_BIN", "")
PREFIX = "jumplab"


class LabError(AssertionError):
    """The lab did not come to the state that a test waited for."""


def wait_until(condition, seconds, what):
    """Polls until condition() is true and returns its value; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.02)


def sh(*command, **options):
    """Runs a command to its end; a failure is an exception with its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def find_program(name):
    """The project's programs come from $JUMP_BIN, all others from PATH."""
    ours = os.path.join(BIN, name)
    return ours if BIN and os.path.exists(ours) else name


class Process:
    """A program in the background, in a process group of its own, with its output in a log file."""

    def __init__(self, lab, name, command, environment, folder):
        self.name = name
        self.log_path = os.path.join(lab.logs, f"{name}.log")
        self.environment = environment
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=folder, env=environment, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def status(self):
        """None while it runs; the exit status, or -SIGNAL."""
        return self.popen.poll()

    def output(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_for_output(self, pattern, seconds=30, start=0):
        """The first match of a regular expression in the log behind `start` characters."""
        def look():
            found = re.search(pattern, self.output()[start:])
            if not found and self.status is not None:
                raise LabError(f"{self.name} ended with {self.status} before it said {pattern!r}:\n{self.tail()}")
            return found
        return wait_until(look, seconds, lambda: f"{self.name} says {pattern!r}; it said:\n{self.tail()}")

    def wait(self, seconds=30):
        """Waits for the end by itself and returns the status."""
        wait_until(lambda: self.status is not None, seconds, f"{self.name} ends")
        return self.status

    def signal(self, number):
        """To the program alone, not to its children."""
        if self.status is None:
            os.kill(self.pid, number)

    def kill(self):
        """SIGKILL, and waits until it is gone. Its children live on."""
        self.signal(signal.SIGKILL)
        return self.popen.wait()

    def stop(self, seconds=30):
        """SIGTERM and its orderly end; SIGKILL for the whole group when it takes too long."""
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self.popen.wait()

    def tail(self, lines=30):
        return "\n".join(self.output().splitlines()[-lines:])

    def resident_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What makes a process believe that it runs on a machine of its own; $1: a folder with that machine's files.
MACHINE = """hostname "$0"
for place in /etc/machine-id /etc/hosts /sys/class/dmi/id /sys/block /proc/sys/kernel/random/boot_id /srv; do
  [ ! -e "$1$place" ] || [ ! -e $place ] || mount --bind "$1$place" $place
done
shift
exec "$@"
"""


class Cable:
    """From an interface of a host to the switch."""

    def __init__(self, lab, host, device, number, network):
        self._lab, self._port, self._bridge = lab, f"p{number}", f"br{network}"
        mac = f"02:77:{os.getpid() >> 8 & 0xff:02x}:{os.getpid() & 0xff:02x}:{network:02x}:{number:02x}"
        sh("ip", "link", "add", device, "netns", host.netns, "address", mac, "type", "veth", "peer", "name", self._port,
           "netns", lab.switch)
        sh("ip", "-n", lab.switch, "link", "set", self._port, "master", self._bridge, "up")
        # No duplicate address detection: addresses work at once.
        host.run("sysctl", "-qw", f"net.ipv6.conf.{device}.accept_dad=0", f"net.ipv6.conf.{device}.dad_transmits=0")
        sh("ip", "-n", host.netns, "link", "set", device, "up")

    def cut(self):
        """It is pulled: no carrier."""
        sh("ip", "-n", self._lab.switch, "link", "set", self._port, "down")

    def lose(self):
        """Silence: the carrier stays, nothing arrives."""
        sh("ip", "-n", self._lab.switch, "link", "set", self._port, "nomaster")

    def restore(self):
        """Ends cut() and lose()."""
        sh("ip", "-n", self._lab.switch, "link", "set", self._port, "master", self._bridge, "up")


class Host:
    """One machine of the network: a namespace with one interface, eth0, on the switch."""

    def __init__(self, lab, name, number, network=0):
        self.lab, self.name, self.number = lab, name, number
        self.netns = f"{lab.prefix}-{name}"
        self.address = self.address6 = ""
        self._network = network
        self._machine = []
        sh("ip", "netns", "add", self.netns)
        sh("ip", "-n", self.netns, "link", "set", "lo", "up")
        self.cable = Cable(lab, self, "eth0", number, network)
        self.set_address(number)

    def join(self, network):
        """A second interface, eth1, in another network; returns its cable and its IPv4 address."""
        number = self.lab.free_number()
        self.lab.make_network(network)
        cable = Cable(self.lab, self, "eth1", number, network)
        address = f"10.{77 + network}.0.{number}"
        sh("ip", "-n", self.netns, "address", "add", f"{address}/24", "brd", "+", "dev", "eth1")
        return cable, address

    def set_address(self, number=None):
        """Replaces both addresses, 10.77.0.N and fd77::N; another N than now when none is named. In network 1 they are
        10.78.0.N and fd78::N."""
        number = number or self.lab.free_number()
        sh("ip", "-n", self.netns, "address", "flush", "dev", "eth0", "scope", "global")
        self.address, self.address6 = f"10.{77 + self._network}.0.{number}", f"fd{77 + self._network}::{number:x}"
        sh("ip", "-n", self.netns, "address", "add", f"{self.address}/24", "brd", "+", "dev", "eth0")
        sh("ip", "-n", self.netns, "address", "add", f"{self.address6}/64", "dev", "eth0", "nodad")

    def inside(self, *command):
        """The command line that runs a command here."""
        # Not `ip netns exec`: it hides the cgroups, and it would not find the project's programs.
        return ["nsenter", f"--net=/run/netns/{self.netns}", "--", *self._machine, find_program(command[0]), *command[1:]]

    def be_machine(self, like=None):
        """What is started here from now on sees a machine of its own: host name, machine id, serial numbers. Those of
        host `like`, for one that shows the same hardware. Returns the folder of its files: an etc/hosts or srv put there
        before a program starts stands at that place for it."""
        folder = self.lab.path("machine-" + (like or self).name)
        numbers = os.path.join(folder, "sys/class/dmi/id")
        if not os.path.exists(folder):
            for name in ("etc", "sys/block", "sys/class/dmi/id"):
                os.makedirs(os.path.join(folder, name))
            for path, text in ((os.path.join(folder, "etc/machine-id"), uuid.uuid4().hex),
                               (os.path.join(numbers, "product_uuid"), str(uuid.uuid4())),
                               (os.path.join(numbers, "board_serial"), uuid.uuid4().hex[:12]),
                               (os.path.join(numbers, "product_serial"), uuid.uuid4().hex[:12])):
                with open(path, "w", encoding="ascii") as file:
                    file.write(text + "\n")
        self._machine = ["unshare", "--mount", "--uts", "sh", "-ec", MACHINE, self.name, folder]
        return folder

    def run(self, *command, check=True, text=True, env=None, **options):
        """Runs a command here to its end. `check`: a status other than 0 is a failure of the test."""
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.inside(*command), capture_output=True, text=text, env=self.lab.environment(env), **options)
        if check and done.returncode != 0:
            raise LabError(f"{self.name}: {' '.join(command)}: status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def start(self, *command, name=None, env=None, cwd=None):
        """Starts a program here in the background. Its log is named after it unless `name` is given; the second of a
        name is NAME-2."""
        name = name or f"{self.name}-{os.path.basename(command[0])}"
        same = sum(re.fullmatch(re.escape(name) + r"(-\d+)?", process.name) is not None for process in self.lab.processes)
        name += f"-{same + 1}" if same else ""
        process = Process(self.lab, name, self.inside(*command), self.lab.environment(env), cwd)
        self.lab.processes.append(process)
        return process

    def cut(self):
        """The cable is pulled: no carrier."""
        self.cable.cut()

    def lose(self):
        """Silence: the carrier stays, nothing arrives."""
        self.cable.lose()

    def restore(self):
        """Ends cut() and lose()."""
        self.cable.restore()

    def limit_rate(self, rate, buffer="64k"):
        """What leaves this host, as tc writes it: "10mbit"; None for no limit."""
        if rate is None:
            sh("tc", "-n", self.netns, "qdisc", "del", "dev", "eth0", "root")
        else:
            sh("tc", "-n", self.netns, "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "32k",
               "limit", buffer)

    def reset_connections(self, port):
        """Resets every TCP connection from or to this port; both ends see it. Returns how many there were."""
        wanted = f"( sport = :{port} or dport = :{port} )"
        rows = self.run("ss", "-HtK", "state", "established", wanted).stdout.splitlines()
        return len([row for row in rows if row.strip()])

    def listening(self, port):
        return bool(self.run("ss", "-Htln", f"sport = :{port}").stdout.strip())

    def wait_for_listener(self, port, seconds=30):
        wait_until(lambda: self.listening(port), seconds, f"{self.name} listens on port {port}")


class Lab:
    """The network and everything that runs in it."""

    def __init__(self):
        if os.geteuid() != 0:
            raise LabError("end-to-end tests need root, for network namespaces")
        self.prefix = f"{PREFIX}{os.getpid()}"
        self.folder = tempfile.mkdtemp(prefix=f"{self.prefix}-")
        self.logs = os.path.join(os.environ.get("JUMP_LAB_LOGS") or self.folder, os.path.basename(self.folder) + "-logs")
        os.makedirs(self.logs, exist_ok=True)
        self.hosts, self.processes, self.closers = {}, [], []
        self._number = 0
        self.switch = f"{self.prefix}-switch"
        atexit.register(self.close)
        # Unwinds the test like Ctrl-C does, so that everything is removed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        remove_leftovers()
        try:
            sh("ip", "netns", "add", self.switch)
            self._networks = set()
            self.make_network(0)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.print_logs()
        self.close()

    def free_number(self):
        self._number += 1
        if self._number > 250:
            raise LabError("250 addresses are used up")
        return self._number

    def make_network(self, network):
        if network in self._networks:
            return
        bridge = f"br{network}"
        sh("ip", "-n", self.switch, "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0",
           "mcast_snooping", "0")
        sh("ip", "-n", self.switch, "link", "set", bridge, "up")
        self._networks.add(network)

    def host(self, name, network=0):
        """Made when it is asked for first. Networks reach each other only where a host of both forwards."""
        if name not in self.hosts:
            self.make_network(network)
            self.hosts[name] = Host(self, name, self.free_number(), network)
        return self.hosts[name]

    def path(self, *parts):
        """A path in the lab's own folder."""
        return os.path.join(self.folder, *parts)

    def environment(self, more=None):
        base = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
                if name in os.environ}
        base |= {"HOME": self.folder, "LANG": "C.UTF-8", "TERM": "xterm-256color", "SHELL": "/bin/bash"}
        return base | (more or {})

    def print_logs(self):
        for process in self.processes:
            print(f"--- {process.name} ({process.log_path}), status {process.status}:\n{process.tail()}", flush=True)

    def close(self):
        """Ends everything. May be called twice."""
        atexit.unregister(self.close)
        for closer in reversed(self.closers):
            closer()
        self.closers.clear()
        for process in reversed(self.processes):
            process.stop(seconds=0 if process.status is not None else 2)
        self.processes.clear()
        kill_writers(lambda folder: folder == self.logs)
        remove_namespaces(self.prefix)
        self.hosts.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_namespaces(prefix):
    """With every process that still runs inside: daemons leave their process groups."""
    names = [row.split()[0] for row in sh("ip", "netns", "list").splitlines() if row]
    for name in (name for name in names if name.startswith(prefix + "-")):
        for pid in sh("ip", "netns", "pids", name).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", name], check=False)


def kill_writers(wanted):
    """What still writes to a log in a folder that is wanted, and the children of it: session processes are nobody's
    children, and outlive the service that started them."""
    parents, found = {}, set()
    for one in processes():
        parents[one.pid] = one.parent
        if wanted(os.path.dirname(one.standard_error)):
            found.add(one.pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    for pid in found - {os.getpid()}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def remove_leftovers():
    """What labs left whose process is gone: session processes, namespaces, terminals, folders. One program at a time:
    two may begin together."""
    turn = os.open(tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _remove_leftovers()
    finally:
        os.close(turn)


def _remove_leftovers():
    def left(name):
        found = re.match(rf"({PREFIX}(\d+))-", name)
        return found.group(1) if found and not os.path.exists(f"/proc/{found.group(2)}") else None

    kill_writers(lambda folder: left(os.path.basename(folder)))
    for row in sh("ip", "netns", "list").splitlines():
        if left(row):
            remove_namespaces(left(row))
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), PREFIX + "*")):
        if left(os.path.basename(folder)):
            for terminal in glob.glob(os.path.join(folder, "*.tmux")):
                subprocess.run(["tmux", "-S", terminal, "kill-server"], capture_output=True, check=False)
            shutil.rmtree(folder, ignore_errors=True)
