#!/usr/bin/env python3
"""Browsing the network of a Jumpoint, and starting with what was found. The sweep itself is tested beside its code, on
300 machines; here it goes through appliance and console, with people who may and may not."""

import json
import os
import signal
import unittest

import behind
import case
import lab
import suite

LONG = os.environ.get("JUMP_LONG") == "1"
HOSTS = 300 if LONG else 12
INTEL = "00:1b:21:00:00:07"
USER = "root"


class Browse(unittest.TestCase):
    """The appliance stands in another network than the node's hosts; the node reaches both."""

    @classmethod
    def setUpClass(cls):
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
        cls.start_sshd()
        cls.node = behind.Node(cls.console, "lab", "node", host=cls.machine, allow=("10.78.0.0/24:*",))
        cls.node.start()
        cls.token = json.loads(cls.console.run("token", "create", "browsing", "--json"))["token"]

    @classmethod
    def make_hosts(cls):
        """Machines on one cable, in one namespace; answers go out by the card that was asked."""
        lan = cls.lab.host("lan", network=1)
        lan.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2",
                "net.ipv6.conf.eth0.disable_ipv6=1")
        lan.run("ip", "address", "flush", "dev", "eth0")
        addresses, lines = set(), []
        for number in range(HOSTS):
            # All of them in one /24 when there are few; a second one beside it for many.
            address = f"10.78.{number // 200}.{number % 200 + 40}"
            lines += [f"link add h{number} link eth0 type macvlan mode bridge", f"link set h{number} up",
                      f"addr add {address}/23 dev h{number}"]
            addresses.add(address)
        lan.run("ip", "-batch", "-", input="\n".join(lines), stdin=None)
        cls.machine.run("ip", "address", "flush", "dev", "eth1", "scope", "global")
        cls.machine.run("ip", "address", "add", "10.78.0.250/23", "brd", "+", "dev", "eth1")
        return addresses

    @classmethod
    def start_sshd(cls):
        key = cls.lab.path("sshd_key")
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        os.makedirs("/run/sshd", exist_ok=True)
        cls.box.start("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", key, "-o", f"ListenAddress={cls.box.address}", "-o", "PidFile=none")
        cls.box.wait_for_listener(22)

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())

    def jump(self, *words, console=None):
        console = console or self.console
        return self.server.run(*console.words(*words), env=console.environment, check=False)

    def site(self, **settings):
        url = f"https://{self.suite.address}/api/config/v1/site"
        self.server.run("curl", "-skf", "-X", "PATCH", "-H", f"Authorization: Bearer {self.token}", "-H", "Content-Type: application/json",
                        "-d", json.dumps(settings), url)

    def events(self):
        return [json.loads(line) for line in self.console.run("events", "--json").splitlines() if '"jumpoint.browse"' in line]

    def forget(self):
        """What was found is kept for a minute; not by an appliance that is started anew."""
        self.suite.process.stop()
        self.suite.start()
        lab.wait_until(self.node_is_there, 30, "the node is back")

    def node_is_there(self):
        """As the appliance sees it; the node itself may not have noticed yet that its tunnel is gone."""
        return any(node["online"] for node in json.loads(self.console.run("jumpoint", "nodes", "lab", "--json")))

    def browse(self):
        done = self.jump("browse", "lab", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        hosts = {line["host"]["id"]: line["host"] for line in lines if "host" in line}
        return list(hosts.values()), lines[-1]["end"], done.stderr

    def test_1_everything_is_found_once_and_kept_for_a_minute(self):
        hosts, end, _ = self.browse()
        addresses = {address for host in hosts for address in host["addresses"] if ":" not in address}
        self.assertLessEqual(self.found | {self.box.address}, addresses)
        box = next(host for host in hosts if self.box.address in host["addresses"])
        self.assertEqual((box["mac"], box["ports"]), (INTEL, [22]))
        if os.path.exists("/usr/share/ieee-data/oui.csv"):
            self.assertIn("Intel", box["vendor"])
        self.assertEqual(end["hosts"], len(hosts))
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
        self.site(network_browsing=False)
        try:
            done = self.jump("browse", "lab")
            self.assertEqual((done.returncode, done.stdout), (255, ""))
            self.assertEqual(done.stderr, "jump: Network browsing is switched off for this site; type a host name or address.\n")
            typed = self.jump("exec", "--batch", f"lab/nobody@{self.box.address}", "--", "true")
            self.assertNotIn("switched off", typed.stderr)
        finally:
            self.site(network_browsing=True)

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

    def children(self, role):
        """Of the node's supervisor."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if parent == self.node.process.pid and words[1:2] == [role.encode()]:
                found.append(int(entry))
        return found

    def refusal_without_node(self):
        done = self.jump("browse", "lab")
        return done.stderr if "no node" in done.stderr else None


if __name__ == "__main__":
    case.need("/usr/sbin/sshd", "setpriv", "curl")
    case.main()
