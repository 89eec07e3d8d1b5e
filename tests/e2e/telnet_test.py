#!/usr/bin/env python3
"""Telnet through a Jumpoint, with `jump shell` in a terminal: real telnet servers (inetutils-telnetd; in the long form the
one of netkit with TLS switched off, from Debian's telnetd-ssl), and devices that misbehave.

JUMP_LONG=1: a device sends 1 MiB subnegotiations 200 times instead of 20."""

import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import case
import lab
from behind import BehindCase, resident_kib

USER = "jumptelnetuser"
PASSWORD = "Tr0ub4dor and 4"
LONG = os.environ.get("JUMP_LONG") == "1"
IAC, DONT, DO, WONT, WILL, SB, AYT, DM, SE = (bytes([number]) for number in (255, 254, 253, 252, 251, 250, 246, 242, 240))
BINARY, ECHO, SGA, TTYPE, NAWS, LINEMODE = (bytes([number]) for number in (0, 1, 3, 24, 31, 34))


class Inetd:
    """Starts a program for each connection, with the connection as its input and output."""

    def __init__(self, *command):
        self.command = command
        self.started = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            with one:
                self.started.append(subprocess.Popen(self.command, stdin=one, stdout=one, stderr=subprocess.DEVNULL))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for process in self.started:
            process.kill()
            process.wait()


class Device:
    """A device with a script: `talk` is called with each connection, in a thread of its own."""

    def __init__(self, talk):
        self.talk = talk
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(one,), daemon=True).start()

    def _talk(self, one):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with one:
            try:
                self.talk(one)
                # With unread bytes the close would be a reset.
                one.shutdown(socket.SHUT_WR)
                while one.recv(65536):
                    pass
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def line_of(one):
    """What is typed up to Return, without options."""
    line = b""
    while True:
        byte = one.recv(1)
        if byte == IAC:
            one.recv(2)
        elif byte in (b"\r", b""):
            return line
        elif byte not in (b"\n", b"\0"):
            line += byte


