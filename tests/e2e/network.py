"""The usual network of the end-to-end tests: appliance, endpoint and desk on hosts of their own."""

import json
import os
import unittest

import lab
import suite
from terminal import Terminal

LONG = os.environ.get("JUMP_LONG") == "1"


class NetworkCase(unittest.TestCase):
    """self.server runs the appliance, self.endpoint the Jump Client "web", self.desk `jump`. One network for all tests
    of a class; when a test fails its programs' last lines are printed."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        try:
            cls.make_network()
        except BaseException:
            cls.lab.print_logs()
            raise

    @classmethod
    def make_network(cls):
        cls.server, cls.endpoint, cls.desk = (cls.lab.host(name) for name in ("server", "endpoint", "desk"))
        cls.prepare()
        cls.suite = suite.Suite(cls.lab, host=cls.server, address=cls.server.address)
        cls.suite.start()
        cls.console = cls.suite.console(host=cls.desk)
        cls.endpoint.be_machine()
        cls.key = cls.console.deployment_key("--valid", "7d")
        cls.client = cls.new_client("web", cls.endpoint)

    @classmethod
    def prepare(cls):
        """Before the appliance is made."""

    @classmethod
    def new_client(cls, name, host):
        """A Jump Client that is online; a machine has one."""
        client = suite.Client(cls.suite, cls.key, name, host=host)
        client.start()
        return client

    @classmethod
    def machine(cls, name, like=None):
        """One more host with a machine's own identity."""
        host = cls.lab.host(name)
        host.be_machine(like)
        return host

    @classmethod
    def make_fleet(cls, count):
        """Machines m1, m2, …, each with a Jump Client, not waited for one by one."""
        fleet = []
        for number in range(1, count + 1):
            client = suite.Client(cls.suite, cls.key, f"m{number}", host=cls.machine(f"m{number}"))
            client.start(online=False)
            fleet.append(client)
        for client in fleet:
            lab.wait_until(client.online, 30, f"{client.name} is online")
        return fleet

    def assets(self):
        """By name."""
        return {one["name"]: one for one in json.loads(self.console.run("assets", "--json"))}

    def setUp(self):
        self.addCleanup(lambda: None if self._outcome.success else self.lab.print_logs())

    def shell(self, *words, columns=80, rows=24):
        """A terminal with `jump shell` in it, at its prompt."""
        terminal = Terminal(self.lab, self.console.words("shell", *(words or ["web"])), host=self.desk,
                            env=self.console.environment, columns=columns, rows=rows)
        terminal.wait_for(r"[#$]\s*$", 20)
        return terminal
