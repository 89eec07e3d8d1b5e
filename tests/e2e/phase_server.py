"""An SSH server that stops in the middle, for one phase each: `phase_server.py PHASE`. Prints the port that it listens on;
serves one connection after the other until it is killed. Phases: silence, banner, kexinit (sent and nothing more), auth,
channel, terminal, shell, rubbish, late-rubbish (after the handshake), closes. "works" stops nowhere: its log-in asks two
questions, and its shell gives lines back."""

import os
import socket
import sys
import threading
import time

FOREVER = threading.Event()


def raw(phase, one):
    """Phases that come before a library would have a say."""
    if phase == "silence":
        FOREVER.wait()
    elif phase == "rubbish":
        one.sendall(b"\x81" * 30000)
        FOREVER.wait()
    elif phase == "closes":
        one.close()
    else:
        one.sendall(b"SSH-2.0-Stalls_1\r\n")
        if phase == "kexinit":
            names = [b"curve25519-sha256", b"ssh-ed25519"] + [b"aes128-ctr"] * 2 + [b"hmac-sha2-256"] * 2 + [b"none"] * 2 + [b""] * 2
            body = b"\x14" + os.urandom(16) + b"".join(len(name).to_bytes(4, "big") + name for name in names) + bytes(5)
            padding = 8 - (len(body) + 5) % 8 + 8
            one.sendall((len(body) + padding + 1).to_bytes(4, "big") + bytes([padding]) + body + bytes(padding))
        FOREVER.wait()


def serve(phase, one):
    import paramiko

    class Server(paramiko.ServerInterface):
        def get_allowed_auths(self, username):
            return "keyboard-interactive" if phase == "works" else "password"

        def check_auth_password(self, username, password):
            if phase == "auth":
                FOREVER.wait()
            return paramiko.AUTH_SUCCESSFUL

        def check_auth_interactive(self, username, submethods):
            return paramiko.InteractiveQuery("Two questions", "Say both", ("Favourite day: ", True), ("Token: ", False))

        def check_auth_interactive_response(self, responses):
            return paramiko.AUTH_SUCCESSFUL if responses == ["monday", "42"] else paramiko.AUTH_FAILED

        def check_channel_request(self, kind, number):
            if phase == "channel":
                FOREVER.wait()
            return paramiko.OPEN_SUCCEEDED

        def check_channel_pty_request(self, *arguments):
            if phase == "terminal":
                FOREVER.wait()
            return True

        def check_channel_shell_request(self, channel):
            if phase == "shell":
                FOREVER.wait()
            if phase == "late-rubbish":
                transport.sock.sendall(os.urandom(5000))
            threading.Thread(target=echo, args=(channel,), daemon=True).start()
            return True

    def echo(channel):
        channel.sendall(b"shell$ ")
        line = b""
        while piece := channel.recv(1000):
            line += piece
            if b"\r" in line:
                channel.sendall(b"\r\n<" + line.strip() + b">\r\nshell$ ")
                line = b""

    transport = paramiko.Transport(one)
    transport.add_server_key(paramiko.ECDSAKey.generate())
    transport.start_server(server=Server())
    while transport.is_active():
        time.sleep(0.1)


def main():
    phase = sys.argv[1]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    by_hand = phase in ("silence", "banner", "kexinit", "rubbish", "closes")
    while True:
        one, _ = listener.accept()
        threading.Thread(target=raw if by_hand else serve, args=(phase, one), daemon=True).start()


if __name__ == "__main__":
    main()
