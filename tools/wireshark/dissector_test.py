#!/usr/bin/env python3
"""Runs tshark with jump.lua on the examples of PROTOCOL.md: one TCP segment each, all in one, and inside TLS."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LUA = os.path.join(ROOT, "tools", "wireshark", "jump.lua")
SPEC = os.path.join(ROOT, "common", "mux", "PROTOCOL.md")
SKIPPED = 77
PORT = 7777


def examples():
    """name → bytes, from the indented block of the spec that begins with ping."""
    frames, name = [], None
    with open(SPEC, encoding="utf-8") as file:
        lines = file.readlines()
    for line in lines:
        found = re.match(r"    (\S.*?)?\s{2,}((?:[0-9a-f]{2,} ?)+)(?=\s{2}|$)", line.rstrip() + "  ")
        if not found or not re.fullmatch(r"[0-9a-f ]+", found.group(2)):
            if frames and not line.strip():
                break
            continue
        name = found.group(1) or name
        data = bytes.fromhex(found.group(2).replace(" ", ""))
        if found.group(1):
            frames.append([name, data])
        else:
            frames[-1][1] += data
    return frames


def text2pcap(segments, path):
    """Each item of `segments` becomes one TCP segment from a peer to the appliance."""
    dump = "".join("000000 " + segment.hex(" ") + "\n" for segment in segments)
    subprocess.run(["text2pcap", "-q", "-T", f"40000,{PORT}", "-", path], input=dump, text=True, check=True,
                   capture_output=True)


def tshark(path, *arguments):
    command = ["tshark", "-X", f"lua_script:{LUA}", "-r", path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100,
                          env={**os.environ, "HOME": os.path.dirname(path)})
    if done.returncode != 0 or "Lua: " in done.stderr:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def fields(path, *names, extra=()):
    wanted = [word for name in names for word in ("-e", name)]
    return [line.split("\t") for line in tshark(path, "-T", "fields", *wanted, *extra).splitlines()]


DECODE = ("-d", f"tcp.port=={PORT},jump")


class Dissector(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "frames.pcap")

    def tearDown(self):
        self.folder.cleanup()

    def test_knows_every_example(self):
        frames = examples()
        self.assertEqual(len(frames), 16)
        text2pcap([data for _, data in frames], self.path)
        rows = fields(self.path, "jump.kind", "jump.length", "_ws.expert", "_ws.col.Info", extra=DECODE)
        self.assertEqual(len(rows), len(frames))
        for (name, data), (kind, length, trouble, info) in zip(frames, rows):
            self.assertEqual((int(kind), int(length)), (data[0], len(data)), name)
            self.assertEqual(trouble, "", name)
            self.assertTrue(info.startswith(name.split(",")[0]), f"{name}: {info}")

    def test_shows_the_fields(self):
        named = dict((name, data) for name, data in examples())
        order = ["go-away", "attach", "refused", "resumed", "data", "data, held", "window", "end", "reset"]
        text2pcap([named[name] for name in order], self.path)
        rows = fields(self.path, "jump.go_away", "jump.retry_after", "jump.text", "jump.count", "jump.reason",
                      "jump.stream", "jump.next", "jump.ended", "jump.start", "jump.offset", "jump.flags.held",
                      "jump.taken", "jump.allowed", "jump.final", "jump.reset", "jump.data", extra=DECODE)
        shown = [[cell for cell in row if cell] for row in rows]
        self.assertEqual(shown, [
            ["2", "5000", "busy"],
            ["3"],
            ["no", "7"],
            ["0,3", "9,65536", "0,1", "8,2"],
            ["2", "256", "0", "6869"],
            ["2", "0", "1", "68"],
            ["2", "256", "262400"],
            ["2", "258"],
            ["no", "2", "2"],
        ])

    def test_finds_frames_that_are_cut_and_joined(self):
        frames = [data for _, data in examples()]
        joined = b"".join(frames)
        text2pcap([joined[:5], joined[5:101], joined[101:102], joined[102:]], self.path)
        kinds = ",".join(row[0] for row in fields(self.path, "jump.kind", extra=DECODE) if row[0])
        self.assertEqual(kinds, ",".join(str(data[0]) for data in frames))

    def test_marks_what_breaks_a_rule(self):
        wrong = ["0400000f00000000" + "01" * 7, "0400001000000001" + "01" * 8, "1000001400000005" + "00" * 12,
                 "7f00000800000000", "0400000700000000"]
        text2pcap([bytes.fromhex(frame) for frame in wrong], self.path)
        rows = fields(self.path, "_ws.expert.message", extra=DECODE)
        self.assertEqual([row[0] for row in rows], [
            "ping with a body of 7 bytes", "ping with slot 1", "data with a body of 12 bytes", "kind 127",
            "length 7, 8 to 16384 are possible"])

    def test_finds_the_protocol_by_its_first_frame(self):
        hello = b'{"versions": {"min": 1, "max": 1}, "role": "agent"}'
        first = bytes([1, 0]) + (8 + len(hello)).to_bytes(2, "big") + bytes(4) + hello
        text2pcap([first, examples()[0][1]], self.path)
        rows = fields(self.path, "jump.kind", "jump.json")
        self.assertEqual([row[0] for row in rows], ["1", "4"])
        self.assertEqual(rows[0][1], hello.decode())
        text2pcap([b"GET / HTTP/1.1\r\n\r\n"], self.path)
        self.assertEqual(fields(self.path, "jump.kind"), [[""]])

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_knows_tunnels_inside_tls_by_their_alpn(self):
        frames = [data for _, data in examples()]
        for alpn, payload, field in (("jump/1", b"".join(frames), "jump.kind"),
                                     ("jump-console/1", frames[0], "jump.kind"),
                                     ("jump-enroll/1", b"\0\0\0\2{}", "jump_enroll.json")):
            keys = self.tls_capture(alpn, payload)
            rows = fields(self.path, field, extra=("-o", f"tls.keylog_file:{keys}", "-d", f"tcp.port=={PORT},tls"))
            shown = ",".join(row[0] for row in rows if row[0])
            expected = "{}" if "enroll" in alpn else ",".join(str(data[0]) for data in frames if data in payload)
            self.assertEqual(shown, expected, alpn)

    def tls_capture(self, alpn, payload):
        """A TLS connection over a socket pair whose bytes are written down; gives the key log file."""
        folder = self.folder.name
        key, certificate, keys = (os.path.join(folder, name) for name in ("key.pem", "cert.pem", "keys.log"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=x", "-days", "1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        server.set_alpn_protocols([alpn])
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.set_alpn_protocols([alpn])
        if os.path.exists(keys):
            os.remove(keys)
        client.keylog_filename = keys
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        one = client.wrap_bio(to_client, to_server)
        other = server.wrap_bio(to_server, to_client, server_side=True)
        segments = []

        def turn(side, outgoing, action):
            try:
                action(side)
            except ssl.SSLWantReadError:
                pass
            data = outgoing.read()
            if data:
                segments.append((side is one, data))
                outgoing.write(data)

        for _ in range(3):
            turn(one, to_server, lambda side: side.do_handshake())
            turn(other, to_client, lambda side: side.do_handshake())
        turn(one, to_server, lambda side: side.write(payload))
        write_pcap(segments, self.path)
        return keys


def write_pcap(segments, path):
    """(from the client, bytes) as TCP over IPv4 in a pcap file of raw IP packets; no check sums."""
    sequence = {True: 1000, False: 5000}
    with open(path, "wb") as file:
        file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000"))
        for index, (up, data) in enumerate(segments):
            ports = (40000, PORT) if up else (PORT, 40000)
            tcp = (ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big") + sequence[up].to_bytes(4, "big") +
                   sequence[not up].to_bytes(4, "big") + bytes.fromhex("5018ffff00000000") + data)
            sequence[up] += len(data)
            addresses = socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2")
            head = bytes.fromhex("4500") + (20 + len(tcp)).to_bytes(2, "big") + bytes.fromhex("0000000040060000")
            packet = head + b"".join(addresses if up else addresses[::-1]) + tcp
            size = len(packet).to_bytes(4, "little")
            file.write(index.to_bytes(4, "little") + bytes(4) + size + size + packet)


if __name__ == "__main__":
    missing = [program for program in ("tshark", "text2pcap") if not shutil.which(program)]
    if missing:
        print(f"SKIPPED: {' and '.join(missing)} not installed (apt install tshark)")
        sys.exit(SKIPPED)
    unittest.main()
