"""The helper process `jump-client wake` on a network of its own: what a third-party sniffer sees of it, with which
rights it runs, and what it says to bad input. Needs root, iproute2, tcpdump and tshark."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import unittest

PROGRAM = os.path.join(os.environ.get("JUMP_BIN", "build/release/bin"), "jump-client")
NETWORK = f"jump-wake-{os.getpid()}"
TARGET = "02:77:01:00:00:11"


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **options).stdout


def inside(*words):
    return ["ip", "netns", "exec", NETWORK, *words]


class Sniffer:
    """tcpdump on the other end of the cable; decodes with tshark."""

    def __init__(self, file):
        self.file = file
        self.process = subprocess.Popen(
            inside("tcpdump", "-U", "--immediate-mode", "-i", "jt1", "-w", file, "-Z", "root", "udp or ether proto 0x0842"),
            stderr=subprocess.PIPE, text=True)
        while "listening on" not in self.process.stderr.readline():
            pass

    def rows(self):
        """(where to, MAC, password) of each packet, as tshark reads them."""
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        # Its field for the password cuts the text; the summary shows it whole. Port 7 is another protocol's too.
        text = run("tshark", "-r", self.file, "--disable-protocol", "echo", "-T", "fields", "-E", "occurrence=f",
                   "-e", "eth.type", "-e", "ip.dst", "-e", "udp.dstport", "-e", "wol.mac", "-e", "_ws.col.Info")
        rows = []
        for line in text.splitlines():
            kind, address, port, mac, summary = line.split("\t")
            password = summary.partition("password ")[2]
            rows.append(("raw" if kind == "0x0842" else f"{address}:{port}", mac, password))
        return rows


class WakeProcess(unittest.TestCase):
    def setUp(self):
        run("ip", "netns", "add", NETWORK)
        self.addCleanup(run, "ip", "netns", "del", NETWORK)
        run(*inside("ip", "link", "add", "jt0", "address", "02:77:01:00:00:12", "type", "veth", "peer", "name", "jt1"))
        for name in ("jt0", "jt1"):
            run(*inside("ip", "link", "set", name, "up"))
        run(*inside("ip", "addr", "add", "10.77.1.7/24", "brd", "+", "dev", "jt0"))
        self.folder = run("mktemp", "-d").strip()
        self.addCleanup(shutil.rmtree, self.folder)

    def wake(self, job, status=0):
        done = subprocess.run(inside(PROGRAM, "wake"), input=job, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def job(self, user="nobody", **fields):
        order = {"attempt": 7, "macs": [TARGET], "interfaces": ["jt0"]} | fields
        return json.dumps({"order": order, "user": user})

    def test_a_sniffer_decodes_every_packet(self):
        # base64url of 192.168.1.1 and of 1-6
        for password, shown in ((None, ""), ("wKgBAQ", "192.168.1.1"), ("AQIDBAUG", "01:02:03:04:05:06")):
            sniffer = Sniffer(os.path.join(self.folder, "capture.pcap"))
            report = self.wake(self.job(password=password))
            rows = sniffer.rows()
            ways = ["10.77.1.255:7", "10.77.1.255:9", "255.255.255.255:7", "255.255.255.255:9", "raw"]
            self.assertEqual(sorted(rows), sorted((way, TARGET, shown) for way in ways * 3))
            self.assertEqual(report["interfaces"][0]["packets"], 15)
            self.assertEqual(report["attempt"], 7)

    def test_it_keeps_one_right_alone(self):
        process = subprocess.Popen(inside(PROGRAM, "wake"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # Many cards make the rounds long enough to look at it in between.
        process.stdin.write(self.job(macs=[f"02:77:01:00:01:{i:02x}" for i in range(16)]))
        process.stdin.close()
        seen = {}
        while process.poll() is None and seen.get("Uid", "0").split()[0] == "0":
            try:
                with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                    seen = dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)
            except (FileNotFoundError, ProcessLookupError):
                break
        while process.poll() is None and int(seen["CapEff"], 16) not in (1 << 13, 0):
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                seen = dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)
        report = json.loads(process.stdout.read())
        process.stdout.close()
        self.assertEqual(process.wait(), 0)
        self.assertEqual(seen["Uid"].split()[0], str(pwd.getpwnam("nobody").pw_uid))
        for name in ("CapEff", "CapPrm", "CapBnd"):
            self.assertEqual(int(seen[name], 16), 1 << 13, f"{name}: CAP_NET_RAW and nothing else")
        self.assertTrue(report["interfaces"][0]["raw"])

    def test_bad_input_is_answered_and_nothing_is_sent(self):
        self.assertIn("order: missing", self.wake("{}", 1)["error"])
        self.assertNotEqual(self.wake("nonsense", 1)["error"], "")
        self.assertIn("more than 16384 bytes", self.wake("x" * 20000, 1)["error"])
        self.assertIn("nobody-at-all", self.wake(self.job(user="nobody-at-all"), 1)["error"])
        self.assertIn("not the address", self.wake(self.job(macs=["ff:ff:ff:ff:ff:ff"]), 1)["error"])


if __name__ == "__main__":
    missing = [name for name in ("ip", "tcpdump", "tshark") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        print("NOT TESTED: needs root, and", ", ".join(missing) or "nothing else")
        sys.exit(77)
    unittest.main()
