#!/usr/bin/env python3
"""Browsing the network of a Jumpoint, and starting with what was found. The sweep itself is tested beside its code, on
300 machines; here it goes through appliance and console, with people who may and may not.

JUMP_LONG=1: 300 machines here too, and 100 sweeps one after the other, which leave nothing behind in memory."""

import json
import os
import signal
import unittest

import behind
import case
import lab
import suite
from processes import processes
from terminal import Terminal

LONG = os.environ.get("JUMP_LONG") == "1"
HOSTS = 300 if LONG else 12
INTEL = "00:1b:21:00:00:07"
USER = "jumpbrowseuser"
PASSWORD = "Tr0ub4dor and 5"
SWEEPS = 100


class BrowseCase(behind.PeopleOfThisMachine, unittest.TestCase):
    """The appliance stands in another network than the node's hosts; the node reaches both."""

    USER, PASSWORD = USER, PASSWORD
    hosts, bits = HOSTS, 23

    @classmethod
    def setUpClass(cls):
        cls.make_user()
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        try:
            cls.make()
        except BaseException:
            cls.lab.print_logs()
            raise

    @classmethod
    def make(cls):
        cls.server = cls.lab.host("server")
        cls.suite = suite.Suite(cls.lab, host=cls.server, address=cls.server.address)
        cls.suite.start()
        cls.console = cls.suite.console(host=cls.server)
        cls.console.run("jumpoint", "add", "lab", "--shell-jump", "on")
        cls.machine = cls.lab.host("node")
        cls.machine.join(1)
        cls.found = cls.make_hosts()
        cls.box = cls.lab.host("box", network=1)
        lab.sh("ip", "-n", cls.box.netns, "link", "set", "eth0", "address", INTEL)
        cls.start_sshd(cls.box, cls.box.address)
        cls.make_odd_hosts()
        cls.node = behind.Node(cls.console, "lab", "node", host=cls.machine, allow=("10.78.0.0/24:*",))
        # Session processes are nobody's children.
        cls.addClassCleanup(cls.node.die)
        cls.node.start()
        lab.wait_until(cls.node_has_told, 30, "the node has told what it can")

    @classmethod
    def make_hosts(cls):
        """Machines on one cable, in one namespace; answers go out by the card that was asked."""
        lan = cls.lab.host("lan", network=1)
        lan.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2",
                "net.ipv6.conf.eth0.disable_ipv6=1", "net.ipv6.conf.default.accept_dad=0")
        lan.run("ip", "address", "flush", "dev", "eth0")
        addresses, lines = set(), []
        for number in range(cls.hosts):
            # All of them in one /24 when there are few; a second one beside it for many.
            address = f"10.78.{number // 200}.{number % 200 + 40}"
            lines += [f"link add h{number} link eth0 type macvlan mode bridge", f"link set h{number} up",
                      f"addr add {address}/{cls.bits} dev h{number}"]
            addresses.add(address)
        lan.run("ip", "-batch", "-", input="\n".join(lines), stdin=None)
        cls.machine.run("ip", "address", "flush", "dev", "eth1", "scope", "global")
        cls.machine.run("ip", "address", "add", f"10.78.0.30/{cls.bits}", "brd", "+", "dev", "eth1")
        return addresses

    @classmethod
    def make_odd_hosts(cls):
        """`six` has IPv6 alone, `old` Telnet; `near` and `far` do not answer who asks from another subnet than theirs:
        the node has an address in that of `near`, and none in that of `far`."""
        cls.six, cls.old, cls.near, cls.far = (cls.lab.host(name, network=1) for name in ("six", "old", "near", "far"))
        cls.machine.run("ip", "address", "add", "10.90.0.2/28", "brd", "+", "dev", "eth1")
        cls.machine.run("ip", "address", "add", "fd78::30/64", "dev", "eth1", "nodad")
        cls.six.run("ip", "-4", "address", "flush", "dev", "eth0")
        for host, address in ((cls.near, "10.90.0.5"), (cls.far, "10.91.0.5")):
            host.run("ip", "address", "flush", "dev", "eth0", "scope", "global")
            host.run("ip", "address", "add", address + "/28", "dev", "eth0")
            host.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=2")
            host.address = address
        cls.start_sshd(cls.six, "::")
        cls.old.start("socat", f"TCP-LISTEN:23,bind={cls.old.address},reuseaddr,fork", "EXEC:'/usr/sbin/telnetd -h'")
        cls.old.wait_for_listener(23)

    @classmethod
    def start_sshd(cls, host, address):
        key = cls.lab.path(host.name + "_key")
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        os.makedirs("/run/sshd", exist_ok=True)
        host.start("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", key, "-o", f"ListenAddress={address}", "-o", "PidFile=none",
                   "-o", "UsePAM=yes")
        host.wait_for_listener(22)

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())

    def jump(self, *words, console=None):
        console = console or self.console
        return self.server.run(*console.words(*words), env=console.environment, check=False)

    def events(self):
        return [json.loads(line) for line in self.console.run("events", "--json").splitlines() if '"jumpoint.browse"' in line]

    def forget(self):
        """What was found is kept for a minute; not by an appliance that is started anew."""
        self.suite.process.stop()
        self.suite.start()
        lab.wait_until(self.node_has_told, 30, "the node is back")

    @classmethod
    def node_has_told(cls):
        """As the appliance sees it; the node itself may not have noticed yet that its tunnel is gone."""
        return any(node["online"] and node["abilities"] for node in json.loads(cls.console.run("jumpoint", "nodes", "lab", "--json")))

    def browse(self):
        done = self.jump("browse", "lab", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        hosts = {line["host"]["id"]: line["host"] for line in lines if "host" in line}
        return list(hosts.values()), lines[-1]["end"], done.stderr

    @staticmethod
    def mac_of(host):
        return json.loads(host.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"]

    def children(self, role):
        """Of the node's supervisor."""
        return [one.pid for one in processes()
                if one.parent == self.node.process.pid and one.words[1:2] == [role]]

    def terminal(self, *words):
        terminal = Terminal(self.lab, self.console.words(*words), host=self.server, env=self.console.environment)
        self.addCleanup(terminal.close)
        return terminal


class Browse(BrowseCase):
    def test_1_everything_is_found_once_and_kept_for_a_minute(self):
        hosts, end, _ = self.browse()
        addresses = {address for host in hosts for address in host["addresses"] if ":" not in address}
        self.assertLessEqual(self.found | {self.box.address}, addresses)
        box = next(host for host in hosts if self.box.address in host["addresses"])
        self.assertEqual((box["mac"], box["ports"]), (INTEL, [22]))
        if os.path.exists("/usr/share/ieee-data/oui.csv"):
            self.assertIn("Intel", box["vendor"])
        self.assertEqual(end["hosts"], len(hosts))
        self.check_odd_hosts({host["mac"]: host for host in hosts})
        self.assertNotIn("no right", " ".join(end["notes"]))
        if LONG:
            print(f"{len(hosts)} machines in {end['milliseconds']} ms, {end['packets']} packets")
        done = self.jump("browse", "lab")
        self.assertIn("from a sweep of the last minute", done.stderr)
        self.assertRegex(done.stdout, rf"(?m)^{self.box.address} +{INTEL} .*ssh")
        self.assertEqual(len(done.stdout.splitlines()), len(hosts))
        self.assertRegex(done.stderr, r"start with `jump shell lab/ADDRESS`")
        events = lab.wait_until(self.events, 10, "the sweep is an event")
        self.assertEqual(len(events), 1)
        self.assertIn("10.78.0.0/23 on eth1", events[0]["details"]["swept"])

    def check_odd_hosts(self, by_mac):
        six, old, near, far = (by_mac[self.mac_of(host)] for host in (self.six, self.old, self.near, self.far))
        self.assertEqual([address for address in six["addresses"] if ":" not in address], [])
        self.assertIn(self.six.address6, six["addresses"])
        self.assertEqual(six["ports"], [22])
        self.assertEqual(old["ports"], [23])
        self.assertIn(self.near.address, near["addresses"])
        # Its answers to IPv6 are all that there is of it.
        self.assertEqual([address for address in far["addresses"] if not address.startswith("fe80:")], [])

    def test_2_a_session_starts_with_what_was_found(self):
        password = self.lab.path("wrong")
        with open(password, "w", encoding="ascii") as file:
            file.write("not the password\n")
        words = ("exec", f"lab/{USER}@{self.box.address}", "--password-file", password, "--", "true")
        asked = self.jump(*words)
        self.assertEqual(asked.returncode, 255)
        self.assertIn("host key", asked.stderr)
        refused = self.jump("exec", "--accept-new-host-key", *words[1:])
        self.assertEqual(refused.returncode, 255)
        # The key is kept for the next time, and for everybody on the Jumpoint.
        again = self.jump(*words)
        self.assertNotIn("host key", again.stderr)
        events = self.console.run("events", "--json")
        self.assertIn(f"confirmed the host key of lab/{self.box.address} on first use", events)
        session = self.console.sessions()[0]
        self.assertEqual(session["jump_client_name"], f"lab/{self.box.address}")
        self.assertNotIn("asset_id", session)

    def test_3_the_site_may_switch_it_off(self):
        self.jump("browse", "lab")
        self.console.run("site", "edit", "--network-browsing", "off")
        try:
            done = self.jump("browse", "lab")
            self.assertEqual((done.returncode, done.stdout), (255, ""))
            self.assertEqual(done.stderr, "jump: Network browsing is switched off for this site; type a host name or address.\n")
            typed = self.jump("exec", "--batch", f"lab/nobody@{self.box.address}", "--", "true")
            self.assertNotIn("switched off", typed.stderr)
        finally:
            self.console.run("site", "edit", "--network-browsing", "on")
        # What had been found is not kept while nobody may look at it.
        self.assertEqual(json.loads(self.console.run("site", "show", "--json"))["network_browsing"], True)
        self.assertNotIn("of the last minute", self.browse()[2])

    def test_4_who_is_not_on_the_jumpoint_sees_nothing(self):
        self.console.run("user", "add", "guest", "--password-file", self.suite.password)
        guest = suite.Console.__new__(suite.Console)
        guest.suite, guest.host, guest.home = self.suite, self.server, self.lab.path("guest")
        guest.environment, guest.program = self.lab.environment({"JUMP_HOME": guest.home}), self.console.program
        guest.run("login", f"https://{self.suite.address}", "--user", "guest", "--password-file", self.suite.password, "--ca-pin", self.suite.pin)
        self.assertIn("there is no Jumpoint 'lab'", self.jump("browse", "lab", console=guest).stderr)
        shell = self.jump("exec", f"lab/{self.box.address}", "--", "true", console=guest)
        self.assertIn("there is no", shell.stderr)
        self.console.run("jumpoint", "users", "lab", "--add", "guest")
        self.assertEqual(self.jump("browse", "lab", console=guest).returncode, 0)

    def test_5_without_the_right_for_frames_it_finds_less_and_says_so(self):
        self.node.process.stop()
        words = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin"]
        self.node.process = self.machine.start(*words, self.node.program, "--config", self.node.config, "run", name="node-poor")
        self.forget()
        hosts, end, said = self.browse()
        self.assertIn("no right to send them", " ".join(end["notes"]))
        self.assertIn("no right to send them", said)
        addresses = {address for host in hosts for address in host["addresses"]}
        self.assertLessEqual(self.found | {self.box.address}, addresses)
        self.node.process.stop()
        self.node.start()

    def test_6_a_node_that_dies_in_the_middle_is_said(self):
        self.forget()
        asking = self.server.start(*self.console.words("browse", "lab", "--json"), name="browse-cut", env=self.console.environment)
        helper = lab.wait_until(lambda: self.children("browse"), 15, "the helper runs")
        for pid in [*self.children("tunnel"), *helper, self.node.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(asking.wait(), 255)
        self.assertIn("was lost in the middle; ask again", asking.output())
        self.node.process.popen.wait()
        nobody = lab.wait_until(lambda: self.refusal_without_node(), 15, "nobody is there")
        self.assertEqual(nobody, "jump: The network of lab cannot be browsed: no node of it is online.\n")
        self.node.start()

    def refusal_without_node(self):
        done = self.jump("browse", "lab")
        return done.stderr if "no node" in done.stderr else None

    def test_7_a_shell_by_ssh_with_a_password_that_is_typed(self):
        terminal = self.terminal("shell", f"lab/{USER}@{self.box.address}")
        # Earlier tests may have confirmed the key.
        if "host key" in terminal.wait_for(r"host key|assword.*:\s*$").group():
            terminal.wait_for(r"\?.*$")
            terminal.type("yes\n")
        terminal.wait_for(r"assword.*:\s*$")
        terminal.type(PASSWORD + "\n")
        self.work_in(terminal)
        self.assertNotIn(PASSWORD, terminal.history())

    def test_8_a_shell_by_telnet(self):
        terminal = self.terminal("shell", "--telnet", f"lab/{self.old.address}")
        terminal.wait_for(r"login: ?$")
        terminal.type(USER + "\n")
        terminal.wait_for(r"Password: ?$")
        terminal.type(PASSWORD + "\n")
        self.work_in(terminal)

    def work_in(self, terminal):
        terminal.wait_for(r"\$ ?$")
        terminal.type("clear; echo I am $(id -un), $((6 * 7))\n")
        terminal.wait_for(f"^I am {USER}, 42$")
        terminal.type("exit\n")
        terminal.status()


@unittest.skipUnless(LONG, "JUMP_LONG")
class Memory(BrowseCase):
    """A quarter of a /24: a sweep of it ends soon."""

    hosts, bits = 60, 25

    def test_100_sweeps_leave_nothing_behind(self):
        figures = {}
        for number in range(1, SWEEPS + 1):
            self.sweep_anew()
            if number % 10 == 0:
                figures[number] = self.resident()
                print(f"after {number} sweeps, KiB: {figures[number]}", flush=True)
        for name, kib in figures[SWEEPS].items():
            # What a process keeps for the next time it has after a few; then nothing is added.
            self.assertLessEqual(kib, figures[20][name] + 2048, f"{name} grows: {figures}")

    def sweep_anew(self):
        """Without the minute for which a sweep is kept: switching it off makes the appliance forget."""
        def swept():
            self.console.run("site", "edit", "--network-browsing", "off")
            self.console.run("site", "edit", "--network-browsing", "on")
            hosts, _, said = self.browse()
            return None if "of the last minute" in said else hosts
        found = {address for host in lab.wait_until(swept, 60, "a sweep that is not a kept one") for address in host["addresses"]}
        self.assertLessEqual(self.found | {self.box.address}, found)

    def resident(self):
        (tunnel,) = self.children("tunnel")
        return {"appliance": self.suite.process.resident_kib(), "supervisor": self.node.process.resident_kib(),
                "tunnel": behind.resident_kib(tunnel)}


if __name__ == "__main__":
    case.need("/usr/sbin/sshd", "/usr/sbin/telnetd", "setpriv", "socat")
    case.main()
