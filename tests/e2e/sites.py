"""Two sites that look the same: both use 192.168.1.0/24 with the gateway 192.168.1.1, and both come to the appliance by
one public address. Only the MAC addresses of their gateways tell them apart."""

import json
import os
import re
import sys

import lab
import suite

NAT = "table ip nat { chain post { type nat hook postrouting priority 100; oifname eth1 masquerade; }; }\n"


class Sites:
    """`machine(site, name)` makes a host of site "a" or "b" and `client` one with a Jump Client; self.server runs the
    appliance."""

    NETWORKS = {"a": 2, "b": 3}

    def __init__(self, net):
        self.net = net
        self.server = net.host("server")
        self.isp = net.host("isp", network=1)
        self._forward(self.isp, 0)
        self.gateways = {}
        for site, network in self.NETWORKS.items():
            gateway = net.host("gateway" + site, network=network)
            self._move(gateway, "192.168.1.1")
            self._forward(gateway, 1)
            gateway.run("ip", "route", "add", "default", "via", self.isp.address)
            self.gateways[site] = gateway
        self._number = 10
        self.suite = suite.Suite(net, host=self.server, address=self.server.address)
        self.suite.start()
        self.console = self.suite.console(host=self.server)
        self.key = self.console.deployment_key("--valid", "7d")

    @staticmethod
    def _move(host, address):
        host.run("ip", "address", "flush", "dev", "eth0", "scope", "global")
        host.run("ip", "address", "add", f"{address}/24", "brd", "+", "dev", "eth0")
        host.address = address

    def _forward(self, host, network):
        """What comes in by eth0 leaves by eth1 under the host's own address."""
        host.join(network)
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        host.run("nft", "-f", "-", stdin=None, input=NAT)

    def machine(self, site, name):
        host = self.net.host(name, network=self.NETWORKS[site])
        self._number += 1
        self._move(host, f"192.168.1.{self._number}")
        host.run("ip", "route", "add", "default", "via", "192.168.1.1")
        # This machine's name servers are none there, and say so instead of nothing.
        with open("/etc/resolv.conf", encoding="ascii", errors="replace") as file:
            for server in re.findall(r"(?m)^nameserver\s+(\d+\.\d+\.\d+\.\d+)", file.read()):
                if not server.startswith("127."):
                    host.run("ip", "route", "replace", "unreachable", server)
        host.be_machine()
        return host

    def client(self, site, name, start=True):
        client = suite.Client(self.suite, self.key, name, host=self.machine(site, name))
        if start:
            client.start()
        return client


def mac_of(host, device="eth0"):
    return json.loads(host.run("ip", "-j", "link", "show", device).stdout)[0]["address"]


class Sniffer:
    """Everything that arrives at a host's card, as tcpdump writes it and tshark reads it."""

    FILTER = "ether proto 0x0842 or udp port 7 or udp port 9"

    def __init__(self, host, device="eth0"):
        self.host = host
        self.file = host.lab.path(f"{host.name}-{device}-{len(host.lab.processes)}.pcap")
        self.process = host.start("tcpdump", "-i", device, "-U", "--immediate-mode", "-Z", "root", "-w", self.file, self.FILTER,
                                  name=f"{host.name}-tcpdump")
        self.process.wait_for_output("listening on")

    def stop(self):
        self.process.stop()

    def rows(self):
        """(where to, MAC, password) of each packet, as tshark reads them."""
        if not os.path.exists(self.file):
            return []
        # Its field for the password cuts the text; the summary shows it whole. Port 7 is another protocol's too.
        text = lab.sh("tshark", "-n", "-r", self.file, "--disable-protocol", "echo", "-T", "fields", "-E", "occurrence=f", "-e", "eth.type",
                      "-e", "ip.dst", "-e", "udp.dstport", "-e", "wol.mac", "-e", "_ws.col.Info", env=self.host.lab.environment())
        rows = []
        for line in text.splitlines():
            kind, address, port, mac, summary = line.split("\t")
            rows.append(("raw" if kind == "0x0842" else f"{address}:{port}", mac, summary.partition("password ")[2]))
        return rows

    def frames(self):
        """Whole, as bytes."""
        with open(self.file, "rb") as file:
            data = file.read()
        frames, at = [], 24  # a classic file in this machine's order: a head of 24 bytes, 16 before each frame
        while at + 16 <= len(data):
            size = int.from_bytes(data[at + 8:at + 12], sys.byteorder)
            frames.append(data[at + 16:at + 16 + size])
            at += 16 + size
        return frames

    def wait_for(self, count, seconds=15):
        lab.wait_until(lambda: len(self.rows()) >= count, seconds, lambda: f"{count} packets at {self.host.name}: {self.rows()}")
