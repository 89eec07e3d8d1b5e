"""The browsing helper on a network of 300 machines with real peers: avahi (mDNS), nmbd (NetBIOS), sshd, a DNS server.
Needs root and iproute2; peers that are missing are left out, loudly. --figures prints what was measured."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = os.path.join(os.environ.get("JUMP_BIN", "build/release/bin"), "jump-browse-alone")
NODE, LAN, NAS = (f"jump-{name}-{os.getpid()}" for name in ("node", "lan", "nas"))
HOSTS = 300
ONLY_IPV6 = 20  # of them
FIGURES = "--figures" in sys.argv


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, **options).stdout


def inside(network, *words):
    return ["ip", "netns", "exec", network, *words]


def mac(number):
    return f"02:77:02:00:{number >> 8:02x}:{number & 255:02x}"


def address(number):
    return f"10.78.{16 + (number >> 8)}.{number & 255}"


class Browse(unittest.TestCase):
    """`node` sweeps; `lan` has 300 machines as macvlans of one cable, `nas` is one with all the services."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.processes = []
        for name in (NODE, LAN, NAS):
            run("ip", "netns", "add", name)
            run(*inside(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.all.arp_ignore=1",
                        "net.ipv4.conf.all.arp_announce=2"))
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", LAN, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        # The switch itself is no machine.
        run(*inside(LAN, "sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1"))
        run("ip", "-n", LAN, "link", "set", "br0", "up")
        for name, end, own, where in ((NODE, "eth0", "02:77:02:ff:00:01", "10.78.16.2/20"), (NAS, "eth0", "02:77:02:ff:00:02", "10.78.31.9/20"),
                                      (LAN, "trunk", "02:77:02:ff:00:03", None)):
            run("ip", "link", "add", end, "netns", name, "address", own, "type", "veth", "peer", "name", f"p{name[5:8]}", "netns", LAN)
            run("ip", "-n", LAN, "link", "set", f"p{name[5:8]}", "master", "br0", "up")
            if where is None:
                run(*inside(name, "sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1"))
            run("ip", "-n", name, "link", "set", end, "up")
            if where:
                run("ip", "-n", name, "addr", "add", where, "brd", "+", "dev", end)
        lines = []
        for number in range(HOSTS):
            lines += [f"link add h{number} link trunk address {mac(number)} type macvlan mode bridge", f"link set h{number} up"]
            if number >= ONLY_IPV6:
                lines.append(f"addr add {address(number + 10)}/20 dev h{number}")
        run("ip", "-n", LAN, "-batch", "-", input="\n".join(lines))
        cls.start_peers()

    @classmethod
    def start(cls, *words):
        log = open(os.path.join(cls.folder, os.path.basename(words[0]) + ".log"), "w", encoding="utf-8")
        cls.processes.append(subprocess.Popen(inside(NAS, *words), stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        log.close()

    @classmethod
    def start_peers(cls):
        cls.peers = {name: shutil.which(path) or shutil.which("/usr/sbin/" + path) for name, path in
                     (("avahi", "avahi-daemon"), ("netbios", "nmbd"), ("ssh", "sshd"))}
        if cls.peers["avahi"]:
            file = os.path.join(cls.folder, "avahi.conf")
            with open(file, "w", encoding="ascii") as conf:
                conf.write("[server]\nhost-name=nas\nenable-dbus=no\n[publish]\npublish-workstation=yes\n")
            cls.start(cls.peers["avahi"], "-f", file, "--no-rlimits", "--no-chroot", "--no-drop-root")
        if cls.peers["netbios"]:
            file = os.path.join(cls.folder, "smb.conf")
            with open(file, "w", encoding="ascii") as conf:
                conf.write(f"[global]\nnetbios name = FILES\nworkgroup = LAB\ninterfaces = 10.78.31.9/20\nbind interfaces only = yes\n"
                           + "".join(f"{key} = {cls.folder}\n" for key in ("lock directory", "state directory", "cache directory",
                                                                           "pid directory", "private dir", "ncalrpc dir")))
            cls.start(cls.peers["netbios"], "-F", "--no-process-group", "-s", file, f"--log-basename={cls.folder}")
        if cls.peers["ssh"]:
            os.makedirs("/run/sshd", exist_ok=True)
            key = os.path.join(cls.folder, "key")
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
            cls.start(cls.peers["ssh"], "-D", "-e", "-f", "/dev/null", "-h", key, "-o", "ListenAddress=10.78.31.9", "-o", "PidFile=none")
        for name, path in cls.peers.items():
            if path is None:
                print(f"NOT TESTED: {name} is not installed")
        if cls.peers["netbios"]:
            cls.wait_for(lambda: "FILES" in subprocess.run(inside(NAS, "nmblookup", "-A", "10.78.31.9"), capture_output=True, text=True).stdout
                         if shutil.which("nmblookup") else ":0089" in run(*inside(NAS, "cat", "/proc/net/udp")))

    @classmethod
    def wait_for(cls, condition):
        limit = time.monotonic() + 30
        while not condition() and time.monotonic() < limit:
            time.sleep(0.1)

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.terminate()
            process.wait(10)
        for name in (NODE, LAN, NAS):
            subprocess.run(["ip", "netns", "del", name], check=False)
        shutil.rmtree(cls.folder)

    def browse(self, user="nobody", **order):
        job = json.dumps({"order": {"sweep": 5, "interfaces": [], "packets_per_second": 1000, "ports": [22, 23, 3389, 5900]} | order, "user": user})
        process = subprocess.Popen(inside(NODE, PROGRAM), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(job)
        process.stdin.close()
        hosts, end, first, begun = {}, None, None, time.monotonic()
        for line in process.stdout:
            value = json.loads(line)
            if "host" in value:
                first = first or time.monotonic() - begun
                hosts[value["host"]["id"]] = value["host"]
            end = value.get("end")
        process.stdout.close()
        _, process.returncode, usage = os.wait4(process.pid, 0)
        self.assertEqual(process.returncode, 0)
        if FIGURES:
            print(f"\n{len(hosts)} of {HOSTS + 1} machines, first after {first:.2f} s, {end['milliseconds']} ms, {end['packets']} packets, "
                  f"{usage.ru_utime + usage.ru_stime:.2f} s CPU, {usage.ru_maxrss} KiB, notes {end['notes']}")
        return list(hosts.values()), end

    def test_finds_all_of_a_slash_20_subnet_with_names_and_ports(self):
        hosts, end = self.browse()
        self.assertEqual({host["mac"] for host in hosts}, {mac(number) for number in range(HOSTS)} | {"02:77:02:ff:00:02"})
        self.assertEqual(end["swept"], ["10.78.16.0/20 on eth0"])
        self.assertEqual(end["sweep"], 5)
        self.assertGreaterEqual(end["milliseconds"] * 1.05, end["packets"])  # 1000 a second
        self.check_nas(hosts)

    def check_nas(self, hosts):
        nas = next(host for host in hosts if "10.78.31.9" in host["addresses"])
        names = {(name["name"], name["source"]) for name in nas["names"]}
        if self.peers["avahi"]:
            self.assertIn(("nas.local", "mdns"), names)
        if self.peers["netbios"]:
            self.assertIn(("FILES", "netbios"), names)
        self.assertEqual(nas["ports"], [22] if self.peers["ssh"] else [])

    def test_without_the_right_for_frames_it_finds_what_has_ipv4_and_says_so(self):
        words = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin", PROGRAM]
        done = subprocess.run(inside(NODE, *words), input=json.dumps({"order": {"sweep": 1, "interfaces": ["eth0"], "packets_per_second": 1000, "ports": [22]}, "user": "nobody"}),
                              capture_output=True, text=True, timeout=100)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        hosts = list({line["host"]["id"]: line["host"] for line in lines if "host" in line}.values())
        self.assertIn("no right to send them", " ".join(lines[-1]["end"]["notes"]))
        found = {host["mac"] for host in hosts}
        if FIGURES:
            print(f"\nwithout frames: {len(found)} machines, {lines[-1]['end']}")
        self.assertLessEqual({mac(number) for number in range(ONLY_IPV6, HOSTS)}, found)
        self.check_nas(hosts)


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("NOT TESTED: needs root and iproute2")
        sys.exit(77)
    unittest.main(argv=[word for word in sys.argv if word != "--figures"])
