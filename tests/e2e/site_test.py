#!/usr/bin/env python3
"""The settings of the whole site, by the console."""

import json
import os
import re
import unittest

import case
import lab
import suite

LONG = os.environ.get("JUMP_LONG") == "1"

# Another value than the one of a new appliance for each option, and how the API has it.
CHANGES = {
    "name": ("Bikes & Co", "site_name", "Bikes & Co"),
    "lost-days": ("3", "lost_days", 3),
    "absence-days": ("90", "absence_days", 90),
    "uninstalled": ("remove", "uninstalled", "remove"),
    "mass-removal": ("allow", "mass_removal", "allow"),
    "wait-limit": ("120", "wait_limit_seconds", 120),
    "statistics-interval": ("60", "statistics_interval_seconds", 60),
    "statistics": ("cpu,disk", "statistics", ["cpu", "disk"]),
    "adopt": ("ask", "adopt", "ask"),
    "clones": ("ask", "clones", "ask"),
    "recording": ("best_effort", "recording", "best_effort"),
    "retention-days": ("30", "retention_days", 30),
    "retention-gib": ("500", "retention_gib", 500),
    "console-token": ("60", "console_token_minutes", 60),
    "api-token": ("30", "api_token_days", 30),
    "account-token": ("600", "account_token_seconds", 600),
    "network-browsing": ("off", "network_browsing", False),
    "addresses": ("jump.example.org:443,[2001:db8::1]:8443", "addresses", ["jump.example.org:443", "[2001:db8::1]:8443"]),
}


class Site(case.LabCase):
    def setUp(self):
        super().setUp()
        self.server = self.lab.host("server")
        self.suite = suite.Suite(self.lab, host=self.server, address=self.server.address)
        self.suite.start()
        self.console = self.suite.console(host=self.server)

    def jump(self, *words, console=None):
        console = console or self.console
        return self.server.run(*console.words(*words), env=console.environment, check=False)

    def shown(self):
        return dict(re.split(r":\s+", line, maxsplit=1) for line in self.console.run("site", "show").splitlines())

    def test_every_setting_can_be_read_and_changed(self):
        site = json.loads(self.console.run("site", "show", "--json"))
        counted = {name for name in site if name.startswith("agents") or name == "addresses_serial"}
        self.assertEqual(set(site) - counted, {api for _, api, _ in CHANGES.values()}, "a setting without an option")
        before = self.shown()
        self.assertEqual(set(before), set(CHANGES) | {"Jump Clients"})
        self.assertEqual((before["network-browsing"], before["addresses"]), ("on", self.suite.address))
        words = [word for option, (typed, _, _) in CHANGES.items() for word in ("--" + option, typed)]
        changed = json.loads(self.console.run("site", "edit", *words, "--json"))
        self.assertEqual({api: changed[api] for _, api, _ in CHANGES.values()}, {api: value for _, api, value in CHANGES.values()})
        # It shows what could be typed.
        after = self.shown()
        self.assertEqual({option: after[option] for option in CHANGES}, {option: typed for option, (typed, _, _) in CHANGES.items()})
        self.assertEqual(self.console.run("site", "edit", "--statistics", ""), "")
        self.assertEqual(self.shown()["statistics"], '""')
        self.assertIn("edited the site's settings", self.console.run("events"))

    def test_what_is_wrong_is_said_and_nothing_changes(self):
        before = self.shown()
        for words, status, said in (((), 2, "nothing to change was given; see `jump site edit --help`"),
                                    (("--network-browsing", "maybe"), 255, "--network-browsing 'maybe': on or off is meant"),
                                    (("--retention-days", "long"), 255, "--retention-days 'long': a number is meant"),
                                    (("--retention-days", "40000"), 255, "retention_days"),
                                    (("--clones", "never"), 255, "clones"),
                                    (("--lost-days", "200"), 255, "is longer than absence_days, 180"),
                                    (("--statistics", "cpu,weather"), 255, "statistics"),
                                    (("--addresses", "nowhere"), 255, "addresses")):
            done = self.jump("site", "edit", *words)
            print(f"jump site edit {' '.join(words)}: {done.returncode}: {done.stderr.strip()}", flush=True)
            self.assertEqual(done.returncode, status, words)
            self.assertIn(said, done.stderr)
        self.assertEqual(self.shown(), before)
        self.assertIn("jump site edit --network-browsing off", self.console.run("site", "edit", "--help"))

    @unittest.skipUnless(LONG, "waits for two minutes; JUMP_LONG=1")
    def test_an_agent_that_tried_in_vain_for_its_period_uninstalls_itself(self):
        client, held = self.client_and_what_it_holds("--max-offline-minutes", "1")
        self.assertEqual(held(), 1)
        self.suite.process.stop()
        lab.wait_until(lambda: not os.path.exists(client.state), 200, "state removed")
        self.assertIn("the appliance was not reached for too long", client.process.output())

    def test_an_agent_knows_the_period_after_which_it_gives_itself_up(self):
        client, held = self.client_and_what_it_holds()
        self.assertEqual(held(), 180 * 1440)
        self.console.run("asset", "edit", "Till 1", "--max-offline-minutes", "90")
        lab.wait_until(lambda: held() == 90, 10, "own period told")
        self.console.run("asset", "edit", "Till 1", "--max-offline-minutes", "0")
        lab.wait_until(lambda: held() == 180 * 1440, 10, "the site's period told")
        self.console.run("site", "edit", "--absence-days", "60")
        lab.wait_until(lambda: held() == 60 * 1440, 10, "the site's new period told")
        # What was changed while it was away is told when it comes back.
        client.process.stop()
        self.console.run("asset", "edit", "Till 1", "--max-offline-minutes", "30")
        client.start()
        lab.wait_until(lambda: held() == 30, 10, "period told at its return")

    def client_and_what_it_holds(self, *installer):
        client = suite.Client(self.suite, self.console.deployment_key(*installer), "Till 1", host=self.lab.host("till"))
        client.start()
        client.state = os.path.join(client.data, "state.json")

        def held():
            with open(client.state, encoding="utf-8") as file:
                return json.load(file)["absence_minutes"]

        return client, held


if __name__ == "__main__":
    case.main()
