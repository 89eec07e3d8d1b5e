#!PYTHON
"""Stands in the place of jump-client as a tunnel process that was taken over: runs the real one behind itself, relays
between it and the supervisor, keeps every message in FOLDER/seen.jsonl, and does what is asked on FOLDER/control, one
JSON request a connection:

    {"send": {"kind": …, "body": …}}     a message to the supervisor
    {"raw": "<hex>"}                     bytes to the supervisor
    {"hold": true | false}               keeps orders back from now on; false hands on what was kept

FOLDER is where this file lies; the real program is FOLDER/jump-client.real. For other work than a tunnel process's
it becomes the real program.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading

FOLDER = os.path.dirname(os.path.abspath(__file__))
REAL = os.path.join(FOLDER, "jump-client.real")


def frame(message):
    text = json.dumps(message, separators=(",", ":")).encode()
    return struct.pack(">I", len(text)) + text


class Double:
    def __init__(self):
        self.supervisor = socket.socket(fileno=0)
        self.supervisor.setblocking(True)
        self.tunnel, theirs = socket.socketpair()
        self.child = subprocess.Popen([REAL, "tunnel"], stdin=theirs)
        theirs.close()
        self.lock = threading.Lock()
        self.holding, self.held = False, []
        self.seen = open(os.path.join(FOLDER, "seen.jsonl"), "a", encoding="utf-8")

    def run(self):
        path = os.path.join(FOLDER, "control")
        if os.path.exists(path):
            os.remove(path)
        self.control = socket.socket(socket.AF_UNIX)
        self.control.bind(path)
        self.control.listen()
        for work in (self.obey, lambda: self.relay(self.tunnel, self.supervisor, "up")):
            threading.Thread(target=work, daemon=True).start()
        self.relay(self.supervisor, self.tunnel, "down")

    def relay(self, source, target, direction):
        with source.makefile("rb") as reader:
            while len(head := reader.read(4)) == 4:
                text = reader.read(struct.unpack(">I", head)[0])
                message = json.loads(text)
                with self.lock:
                    self.seen.write(json.dumps({"direction": direction, **message}) + "\n")
                    self.seen.flush()
                    if direction == "up" and message["kind"] == "order_arrived" and self.holding:
                        self.held.append(head + text)
                    else:
                        target.sendall(head + text)
        # One of the two is gone: so is this.
        self.child.kill()
        os._exit(0)

    def obey(self):
        while True:
            peer, _ = self.control.accept()
            with peer, peer.makefile("r") as reader:
                request = json.loads(reader.readline())
                with self.lock:
                    if "send" in request:
                        self.supervisor.sendall(frame(request["send"]))
                    if "raw" in request:
                        self.supervisor.sendall(bytes.fromhex(request["raw"]))
                    if "hold" in request:
                        self.holding = request["hold"]
                        while not self.holding and self.held:
                            self.supervisor.sendall(self.held.pop(0))
                peer.sendall(b"{}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["tunnel"]:
        os.execv(REAL, [REAL, *sys.argv[1:]])
    Double().run()
