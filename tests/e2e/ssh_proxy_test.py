#!/usr/bin/env python3
"""The person's own ssh, scp, sftp, rsync and git through `jump ssh-proxy`, to a Jump Client."""

import filecmp
import hashlib
import os
import subprocess
import time

import case
import lab
import suite
from terminal import Terminal

LONG = bool(os.environ.get("JUMP_LONG"))


class SshProxy(case.LabCase):
    def setUp(self):
        super().setUp()
        self.suite = suite.Suite(self.lab)
        self.suite.start()
        self.console = self.suite.console()
        self.client = suite.Client(self.suite, self.console.deployment_key(), "web")
        self.client.start()
        self.config = self.lab.path("ssh_config")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.console.run("ssh-config"))
        self.environment = self.console.environment
        self.there = self.lab.path("there")
        os.mkdir(self.there)

    def done(self, *words, check=True, **options):
        options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(words, capture_output=True, env=self.environment, timeout=120, **options)
        if check and done.returncode != 0:
            raise lab.LabError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done

    def ssh(self, *words, **options):
        return self.done("ssh", "-F", self.config, *words, **options)

    def wrapper(self):
        """For programs that take the name of an ssh."""
        return f"ssh -F {self.config}"

    def make_file(self, name, size):
        path = self.lab.path(name)
        with open(path, "wb") as file:
            for _ in range(size // 65536):
                file.write(os.urandom(65536))
            file.write(os.urandom(size % 65536))
        return path

    def shell(self, *words):
        terminal = Terminal(self.lab, ["ssh", "-F", self.config, *words], env=self.environment)
        self.addCleanup(terminal.close)
        return terminal

    def test_a_command_has_its_own_streams_and_status(self):
        done = self.ssh("web.jump", "cat; echo err >&2; exit 3", input=b"in\xff\x00put", check=False)
        self.assertEqual((done.stdout, done.returncode), (b"in\xff\x00put", 3))
        self.assertTrue(done.stderr.endswith(b"err\n"), done.stderr)
        done = self.ssh("web.jump", "kill -TERM $$", check=False)
        self.assertEqual(done.returncode, 255)
        self.assertEqual(self.ssh("web.jump", "printf '%s|' a 'b  c' \"$0\"", check=False).stdout.split(b"|")[1], b"b  c")
        # Half-close: the program sees the end of its input and speaks afterwards.
        self.assertEqual(self.ssh("web.jump", "wc -c", input=b"x" * 3_000_000).stdout.strip(), b"3000000")
        # The recordings have it like any exec.
        self.assertIn("exec", {one["kind"] for one in self.console.sessions()})

    def test_a_shell_is_a_terminal(self):
        terminal = self.shell("web.jump")
        terminal.type("stty size; tty | sed 's/[0-9]*$//'\n")
        terminal.wait_for(r"24 80")
        terminal.wait_for(r"/dev/pts/")
        terminal.resize(100, 30)
        lab.wait_until(lambda: self.typed_size(terminal), 20, "the new size has arrived")
        terminal.hold()
        terminal.keys("C-c")
        terminal.type("echo gr\\\u00fc\\\u00dfe; exit 7\n")
        terminal.wait_for("gr\u00fc\u00dfe")
        self.assertEqual(terminal.status(), 7)

    @staticmethod
    def typed_size(terminal):
        terminal.type("stty size\n")
        time.sleep(0.2)
        return "30 100" in terminal.screen()

    def test_a_command_may_have_a_terminal(self):
        terminal = self.shell("-t", "web.jump", "tty; stty size; exit 4")
        terminal.wait_for(r"/dev/pts/")
        terminal.wait_for(r"24 80")
        self.assertEqual(terminal.status(), 4)

    def test_forwarding_is_refused(self):
        port = suite.free_port()
        forward = lab.Process(self.lab, "forward", ["ssh", "-F", self.config, "-N", "-L", f"127.0.0.1:{port}:127.0.0.1:22",
                                                    "web.jump"], self.environment, self.lab.folder)
        self.lab.processes.append(forward)
        done = self.ssh("-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:0:127.0.0.1:22", "web.jump", "true", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"forward", done.stderr)
        lab.wait_until(lambda: self.refused(port), 20, "the forwarded connection is closed without a byte")
        forward.kill()

    @staticmethod
    def refused(port):
        import socket
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                return one.recv(1) == b""
        except ConnectionRefusedError:
            return False
        except ConnectionResetError:
            return True

    def test_scp_and_sftp_copy_both_ways(self):
        source = self.make_file("source", 5_000_001)
        os.chmod(source, 0o640)
        for flags in ([], ["-O"]):
            target = os.path.join(self.there, "target")
            self.done("scp", "-p", *flags, "-F", self.config, source, f"web.jump:{target}")
            self.assertTrue(filecmp.cmp(source, target, shallow=False))
            self.assertEqual(os.stat(target).st_mode & 0o777, 0o640)
            back = self.lab.path("back")
            self.done("scp", *flags, "-F", self.config, f"web.jump:{target}", back)
            self.assertTrue(filecmp.cmp(source, back, shallow=False))
            os.remove(target)
            os.remove(back)
        batch = f"cd {self.there}\nput {source} one\nls -l\nrename one two\nget two {self.lab.path('got')}\nrm two\n"
        self.done("sftp", "-F", self.config, "-b", "-", "web.jump", input=batch.encode())
        self.assertTrue(filecmp.cmp(source, self.lab.path("got"), shallow=False))
        self.assertEqual(os.listdir(self.there), [])
        done = self.done("scp", "-F", self.config, "web.jump:/nowhere/x", self.there, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"No such file", done.stderr)

    def test_rsync_and_git(self):
        tree = self.lab.path("tree")
        for number in range(20_000 if LONG else 500):
            folder = os.path.join(tree, str(number % 50))
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, f"{number}.txt"), "w", encoding="ascii") as file:
                file.write(f"{number}\n" * (number % 40))
        copy = os.path.join(self.there, "tree")
        start = time.monotonic()
        self.done("rsync", "-a", "-e", self.wrapper(), tree + "/", f"web.jump:{copy}")
        print(f"rsync of {sum(len(names) for _, _, names in os.walk(tree))} files: {time.monotonic() - start:.1f} s")
        self.done("rsync", "-a", "-e", self.wrapper(), f"web.jump:{copy}/", self.lab.path("again") + "/")
        difference = self.done("diff", "-r", tree, self.lab.path("again"))
        self.assertEqual(difference.stdout, b"")
        repository = os.path.join(self.there, "repository")
        git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "-C", repository]
        os.mkdir(repository)
        self.done(*git, "init", "-q", "-b", "main")
        with open(os.path.join(repository, "a"), "w", encoding="ascii") as file:
            file.write("content\n")
        self.done(*git, "add", "a")
        self.done(*git, "commit", "-q", "-m", "first")
        self.environment = dict(self.environment, GIT_SSH_COMMAND=self.wrapper())
        self.done("git", "clone", "-q", f"web.jump:{repository}", self.lab.path("clone"))
        with open(self.lab.path("clone", "a"), encoding="ascii") as file:
            self.assertEqual(file.read(), "content\n")

    def test_one_connection_carries_many_sessions(self):
        control = self.lab.path("control")
        master = ["-o", f"ControlPath={control}"]
        holder = lab.Process(self.lab, "master", ["ssh", "-F", self.config, "-M", "-N", *master, "web.jump"],
                             self.environment, self.lab.folder)
        self.lab.processes.append(holder)
        lab.wait_until(lambda: os.path.exists(control), 20, "the master is there")
        running = [subprocess.Popen(["ssh", "-F", self.config, *master, "web.jump", f"cat; echo {number}"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment)
                   for number in range(6)]
        payload = os.urandom(300_000)
        for number, one in enumerate(running):
            output, _ = one.communicate(payload, timeout=60)
            self.assertEqual(hashlib.sha256(output).digest(),
                             hashlib.sha256(payload + f"{number}\n".encode()).digest())
        holder.kill()

    def test_what_is_wrong_is_one_line(self):
        done = self.ssh("nobody.jump", "true", check=False)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"there is no asset 'nobody'", done.stderr)
        self.client.process.stop()
        lab.wait_until(lambda: b"is offline" in self.ssh("web.jump", "true", check=False).stderr, 30, "offline is said")

    def test_a_slow_reader_holds_the_program(self):
        done = subprocess.run(["sh", "-c", f"ssh -F {self.config} web.jump 'head -c 40000000 /dev/zero; echo x >&2'"
                                           " | (sleep 3; wc -c)"], capture_output=True, env=self.environment, timeout=120)
        self.assertEqual(done.stdout.strip(), b"40000000")

    def test_sftp_without_a_server_on_the_other_side(self):
        """Where the endpoint has no sftp-server, jump serves the subsystem from a session of kind files."""
        hidden = [path for path in ("/usr/lib/openssh/sftp-server", "/usr/lib/sftp-server") if os.path.exists(path)]
        if not hidden:
            return
        # A client whose processes see no sftp-server: a mount namespace with empty files in their place.
        self.client.process.stop()
        empty = self.lab.path("empty")
        with open(empty, "w", encoding="ascii"):
            pass
        cover = "; ".join(f"mount --bind {empty} {path}" for path in set(os.path.realpath(one) for one in hidden))
        self.client.process = lab.Process(
            self.lab, "covered", ["unshare", "--mount", "sh", "-c",
                                  f"{cover}; exec {self.client.program} --config {self.client.config} run"],
            self.environment, self.lab.folder)
        self.lab.processes.append(self.client.process)
        lab.wait_until(self.client.online, 20, "the client is online again")
        source = self.make_file("source", 3_000_000)
        os.chmod(source, 0o750)
        target = os.path.join(self.there, "target")
        self.done("scp", "-F", self.config, "-p", source, f"web.jump:{target}")
        self.assertTrue(filecmp.cmp(source, target, shallow=False))
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o750)
        self.assertEqual(int(os.stat(target).st_mtime), int(os.stat(source).st_mtime))
        back = self.lab.path("back")
        self.done("scp", "-F", self.config, f"web.jump:{target}", back)
        self.assertTrue(filecmp.cmp(source, back, shallow=False))
        batch = f"cd {self.there}\nmkdir sub\nput {source} sub/x\nls -l sub\nget sub/x {self.lab.path('got')}\nrm sub/x\nrmdir sub\n"
        listed = self.done("sftp", "-F", self.config, "-b", "-", "web.jump", input=batch.encode()).stdout
        self.assertIn(b"-rwxr-x---", listed)
        self.assertTrue(filecmp.cmp(source, self.lab.path("got"), shallow=False))
        self.assertEqual(os.listdir(self.there), ["target"])
        done = self.done("scp", "-F", self.config, "web.jump:/nowhere/x", self.there, check=False)
        self.assertIn(b"No such file", done.stderr)
        self.assertIn("files", {one["kind"] for one in self.console.sessions()})


if __name__ == "__main__":
    case.need("ssh", "scp", "sftp", "rsync", "git")
    case.main()