class Telnet(BehindCase):
    USER, PASSWORD = USER, PASSWORD

    @classmethod
    def prepare(cls):
        cls.inetd = Inetd("/usr/sbin/telnetd", "-h")
        cls.addClassCleanup(cls.inetd.close)
        cls.console.run("credential", "add", "there", "--user", USER, "--password-file",
                        cls.file("password-there", PASSWORD + "\n"))

    def device(self, name, talk, *words):
        device = Device(talk)
        self.addCleanup(device.close)
        self.add(name, device.port, "--protocol", "telnet", *words)
        return device

    def shell(self, name, *words, **options):
        return self.terminal("shell", name, *words, **options)

    def work_in(self, terminal):
        """At the prompt of a shell of the user there."""
        terminal.wait_for(r"\$ ?$")
        terminal.type("stty size; echo =$TERM=\n")
        terminal.wait_for("^24 80$")
        terminal.wait_for("^=xterm=$")
        terminal.resize(100, 30)
        self.size_is(terminal, "30 100")
        terminal.type("clear; printf 'gr\\303\\274\\303\\237e %s\\n' 'a b'; printf '\\377' | wc -c\n")
        terminal.wait_for("^grüße a b$")
        terminal.wait_for("^1$")
        # A program that has the whole screen, and its keys.
        terminal.type("seq 1 500 | less\n")
        terminal.wait_for(r"^:$")
        terminal.type("G")
        terminal.wait_for("^500$")
        terminal.type("q")
        terminal.type("clear; echo re''ady; cat -A\n")
        terminal.wait_for("^ready$")
        terminal.type("grüße\n")
        terminal.wait_for(r"^grM-CM-<M-CM-\^_e\$$")
        terminal.keys("C-c")
        terminal.wait_for(r"~\$\s*\Z")  # the key throws away what is typed before it is obeyed
        # The server throws away what it has not sent when the key comes, and says so by a synch.
        terminal.type("clear; yes\n")
        terminal.wait_for(r"^y\ny\ny$")
        started = time.monotonic()
        terminal.keys("C-c")
        terminal.type("echo stopped-$?\n")
        terminal.wait_for("^stopped-130$")
        print(f"Ctrl-C against yes over Telnet: prompt after {time.monotonic() - started:.2f} s", flush=True)
        terminal.type("exit 3\n")
        self.assertEqual(terminal.status(), 0)  # Telnet tells no exit status

    def size_is(self, terminal, size):
        def typed():
            terminal.type("stty size\n")
            time.sleep(0.1)
            return size in terminal.screen()
        lab.wait_until(typed, 20, f"the size {size} has arrived")

    def test_a_terminal_at_inetutils_telnetd(self):
        self.add("tel", self.inetd.port, "--protocol", "telnet")
        terminal = self.shell("tel")
        terminal.wait_for("login: ?$")
        terminal.type(USER + "\n")
        terminal.wait_for("assword: ?$")
        terminal.type(PASSWORD + "\n")
        self.work_in(terminal)
        self.assertNotIn("Tr0ub4dor", terminal.history())

    def test_a_stored_credential_logs_in_there(self):
        self.add("stored", self.inetd.port, "--protocol", "telnet", "--credential", "there", "--keep-alive", "30")
        terminal = self.shell("stored")
        terminal.wait_for(r"\$ ?$")
        terminal.type("id -un; exit\n")
        terminal.wait_for(f"^{USER}$")
        self.assertEqual(terminal.status(), 0)
        for name in os.listdir(os.path.join(self.suite.data, "recordings")):
            with open(os.path.join(self.suite.data, "recordings", name), "rb") as file:
                self.assertNotIn(PASSWORD.encode(), file.read())

    @unittest.skipUnless(LONG, "downloads a package; JUMP_LONG=1")
    def test_a_terminal_at_the_telnetd_of_netkit(self):
        # It cannot be installed beside the other one.
        folder = self.lab.path("netkit")
        os.mkdir(folder)
        lab.sh("apt-get", "-qq", "download", "telnetd-ssl", cwd=folder)
        lab.sh("sh", "-c", f"dpkg-deb -x {folder}/*.deb {folder}")
        # It wants a certificate even so.
        pem = os.path.join(folder, "telnetd.pem")
        lab.sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", pem, "-out", pem + ".crt")
        netkit = Inetd(f"{folder}/usr/sbin/in.telnetd", "-h", "-N", "-z", "nossl", "-z", f"cert={pem}.crt", "-z", f"key={pem}",
                       "-L", "/bin/login")
        self.addCleanup(netkit.close)
        self.add("netkit", netkit.port, "--protocol", "telnet", "--credential", "there")
        self.work_in(self.shell("netkit"))

    def test_the_log_in_helper_knows_the_questions_of_the_asset(self):
        answers = []

        def talk(one):
            one.sendall(WILL_ECHO + b"Router 7\r\n\r\nKennung>")
            answers.append(line_of(one))
            one.sendall(b"\r\nLosung>")
            answers.append(line_of(one))
            one.sendall(b"\r\nrouter# ")
            answers.append(line_of(one))

        self.device("router", talk, "--credential", "there", "--login-prompt", "Kennung>$", "--password-prompt", "Losung>$")
        terminal = self.shell("router")
        terminal.wait_for("^router#")
        terminal.type("show\n")
        self.assertEqual(terminal.status(), 0)
        self.assertEqual(answers, [USER.encode(), PASSWORD.encode(), b"show"])
        self.assertNotIn("Tr0ub4dor", terminal.history())

    def test_the_log_in_helper_answers_once_and_gives_up_in_time(self):
        answers = []

        def refuse(one):
            for question in (b"login: ", b"\r\nPassword: ", b"\r\nLogin incorrect\r\nlogin: ", b"\r\nPassword: "):
                one.sendall(question)
                answers.append(line_of(one))
            one.sendall(b"\r\nwelcome")

        self.device("picky", refuse, "--credential", "there")
        terminal = self.shell("picky")
        terminal.wait_for("Login incorrect")
        terminal.type("me\nmine\n")
        terminal.wait_for("welcome")
        self.assertEqual(answers, [USER.encode(), PASSWORD.encode(), b"me", b"mine"])

        late = []

        def slow(one):
            one.sendall(b"self test\r\n")
            time.sleep(1.5)
            one.sendall(b"login: ")
            late.append(line_of(one))

        self.device("slow", slow, "--credential", "there", "--login-seconds", "1")
        terminal = self.shell("slow")
        terminal.wait_for("login:")
        terminal.type("by hand\n")
        self.assertEqual(terminal.status(), 0)
        self.assertEqual(late, [b"by hand"])

    def test_a_device_that_negotiates_in_circles(self):
        asked = [0]
        answered = [0]
        go = threading.Event()

        def talk(one):
            def count():
                while data := one.recv(65536):
                    answered[0] += len(data)
                    if b"q" in data:
                        go.set()

            counter = threading.Thread(target=count, daemon=True)
            counter.start()
            one.sendall(b"circles begin\r\n")
            for _ in range(200):
                for option in (ECHO, SGA, BINARY, TTYPE, NAWS, LINEMODE, bytes([77])):
                    one.sendall(IAC + WILL + option + IAC + WONT + option + IAC + DO + option + IAC + DONT + option)
                    asked[0] += 12
            one.sendall(b"circles end\r\n")
            go.wait(20)
            one.shutdown(socket.SHUT_RDWR)
            counter.join()

        self.device("circles", talk)
        terminal = self.shell("circles")
        terminal.wait_for("circles begin")
        terminal.wait_for("circles end")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)
        print(f"asked {asked[0]} bytes of options in circles, answered with {answered[0]}", flush=True)
        self.assertLess(answered[0], 5000)

    def test_huge_subnegotiations_leave_the_memory_alone(self):
        rounds = 200 if LONG else 20
        more = threading.Event()

        def talk(one):
            one.sendall(IAC + DO + TTYPE + b"begin\r\n")
            more.wait(30)
            for _ in range(rounds):
                one.sendall(IAC + SB + TTYPE + b"\1" * (1 << 20) + IAC + SE)
            one.sendall(b"after all of it\r\n")
            # One that never ends.
            one.sendall(IAC + SB + TTYPE + b"\1" * (4 << 20))
            one.sendall(IAC + SE + b"and that\r\n")
            line_of(one)

        self.device("huge", talk)
        terminal = self.shell("huge")
        terminal.wait_for("begin")
        pids = self.node.processes("session")
        before = sum(resident_kib(pid) for pid in pids)
        more.set()
        terminal.wait_for("after all of it", 60)
        terminal.wait_for("and that", 60)
        after = sum(resident_kib(pid) for pid in pids)
        print(f"{rounds} subnegotiations of 1 MiB: {before} KiB before, {after} KiB after", flush=True)
        self.assertLess(after - before, 1024)
        terminal.type("bye\n")
        self.assertEqual(terminal.status(), 0)

    def test_commands_split_over_packets(self):
        got = []

        def talk(one):
            one.settimeout(20)
            for byte in (IAC + DO + TTYPE + IAC + DO + NAWS + IAC + WILL + ECHO + IAC + WILL + SGA + b"o" + IAC + IAC + b"ne\r\n"
                         + IAC + SB + TTYPE + b"\1" + IAC + SE + IAC + AYT + b"two\r\0three\r\n"):
                one.sendall(bytes([byte]))
                time.sleep(0.002)
            data = b""
            while b"q" not in data:
                data += one.recv(1000)
            got.append(data)

        self.device("split", talk)
        terminal = self.shell("split")
        terminal.wait_for("^three")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)
        self.assertIn(IAC + WILL + TTYPE, got[0])
        self.assertIn(IAC + SB + NAWS + b"\0\x50\0\x18" + IAC + SE, got[0])
        self.assertIn(IAC + SB + TTYPE + b"\0XTERM" + IAC + SE, got[0])
        self.assertIn(IAC + DO + ECHO, got[0])
        self.assertEqual(got[0].count(b"[yes]"), 1)
        self.assertTrue(got[0].endswith(b"q"))

    def test_a_synch_throws_away_what_came_before_it(self):
        stopped, sent = threading.Event(), threading.Event()

        def talk(one):
            one.sendall(IAC + WILL + ECHO + b"flood begins\r\n")
            stopped.wait(20)
            one.sendall(b"thrown away\r\n" * 3000)
            # The data mark goes as urgent data (RFC 854 page 8).
            one.sendall(IAC)
            one.send(DM, socket.MSG_OOB)
            one.sendall(b"behind the mark\r\n")
            sent.set()
            line_of(one)
            # Without a mark behind it nobody is left in silence.
            one.send(b"!", socket.MSG_OOB)
            one.sendall(b"x" * 2000 + b"\r\nstill here\r\n")
            line_of(one)

        self.device("synch", talk)
        terminal = self.shell("synch")
        terminal.wait_for("flood begins")
        # All of it is there before any of it is read.
        pids = self.node.processes("session")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        stopped.set()
        sent.wait(20)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        terminal.wait_for("^behind the mark")
        shown = terminal.history().count("thrown away")
        print(f"of 3000 lines before a synch {shown} were shown", flush=True)
        self.assertEqual(shown, 0)
        terminal.type("on\n")
        terminal.wait_for("still here")
        terminal.type("bye\n")
        self.assertEqual(terminal.status(), 0)

    def test_what_ends_it_is_one_line(self):
        gone = Device(lambda one: None)
        gone.close()
        self.add("nobody", gone.port, "--protocol", "telnet")
        done = self.jump("shell", "nobody")
        print("nothing listens:", done.stderr.strip(), flush=True)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (255, 1))
        self.assertIn("refused", done.stderr)

        def reset(one):
            one.sendall(b"hello\r\n")
            line_of(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.close()

        self.device("resets", reset)
        terminal = self.shell("resets")
        terminal.wait_for("hello")
        terminal.type("x\n")
        self.assertEqual(terminal.status(), 255)
        print("reset:", terminal.screen().splitlines()[-1], flush=True)
        self.assertIn("reset", terminal.screen())
        done = self.jump("exec", "resets", "--", "true")
        print("exec:", done.stderr.strip(), flush=True)
        self.assertIn("`jump shell` works", done.stderr)


WILL_ECHO = IAC + WILL + ECHO

if __name__ == "__main__":
    case.need("/usr/sbin/telnetd", "useradd", "jumpoint", "less")
    case.main()
