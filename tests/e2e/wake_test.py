#!/usr/bin/env python3
"""Waking machines that are off, through neighbours that are on: the right ones, with frames that third parties read and
make alike, and an answer for everything that stands in the way."""

import json
import os
import signal
import unittest

import case
import lab
import sites
import suite

LONG = os.environ.get("JUMP_LONG") == "1"
PASSWORD4, PASSWORD6 = "192.168.1.1", "01:02:03:04:05:06"
WAYS = ["192.168.1.255:7", "192.168.1.255:9", "255.255.255.255:7", "255.255.255.255:9", "raw"]


class Wake(unittest.TestCase):
    """Site a has the helpers a1 and a2 and the sleepers; site b has b1, which looks as near as they do."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        try:
            cls.sites = sites.Sites(cls.lab)
            cls.console = cls.sites.console
            cls.helpers = [cls.sites.client("a", "a1"), cls.sites.client("b", "b1")]
        except BaseException:
            cls.lab.print_logs()
            raise

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())

    def sleeper(self, name, site="a", prepare=None):
        """A machine that was online once and is off now; its card still hears."""
        client = self.sites.client(site, name, start=False)
        if prepare:
            prepare(client.host)
        client.start()
        # Known with its gateway before it goes.
        lab.wait_until(lambda: (self.info(name).get("inventory") or {}).get("interfaces"), 15, "its interfaces are known")
        self.power_off(client)
        return client

    def power_off(self, client):
        for pid in [*client.processes("tunnel"), client.process.pid]:
            os.kill(pid, signal.SIGKILL)
        client.process.popen.wait()
        lab.wait_until(lambda: not self.info(client.name)["online"], 60, f"{client.name} is offline")

    def info(self, name):
        return json.loads(self.console.run("info", name, "--json"))

    def jump(self, *words, **options):
        return self.sites.server.run(*self.console.words(*words), env=self.console.environment, check=False, **options)

    def wake(self, name, *words):
        done = self.jump("wake", name, "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def file(self, name, text):
        path = self.lab.path(name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text + "\n")
        return path

    def events(self, what):
        return [json.loads(line) for line in self.console.run("events", "--json").splitlines() if f'"{what}"' in line]

    def event_of(self, name):
        asset = f"asset:{self.info(name)['id']}"
        return lab.wait_until(lambda: [one for one in self.events("asset.wake") if one["object"] == asset], 15, "the attempt is an event")

    def test_the_helper_is_of_the_right_site_and_sniffers_read_its_frames(self):
        sleeper = self.sleeper("sleeper")
        mac = sites.mac_of(sleeper.host)
        hint = self.info("sleeper")["wake"]
        self.assertEqual(hint, {"possible": True, "reason": "", "text": "could be woken by a1"})
        there, elsewhere = sites.Sniffer(sleeper.host), sites.Sniffer(self.sites.gateways["b"])
        attempt = self.wake("sleeper", "--password-file", self.file("secureon", PASSWORD6))
        again = self.jump("wake", "sleeper", "--wait")
        self.assertEqual(again.returncode, 255)
        self.assertRegex(again.stderr, r"^jump: 'sleeper' was woken \d+ s ago; again in \d+ s\n$")
        there.wait_for(15)
        self.assertEqual(sorted(there.rows()), sorted((way, mac, PASSWORD6) for way in WAYS * 3))
        self.assertEqual(elsewhere.rows(), [])
        self.assertEqual([helper["name"] for helper in attempt["helpers"]], ["a1"])
        helper = attempt["helpers"][0]
        self.assertTrue(helper["same_gateway"] and helper["sent"])
        self.assertEqual(helper["text"], "on eth0: UDP to 192.168.1.255 and 255.255.255.255 (ports 7 and 9), Ethernet frames; 3 times")
        self.assertEqual(attempt["state"], "watching")

        sleeper.start()
        event = self.event_of("sleeper")
        self.assertEqual(len(event), 1, "one event for the whole attempt")
        self.assertEqual(event[0]["result"], "ok")
        self.assertRegex(event[0]["text"], r"^'sleeper' is online, \d+ s after the first order$")
        self.assertEqual(event[0]["details"]["helpers"], attempt["helpers"])
        self.assertNotIn("01:02:03", json.dumps(event))
        online = self.jump("wake", "sleeper")
        self.assertEqual(online.stderr, "jump: 'sleeper' is online already\n")

    def console_in_background(self, name, *words):
        return self.sites.server.start(*self.console.words(*words), name=name, env=self.console.environment)

    def test_who_waits_is_told_when_it_comes_up(self):
        sleeper = self.sleeper("riser")
        waiting = self.console_in_background("riser-wait", "wake", "riser", "--wait")
        waiting.wait_for_output("waiting for riser")
        sleeper.start()
        self.assertEqual(waiting.wait(), 0)
        self.assertRegex(waiting.output(), r"a1 \(agent:\d+, same gateway\): on eth0: UDP to")
        self.assertRegex(waiting.output(), r"'riser' is online, \d+ s after the first order")

    @unittest.skipUnless(LONG, "five minutes: with JUMP_LONG=1; unit tests show the same on a clock of their own")
    def test_who_waits_is_told_when_it_does_not_come(self):
        self.sleeper("corpse")
        done = self.jump("wake", "corpse", "--wait", timeout=400)
        self.assertEqual(done.returncode, 255)
        self.assertRegex(done.stderr, r"'corpse' did not come online within 30\d s; magic packets were sent by 1 helper")
        self.assertEqual(self.event_of("corpse")[0]["result"], "failed")

    def test_the_bytes_are_those_of_wakeonlan_and_etherwake(self):
        sleeper = self.sleeper("twin")
        mac = sites.mac_of(sleeper.host)
        ours = sites.Sniffer(sleeper.host)
        self.wake("twin", "--password-file", self.file("secureon4", PASSWORD4))
        ours.wait_for(15)
        ours.stop()
        theirs = sites.Sniffer(sleeper.host)
        helper = self.helpers[0].host
        helper.run("etherwake", "-b", "-i", "eth0", "-p", PASSWORD4, mac)
        helper.run("wakeonlan", "-i", "192.168.1.255", "-p", "9", mac)
        theirs.wait_for(2)
        frames = ours.frames()
        raw, datagram = sorted(theirs.frames(), key=lambda frame: frame[12:14] != b"\x08\x42")
        self.assertEqual({frame for frame in frames if frame[12:14] == b"\x08\x42"}, {raw})
        # wakeonlan knows no passwords: its packet is ours without the four bytes.
        same = [frame for frame in frames if frame[12:14] == b"\x08\x00" and frame[30:34] == datagram[30:34] and frame[36:38] == datagram[36:38]]
        self.assertEqual(len(same), 3)
        for frame in same:
            self.assertEqual(frame[42:144], datagram[42:])
            self.assertEqual(frame[144:], bytes([192, 168, 1, 1]))
            self.assertEqual(frame[:14], datagram[:14])

    def test_both_cards_of_a_machine_are_called(self):
        def second(host):
            lab.sh("ip", "-n", host.netns, "link", "add", "eth1", "address", "02:77:ff:00:00:01", "type", "veth", "peer", "name", "far")
            lab.sh("ip", "-n", host.netns, "link", "set", "eth1", "up")
            lab.sh("ip", "-n", host.netns, "link", "set", "far", "up")
        sleeper = self.sleeper("twocards", prepare=second)
        sniffer = sites.Sniffer(sleeper.host)
        self.wake("twocards")
        sniffer.wait_for(30)
        called = {mac for _, mac, _ in sniffer.rows()}
        self.assertIn(sites.mac_of(sleeper.host), called)
        self.assertIn("02:77:ff:00:00:01", called)

    def test_what_stands_in_the_way_is_said_before_and_after(self):
        self.console.run("user", "add", "viewer", "--password-file", self.sites.suite.password)
        self.sleeper("alone", site="b")
        self.power_off(self.helpers[1])
        try:
            hint = self.info("alone")["wake"]
            self.assertEqual((hint["possible"], hint["reason"]), (False, "no_helper"))
            refused = self.jump("wake", "alone")
            self.assertEqual(refused.returncode, 255)
            gateway = sites.mac_of(self.sites.gateways["b"])
            self.assertEqual(refused.stderr, f"jump: 'alone' cannot be woken now: no Jump Client and no Jumpoint node that is online "
                             f"is on its network (gateway 192.168.1.1 at {gateway})\n")
        finally:
            self.helpers[1].start()
        suite.Client(self.sites.suite, self.sites.key, "unborn", host=self.sites.machine("a", "unborn"))
        refused = self.jump("wake", "unborn")
        self.assertEqual(refused.stderr, "jump: 'unborn' cannot be woken: it has never been online, so no MAC address of it is known\n")
        self.assertIn("never been online", self.console.run("info", "unborn"))

        bad = self.jump("wake", "alone", "--password-file", self.file("bad", "1.2.3"))
        self.assertEqual(bad.returncode, 255)
        self.assertIn("password", bad.stderr)
        self.assertNotIn("1.2.3", bad.stderr)

        viewer = self.sites.suite.console("viewer", host=self.sites.server)
        viewer.run("login", f"https://{self.sites.suite.address}", "--user", "viewer", "--password-file", self.sites.suite.password,
                   "--ca-pin", self.sites.suite.pin)
        unseen = self.sites.server.run(*viewer.words("wake", "alone"), env=viewer.environment, check=False)
        self.assertEqual(unseen.returncode, 255)
        self.console.run("group", "members", "default", "--add", "viewer", "--role", "Auditor")
        denied = self.sites.server.run(*viewer.words("wake", "alone"), env=viewer.environment, check=False)
        self.assertEqual(denied.stderr, "jump: Your role does not allow to wake assets of this group.\n")

    def test_a_helper_that_dies_in_the_middle_is_told_from_one_that_sent(self):
        self.sleeper("patient")
        second = self.sites.client("a", "a2")
        lab.wait_until(lambda: (self.info("a2").get("inventory") or {}).get("interfaces"), 30, "its interfaces are known")
        try:
            os.kill(second.process.pid, signal.SIGSTOP)  # its supervisor gets the order and does nothing
            waiting = self.console_in_background("patient-wake", "wake", "patient", "--json")
            asked = lab.wait_until(lambda: self.running_attempt("patient"), 15, "two helpers are asked")
            self.assertEqual({helper["name"] for helper in asked["helpers"]}, {"a1", "a2"})
            for pid in second.processes("tunnel"):
                os.kill(pid, signal.SIGKILL)
            self.assertEqual(waiting.wait(), 0)
            texts = {helper["name"]: helper["text"] for helper in json.loads(waiting.output())["helpers"]}
            self.assertEqual(texts["a2"], "no report: its tunnel was lost")
            self.assertIn("3 times", texts["a1"])
        finally:
            os.kill(second.process.pid, signal.SIGCONT)
            self.power_off(second)

    def running_attempt(self, name):
        if not hasattr(self, "token"):
            self.token = json.loads(self.console.run("token", "create", "sniffing", "--json"))["token"]
            self.number = self.info(name)["id"]
        url = f"https://{self.sites.suite.address}/api/config/v1/jump-client/{self.number}/wake"
        answer = json.loads(self.sites.server.run("curl", "-sk", "-H", f"Authorization: Bearer {self.token}", url).stdout)
        return answer if "helpers" in answer else None

    def test_a_helper_without_the_right_for_frames_sends_datagrams_and_says_so(self):
        self.sleeper("plain", site="b")
        poor = self.helpers[1]
        self.power_off(poor)
        host = poor.host
        words = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin"]
        poor.process = host.start(*words, poor.program, "--config", poor.config, "run", name="b1-poor")
        lab.wait_until(poor.online, 20, "b1 is online without rights")
        try:
            attempt = self.wake("plain")
            self.assertRegex(attempt["helpers"][0]["text"],
                             r"on eth0: UDP to 192\.168\.1\.255 and 255\.255\.255\.255 \(ports 7 and 9\); 3 times \(not sent: .*right")
        finally:
            self.power_off(poor)
            poor.start()

    def test_the_endpoints_own_file_may_forbid_it(self):
        self.sleeper("shy", site="b")
        modest = self.helpers[1]
        self.power_off(modest)
        with open(modest.config, "a", encoding="ascii") as file:
            file.write("kinds: [shell]\n")
        modest.start()
        try:
            lab.wait_until(lambda: not self.info("shy")["wake"]["possible"], 15, "b1 is no helper any more")
        finally:
            self.power_off(modest)
            with open(modest.config, "r+", encoding="ascii") as file:
                text = file.read().replace("kinds: [shell]\n", "")
                file.seek(0)
                file.truncate()
                file.write(text)
            modest.start()

    def test_interfaces_are_reported_when_they_change(self):
        host = self.helpers[0].host
        gateway = sites.mac_of(self.sites.gateways["a"])

        def interface(name):
            found = [one for one in self.info("a1")["inventory"]["interfaces"] if one["name"] == name]
            return found[0] if found else None
        eth0 = interface("eth0")
        self.assertEqual(eth0["gateways"], [{"address": "192.168.1.1", "mac": gateway}])
        self.assertEqual(eth0["mac"], sites.mac_of(host))
        host.run("ip", "link", "add", "br7", "type", "bridge")
        host.run("ip", "link", "add", "in7", "type", "veth", "peer", "name", "out7")
        host.run("ip", "link", "set", "in7", "master", "br7", "up")
        host.run("ip", "link", "set", "br7", "up")
        host.run("ip", "link", "set", "out7", "up")
        try:
            member = lab.wait_until(lambda: (interface("in7") or {}).get("member_of") and interface("in7"), 5, "the bridge is reported")
            self.assertEqual((member["kind"], member["member_of"]), ("veth", "br7"))
            self.assertEqual(interface("br7")["kind"], "bridge")
        finally:
            host.run("ip", "link", "del", "br7")
            host.run("ip", "link", "del", "in7")
        lab.wait_until(lambda: interface("br7") is None, 5, "it is gone again")
        self.assertIn(f"gateway 192.168.1.1 at {gateway}", self.console.run("info", "a1"))

    def test_an_appliance_that_stops_in_the_middle_still_writes_the_event(self):
        self.sleeper("cutshort")
        self.wake("cutshort")
        self.sites.suite.process.stop()
        self.sites.suite.start()
        for helper in self.helpers:
            lab.wait_until(lambda: self.info(helper.name)["online"], 30, f"{helper.name} is back")
        event = self.event_of("cutshort")
        self.assertEqual(len(event), 1)
        self.assertIn("the appliance was stopped", event[0]["text"])


if __name__ == "__main__":
    case.need("tcpdump", "tshark", "wakeonlan", "etherwake", "nft", "setpriv")
    case.main()
