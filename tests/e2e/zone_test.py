#!/usr/bin/env python3
"""Jump Clients that reach nothing but the two nodes of a Jumpoint, and through their Jump Zone Proxies the appliance.

    server, desk ── network 0 ── node1, node2 ── network 1 ── till1, till2, till3

No host forwards packets and no till has a route out of network 1. Settings and installers are made at the desk, as an
administrator makes them; what is printed is what was measured."""

import json
import os
import re
import signal
import subprocess
import time

import case
import lab
import network
import suite

LONG = network.LONG
TILLS = ("till1", "till2", "till3")
BACK = 8  # seconds: a try within 1 s and the next node within 5 s (PRODUCT.md 7.5), on a busy machine
# Silence is found within 13 s while a session runs, then the same.
SILENT = 13 + BACK


class Node(suite.Client):
    """A node of a Jumpoint; what it shares with a Jump Client is more than what it does not."""

    def __init__(self, site, key, name, host):
        super().__init__(site, key, name, host=host, install=False)
        self.program = lab.find_program("jumpoint")
        self.log = site.net.path(name + "-access.log")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"data: {self.data}\nrun: {self.run_folder}\nzone_proxy: {{access_log: {self.log}}}\n")
        self.command("install", "--key-info-file", self.key)

    def proxy(self):
        """Its process number."""
        return self.processes("proxy")[0]

    def kill(self):
        """All of it at once, as when the power goes; its kernel still answers for closed ports."""
        for pid in self.processes("tunnel") + self.processes("proxy"):
            os.kill(pid, signal.SIGKILL)
        self.process.kill()

    def processes(self, role):
        if role == "session":
            return super().processes(role)
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        return [pid for pid in children if self.role_of(pid) == role]

    @staticmethod
    def role_of(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except FileNotFoundError:
            return ""
        return words[1].decode() if len(words) > 1 else ""

    def accesses(self):
        with open(self.log, encoding="ascii") as file:
            return [json.loads(row) for row in file]


class Zone(network.NetworkCase):
    @classmethod
    def make_network(cls):
        cls.server, cls.desk = cls.lab.host("server"), cls.lab.host("desk")
        hosts = [cls.lab.host(name) for name in ("node1", "node2")]
        cls.inner = {host.name: host.join(1) for host in hosts}
        names = "127.0.0.1 localhost\n" + "".join(f"{address} {name}.shop\n" for name, (_, address) in cls.inner.items())
        tills = [cls.lab.host(name, network=1) for name in TILLS]
        for host in hosts + tills:
            folder = host.be_machine()
            # A node finds its own name; node2's is known to the shop only by way of its full name.
            own = names.replace(f"{host.name}.shop", f"{host.name}.shop {host.name}")
            with open(os.path.join(folder, "etc/hosts"), "w", encoding="ascii") as file:
                file.write(own)
        cls.suite = suite.Suite(cls.lab, host=cls.server, address=cls.server.address)
        cls.suite.start()
        cls.console = cls.suite.console(host=cls.desk)
        cls.port = suite.free_port()
        cls.console.run("jumpoint", "add", "shop", "--clustered", "on")
        key = cls.console.run("jumpoint", "key", "shop")
        cls.nodes = {host.name: Node(cls.suite, key, host.name, host) for host in hosts}
        for node in cls.nodes.values():
            node.start()
        cls.edit("--zone-proxy", "on", "--proxy-port", str(cls.port), "--allow-http-get", "on")
        cls.wait_for_list(cls.addresses(cls.port))
        answer = json.loads(cls.console.run("installer", "create", "--group", "default", "--through", "shop", "--allow",
                                            "name", "--json"))
        cls.clients = {host.name: suite.Client(cls.suite, answer["key_info"]["encodedInfo"], host.name, host=host)
                       for host in tills}
        for client in cls.clients.values():
            client.start()

    @classmethod
    def edit(cls, *words):
        return cls.console.run("jumpoint", "edit", "shop", *words)

    @classmethod
    def addresses(cls, port):
        return [f"{name}.shop:{port}" for name in sorted(cls.inner)]

    @classmethod
    def wait_for_list(cls, wanted, seconds=20):
        """At the appliance: the proxies that listen."""
        def listed():
            rows = json.loads(cls.console.run("jumpoint", "nodes", "shop", "--json"))
            proxies = [row.get("zone_proxy", {}) for row in rows]
            return sorted(proxy["address"] for proxy in proxies if proxy.get("listening")) == wanted
        lab.wait_until(listed, seconds, f"the appliance's list is {wanted}")

    def routes(self):
        return {name: client.status()["tunnel"]["route"] for name, client in self.clients.items()}

    def users_of(self, node):
        return [name for name, route in self.routes().items() if route.split()[1].startswith(node + ".")]

    def gather(self, node):
        """All tills on one node: who uses the other one is moved by ending its tunnel there."""
        other = "node2" if node == "node1" else "node1"
        deadline = time.monotonic() + 60
        while self.users_of(other):
            # The other node's listener is away while its clients look for another.
            self.nodes[other].host.run("nft", f"add table inet away; add chain inet away in {{ type filter hook input priority 0"
                                       f"; }}; add rule inet away in tcp dport {self.port} reject with tcp reset")
            self.nodes[other].host.reset_connections(self.port)
            lab.wait_until(lambda: len(self.users_of(node)) == 3 and self.all_online(), 30, f"all use {node}")
            self.nodes[other].host.run("nft", "delete table inet away")
            self.assertLess(time.monotonic(), deadline)

    def all_online(self):
        return all(client.online() for client in self.clients.values())

    def run_echo(self, text):
        for name in TILLS:
            self.assertEqual(self.console.run("exec", name, "--", "echo", text), text + "\n")

    def held_shells(self):
        """A shell on each till, in the middle of something."""
        shells = {}
        for name in TILLS:
            shells[name] = self.shell(name)
            self.addCleanup(shells[name].close)
            shells[name].type(f"number=$((6*7)); echo begun on {name}\n")
            shells[name].wait_for(f"^begun on {name}")
        return shells

    def seconds_until_back(self, shells, what, limit):
        """Types into each shell and waits for its answers; prints and returns how long each took."""
        start = time.monotonic()
        took = {}
        for name, shell in shells.items():
            shell.type(f"echo {what} $number\n")

        def look():
            for name, shell in shells.items():
                if name not in took and re.search(f"(?m)^{what} 42$", shell.screen()):
                    took[name] = time.monotonic() - start
            return len(took) == len(shells)
        lab.wait_until(look, limit, lambda: f"{what}: only {took} are back")
        lab.wait_until(self.all_online, 10, "status says online")
        print(f"{what}: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()) + "; now by "
              + ", ".join(f"{name} {route}" for name, route in self.routes().items()), flush=True)
        return took

    def end(self, shells):
        for shell in shells.values():
            shell.type("exit\n")
            self.assertEqual(shell.status(), 0)

    def test_there_is_no_other_way(self):
        for name in TILLS:
            client = self.clients[name]
            self.assertEqual(client.host.run("ip", "route", "show", "default").stdout, "")
            done = client.host.run("curl", "-sSk", "--max-time", "5", f"https://{self.suite.address}/", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(client.status()["tunnel"]["route"], rf"^zone-proxy node[12]\.shop:{self.port}$")
            text = client.command("status")
            self.assertIn("route      zone-proxy node", text)
            self.assertIn(f"proxies    node1.shop:{self.port}, node2.shop:{self.port}", text)
        self.run_echo("through the zone")
        for node in self.nodes.values():
            text = node.command("status")
            self.assertIn(f"zone proxy {node.name}.shop:{self.port}: ", text)
            self.assertNotIn("warning", text)
        rows = self.console.run("jumpoint", "nodes", "shop")
        self.assertIn(f"node1.shop:{self.port}", rows)
        curl = ("curl", "-sS", "-k", "-o", "/dev/null", "-w", "%{http_connect} %{http_code} %{redirect_url}")
        till = self.clients["till1"].host
        proxy = f"http://{self.inner['node1'][1]}:{self.port}"
        self.assertEqual(till.run(*curl, "-x", proxy, f"https://{self.suite.address}/openapi.yaml").stdout, "200 200 ")
        self.assertEqual(till.run(*curl, "-x", proxy, f"http://{self.suite.address}/x").stdout,
                         f"000 308 https://{self.suite.address}/x")
        # Not even to the other node, or to the desk.
        for target in (self.desk.address, self.inner["node2"][1], "localhost"):
            refused = till.run(*curl, "-x", proxy, f"https://{target}:{self.port}/", check=False)
            self.assertEqual(refused.stdout[:3], "403", target)

    def test_a_node_dies(self):
        """SIGKILL to all of a node while all tills use it."""
        self.gather("node1")
        shells = self.held_shells()
        self.nodes["node1"].kill()
        self.addCleanup(self.revive, "node1")
        took = self.seconds_until_back(shells, "killed", BACK)
        self.assertEqual(len(took), 3)
        self.assertEqual(self.users_of("node2"), list(TILLS))
        self.end(shells)

    def revive(self, name):
        if self.nodes[name].process.status is not None:
            self.nodes[name].start()
        self.wait_for_list(self.addresses(self.port))

    def test_its_proxy_process_alone_dies(self):
        self.gather("node2")
        shells = self.held_shells()
        before = self.nodes["node2"].proxy()
        os.kill(before, 9)
        self.seconds_until_back(shells, "proxy", BACK)
        lab.wait_until(lambda: self.nodes["node2"].processes("proxy") not in ([], [before]), 10, "it is started again")
        self.end(shells)
        self.wait_for_list(self.addresses(self.port))

    def test_a_node_is_cut_off(self):
        """First its cable to the shop, then its cable to the appliance: the tills hear nothing, and find the other."""
        for side in ("shop", "appliance") if LONG else ("appliance",):
            node = "node1" if side == "shop" else "node2"
            cable = self.inner[node][0] if side == "shop" else self.nodes[node].host.cable
            self.gather(node)
            shells = self.held_shells()
            cable.lose()
            self.addCleanup(cable.restore)
            self.seconds_until_back(shells, side, SILENT)
            self.assertEqual(self.users_of(node), [])
            cable.restore()
            self.end(shells)
            lab.wait_until(self.nodes[node].online, 60, f"{node} is back")

    def test_the_port_moves(self):
        shells = self.held_shells()
        pids = {node.name: node.proxy() for node in self.nodes.values()}
        old, port = self.port, suite.free_port()
        start = time.monotonic()
        self.edit("--proxy-port", str(port))
        type(self).port = port
        wanted = self.addresses(port)
        for client in self.clients.values():
            lab.wait_until(lambda client=client: sorted(client.status()["zone_proxies"]) == wanted, 10,
                           f"{client.name} knows the new port")
        print(f"port moved: all clients know it after {time.monotonic() - start:.1f} s, their tunnels go on", flush=True)
        self.assertEqual({route.rsplit(":", 1)[1] for route in self.routes().values()}, {str(old)})
        self.seconds_until_back(shells, "moved", BACK)
        self.assertEqual({node.name: node.proxy() for node in self.nodes.values()}, pids)
        for node in self.nodes.values():
            self.assertFalse(node.host.listening(old))
            node.host.reset_connections(old)
        self.seconds_until_back(shells, "closed", BACK)
        self.assertEqual({route.rsplit(":", 1)[1] for route in self.routes().values()}, {str(port)})
        self.end(shells)

    def test_rules_are_obeyed_at_once_and_faults_told(self):
        shells = self.held_shells()
        rules = self.lab.path("rules.txt")
        banned = self.clients["till2"].host.address

        def write(text):
            with open(rules, "w", encoding="utf-8") as file:
                file.write(text)

        write(f"# tills of the shop\n\n{banned}/33\n10.0.0.0/255.0.255.0\nshop.example\n300.1.1.1\n")
        done = subprocess.run(self.desk.inside(*self.console.words("jumpoint", "edit", "shop", "--deny", rules)),
                              capture_output=True, text=True, env=self.console.environment)
        print(done.stderr, flush=True)
        self.assertNotEqual(done.returncode, 0)
        for line in (3, 4, 5, 6):
            self.assertIn(f"line {line}", done.stderr)
        write(f"# not this one\n{banned}\n10.99.0.1/16\n")
        warned = self.desk.run(*self.console.words("jumpoint", "edit", "shop", "--deny", rules),
                               env=self.console.environment)
        self.assertIn("line 3", warned.stderr)
        client = self.clients["till2"]
        lab.wait_until(lambda: not client.online(), 10, "till2 is out")
        lab.wait_until(lambda: "403" in client.status()["tunnel"]["reason"], 20, "it reads why")
        print(client.command("status", check=False), flush=True)
        self.assertTrue(self.clients["till1"].online() and self.clients["till3"].online())
        refusals = [row for node in self.nodes.values() for row in node.accesses() if row["status"] == 403]
        self.assertEqual({(row["source"].rsplit(":", 1)[0], row["rule"]) for row in refusals
                          if row["source"].startswith(banned)}, {(banned, 2)})
        self.edit("--no-restriction")
        if not LONG:
            # A network that comes back ends its wait for the next try, which may be a minute by now.
            client.host.cut()
            client.host.restore()
        lab.wait_until(client.online, 70, "till2 is in again")
        self.seconds_until_back(shells, "let", BACK)
        self.end(shells)

    def test_switched_off_and_on_again(self):
        """Nobody could tell the clients where the proxies are when they listen again."""
        self.edit("--zone-proxy", "off")
        lab.wait_until(lambda: not any(client.online() for client in self.clients.values()), 20, "all are out")
        for node in self.nodes.values():
            lab.wait_until(lambda node=node: not node.processes("proxy"), 10, "there is no proxy process")
        warned = self.desk.run(*self.console.words("installer", "create", "--group", "default", "--through", "shop"),
                               env=self.console.environment, check=False)
        self.assertNotEqual(warned.returncode, 0)
        self.assertIn("switched off", warned.stderr)
        self.edit("--zone-proxy", "on")
        start = time.monotonic()
        lab.wait_until(self.all_online, 60, "all are back")
        print(f"switched on: all back after {time.monotonic() - start:.1f} s", flush=True)
        self.wait_for_list(self.addresses(self.port))


if __name__ == "__main__":
    case.need("curl", "nft", "jumpoint")
    case.main()
