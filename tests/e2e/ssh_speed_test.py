#!/usr/bin/env python3
"""How fast a person's own programs are through `jump ssh-proxy` and a Jumpoint's node to a real sshd, beside the same
programs through `ssh -J` and a jump host on the same machine, in turn in the same run. Short, it shows that all of it
works and prints what it saw; JUMP_LONG=1 moves 1 GiB each way, 20,000 files and 1,000 keystrokes, each test in about a
minute on a quiet machine of two cores; JUMP_ROUNDS=3 takes the medians of three."""

import filecmp
import glob
import os
import pty
import random
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import tty

import case
import lab
import suite

LONG = os.environ.get("JUMP_LONG") == "1"
MEGABYTES = 1024 if LONG else 32
FILES = 20_000 if LONG else 400
KEYSTROKES = 1000 if LONG else 100
ROWS = 1_000_000 if LONG else 50_000
ROUNDS = int(os.environ.get("JUMP_ROUNDS", "1"))
AT_ONCE = 200
ANSWERS = 50_000  # of a half-closed connection: more than buffers on the way hold


class Speed(case.LabCase):
    def setUp(self):
        super().setUp()
        self.suite = suite.Suite(self.lab)
        self.suite.start()
        self.console = self.suite.console()
        self.user_key = self.new_key("user_key")
        self.ports = {name: self.start_sshd(name) for name in ("target", "jump-host")}
        self.console.run("jumpoint", "add", "lab")
        self.start_node()
        self.console.run("asset", "add", "shell-jump", "box", "--jumpoint", "lab", "--group", "default", "--host",
                         "127.0.0.1", "--port", str(self.ports["target"]), "--user", "root")
        self.console.run("asset", "host-keys", "box", "--set", self.lab.path("target_key.pub"))
        self.console.run("credential", "add", "root", "--user", "root", "--private-key-file", self.user_key)
        self.console.run("asset", "edit", "box", "--credential", "root")
        self.config = self.lab.path("ssh_config")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.console.run("ssh-config", "--batch"))
            for name, port in self.ports.items():
                file.write(f"\nHost {name} {name}.direct\n  HostName 127.0.0.1\n  Port {port}\n  User root\n"
                           f"  IdentityFile {self.user_key}\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n"
                           f"  UserKnownHostsFile {self.lab.path('known')}\n  LogLevel ERROR\n")
            file.write("\nHost target\n  ProxyJump jump-host\n")
        self.environment = dict(self.console.environment, GIT_SSH_COMMAND=f"ssh -F {self.config}")
        self.there = self.lab.path("there")
        os.mkdir(self.there)

    def new_key(self, name):
        path = self.lab.path(name)
        lab.sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
        return path

    def start_sshd(self, name):
        key, port = self.new_key(name + "_key"), suite.free_port()
        config = self.lab.path(name + "_config")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\n"
                       f"PermitRootLogin yes\nAuthorizedKeysFile {self.user_key}.pub\nMaxStartups 100\n"
                       "Subsystem sftp internal-sftp\n")
        os.makedirs("/run/sshd", exist_ok=True)
        suite.start(self.lab, "/usr/sbin/sshd", "-D", "-e", "-f", config, name=name)
        lab.wait_until(lambda: self.answers(port), 20, f"{name} listens")
        return port

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def start_node(self):
        config, key = self.lab.path("jumpoint.yaml"), self.lab.path("node.key")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"data: {self.lab.path('node-data')}\nrun: {self.lab.path('node-run')}\n"
                       "target_allow: [\"127.0.0.1:*\"]\n")
        with open(key, "w", encoding="ascii") as file:
            file.write(self.console.run("jumpoint", "key", "lab"))
        program = lab.find_program("jumpoint")
        lab.sh(program, "--config", config, "install", "--key-info-file", key)
        suite.start(self.lab, program, "--config", config, "run", name="node")
        lab.wait_until(lambda: "1 of 1" in self.console.run("jumpoint", "list"), 30, "the node is online")

    def done(self, *words, **options):
        """Seconds that it took."""
        start = time.monotonic()
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=900,
                              **options)
        if done.returncode != 0:
            raise lab.LabError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.decode(errors='replace')}")
        return time.monotonic() - start

    def compare(self, what, measure, amount=None, unit=""):
        """One after the other; `measure` takes the name of a host and returns seconds. Prints the medians and the ratio."""
        rounds = [(measure("box.jump"), measure("target")) for _ in range(ROUNDS)]
        ours, theirs = (statistics.median(series) for series in zip(*rounds))
        figures = f"{amount / ours:.1f} against {amount / theirs:.1f} {unit}" if amount else f"{ours:.2f} against {theirs:.2f} s"
        print(f"{what}: {figures} by ssh -J, ratio {theirs / ours:.2f}", flush=True)

    def random_file(self):
        source = self.lab.path("source")
        with open(source, "wb") as file:
            for _ in range(MEGABYTES):
                file.write(os.urandom(1 << 20))
        return source

    def compare_copies(self, what, measure):
        self.compare(f"{what}, {MEGABYTES} MiB", measure, MEGABYTES * 1.048576, "MB/s")

    def test_scp_there(self):
        source, copy = self.random_file(), os.path.join(self.there, "copy")

        def up(host):
            took = self.done("scp", "-F", self.config, source, f"{host}:{copy}")
            self.assertTrue(filecmp.cmp(source, copy, shallow=False))
            os.remove(copy)
            return took
        self.compare_copies("scp there", up)

    def test_scp_back(self):
        source, back = self.random_file(), self.lab.path("back")

        def down(host):
            took = self.done("scp", "-F", self.config, f"{host}:{source}", back)
            self.assertTrue(filecmp.cmp(source, back, shallow=False))
            os.remove(back)
            return took
        self.compare_copies("scp back", down)

    def test_output(self):
        source = self.random_file()
        self.compare_copies("ssh cat", lambda host: self.done(
            "sh", "-c", f"ssh -F {self.config} {host} cat {source} > /dev/null"))
        self.compare("ssh true", lambda host: self.done("ssh", "-F", self.config, host, "true"))

    def test_input(self):
        source = self.random_file()
        self.compare_copies("ssh cat >", lambda host: self.done(
            "sh", "-c", f"ssh -F {self.config} {host} 'cat > /dev/null' < {source}"))

    def test_trees_and_repositories(self):
        tree = self.lab.path("tree")
        for number in range(FILES):
            folder = os.path.join(tree, str(number % 100))
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, f"{number}.txt"), "w", encoding="ascii") as file:
                file.write(f"{number}\n" * (number % 400))

        def rsync(host):
            copy = os.path.join(self.there, "tree-" + host)
            shutil.rmtree(copy, ignore_errors=True)
            took = self.done("rsync", "-a", "-e", f"ssh -F {self.config}", tree + "/", f"{host}:{copy}")
            self.done("diff", "-rq", tree, copy)
            return took

        self.compare(f"rsync -a of {FILES} files", rsync)
        repository = os.path.join(self.there, "repository")
        shutil.copytree(tree, repository)
        git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "-C", repository]
        self.done(*git, "init", "-q", "-b", "main")
        self.done(*git, "add", ".")
        self.done(*git, "commit", "-q", "-m", "first")

        def clone(host):
            copy = self.lab.path("clone-" + host)
            shutil.rmtree(copy, ignore_errors=True)
            took = self.done("git", "clone", "-q", f"{host}:{repository}", copy)
            self.assertEqual(len(os.listdir(copy)), min(FILES, 100) + 1)
            return took

        self.compare(f"git clone of {FILES} files", clone)

    def test_keystrokes(self):
        """One key at a time, in a raw terminal whose other end sends it back; both ways in turn."""
        echoes = {name: Echo(["ssh", "-F", self.config, "-tt", name, "stty raw -echo; echo ready; exec cat"],
                             self.environment) for name in ("box.jump", "target")}
        took = {name: [] for name in echoes}
        for echo in echoes.values():
            self.addCleanup(echo.close)
            echo.wait_for(b"ready")
        for number in range(KEYSTROKES):
            for name in random.sample(list(echoes), 2):
                took[name].append(echoes[name].key(bytes([97 + number % 26])))
        for name, series in took.items():
            series.sort()
            print(f"keystroke by {name}: p50 {series[len(series) // 2] * 1e6:.0f} µs, p99 "
                  f"{series[len(series) * 99 // 100] * 1e6:.0f} µs", flush=True)
        ours, theirs = (series[len(series) // 2] for series in took.values())
        print(f"keystroke p50: ratio {ours / theirs:.2f} of ssh -J", flush=True)

    def test_tunnel_jumps(self):
        """redis-cli, 200 curls at once, half-closed connections: with ports of the console's own."""
        counter = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addCleanup(counter.close)
        threading.Thread(target=self.serve_each, args=(counter, self.count), daemon=True).start()
        redis = suite.free_port()
        suite.start(self.lab, "redis-server", "--bind", "127.0.0.1", "--port", str(redis), "--save", "", name="redis")
        lab.wait_until(lambda: self.answers(redis), 30, "redis listens")
        web = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addCleanup(web.close)
        self.everybody = threading.Barrier(AT_ONCE)
        threading.Thread(target=self.serve_each, args=(web, self.serve_page), daemon=True).start()
        self.console.run("asset", "add", "tunnel", "ports", "--jumpoint", "lab", "--group", "default", "--host", "127.0.0.1",
                         "--ports", f"0;{redis};0;{web.getsockname()[1]};0;{counter.getsockname()[1]}")
        tunnel = self.console.start("tunnel", "ports", name="tunnel")
        tunnel.wait_for_output(f"for 127.0.0.1:{counter.getsockname()[1]}")
        listening = [int(part.split()[0]) for part in tunnel.output().split("listening on 127.0.0.1:")[1:]]
        redis_cli = ["redis-cli", "-h", "127.0.0.1", "-p", str(listening[0])]
        self.assertEqual(lab.sh(*redis_cli, "set", "key", "v" * 50_000), "OK\n")
        self.assertEqual(lab.sh(*redis_cli, "get", "key"), "v" * 50_000 + "\n")
        took = [self.done("redis-cli", "-h", "127.0.0.1", "-p", str(port), "-r", "2000", "ping")
                for port in (listening[0], redis)]
        print(f"2,000 pings by redis-cli: {took[0] / 2 * 1000:.0f} µs each, {took[1] / 2 * 1000:.0f} µs without the tunnel",
              flush=True)
        urls = [f"http://127.0.0.1:{listening[1]}/{number}" for number in range(AT_ONCE)]
        config = self.lab.path("curls")
        with open(config, "w", encoding="ascii") as file:
            for number, url in enumerate(urls):
                file.write(f'url = "{url}"\noutput = "{self.lab.path(f"page-{number}")}"\n')
        seconds = self.done("curl", "-sS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", str(AT_ONCE),
                            "--config", config)
        for number in range(AT_ONCE):
            with open(self.lab.path(f"page-{number}"), "rb") as file:
                self.assertEqual(file.read(), self.page(f"/{number}"))
        self.assertEqual(self.most_at_once, AT_ONCE)
        print(f"curl: {AT_ONCE} pages of 100 kB over {self.most_at_once} connections at once in {seconds:.2f} s", flush=True)
        for size in (0, 1, 3_000_000):
            with socket.create_connection(("127.0.0.1", listening[2]), timeout=30) as one:
                one.sendall(b"x" * size)
                self.assertEqual(select.select([one], [], [], 0.1)[0], [], "an answer before the end was sent")
                one.shutdown(socket.SHUT_WR)
                self.assertEqual(one.makefile("rb").read(), f"{size} ".encode() * ANSWERS)

    def test_a_database_through_a_tunnel_jump(self):
        """psql with a PostgreSQL of its own: rows in, rows out, a statement that is cancelled."""
        found = glob.glob("/usr/lib/postgresql/*/bin")
        if not found or not shutil.which("psql"):
            self.skipTest("postgresql is not installed")
        port, folder = suite.free_port(), self.lab.path("database")
        os.chmod(self.lab.folder, 0o711)
        os.mkdir(folder)
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
        lab.sh(*as_user, f"{found[0]}/initdb", "-D", folder, "-A", "trust", "-N", cwd="/")
        server = lab.Process(self.lab, "postgres", [*as_user, f"{found[0]}/postgres", "-D", folder, "-p", str(port), "-h",
                                                    "127.0.0.1", "-k", folder, "-F"], self.lab.environment(), "/")
        self.lab.processes.append(server)
        server.wait_for_output("ready to accept connections")
        self.console.run("asset", "add", "tunnel", "db", "--jumpoint", "lab", "--group", "default", "--host", "127.0.0.1",
                         "--ports", f"0;{port}")
        tunnel = self.console.start("tunnel", "db", name="tunnel-db")
        tunnel.wait_for_output(f"for 127.0.0.1:{port}")
        local = tunnel.output().split("listening on 127.0.0.1:")[1].split()[0]

        def psql(where, *words, **options):
            return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(where), "-U", "postgres", *words],
                                  capture_output=True, text=True, timeout=120, env=self.lab.environment(), **options)
        rows = "".join(f"{number}\t{number * number}\n" for number in range(ROWS))
        self.assertEqual(psql(local, "-c", "create table squares (a int primary key, b bigint)").stderr, "")
        start = time.monotonic()
        self.assertEqual(psql(local, "-c", "copy squares from stdin", input=rows).stderr, "")
        self.assertEqual(psql(local, "-c", "copy (select * from squares order by a) to stdout").stdout, rows)
        took = time.monotonic() - start
        times = [self.done("psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(where), "-U", "postgres", "-c", "select 1")
                 for where in (local, port)]
        print(f"psql: {ROWS} rows in and out in {took:.2f} s; select 1 {times[0]:.3f} s, without the tunnel {times[1]:.3f} s",
              flush=True)
        # The cancel request is a connection of its own.
        waiting = subprocess.Popen(["psql", "-X", "-h", "127.0.0.1", "-p", local, "-U", "postgres", "-c", "select pg_sleep(60)"],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.lab.environment())
        lab.wait_until(lambda: "pg_sleep(60)" in psql(port, "-c", "select query from pg_stat_activity where state = 'active' "
                                                                  "and pid <> pg_backend_pid()").stdout, 20, "it sleeps")
        waiting.send_signal(signal.SIGINT)
        self.assertIn("canceling statement", waiting.communicate(timeout=30)[1])

    everybody, most_at_once = None, 0

    @staticmethod
    def page(path):
        return (path * 20000)[:100_000].encode()

    def serve_page(self, one):
        """HTTP/1.0; no page goes out before all have asked."""
        request = one.recv(65536)
        self.everybody.wait(60)
        self.most_at_once = AT_ONCE
        one.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + self.page(request.split()[1].decode()))

    @staticmethod
    def count(one):
        """Says how many bytes came, after their end: that one direction is closed closes nothing of the other."""
        size = 0
        while data := one.recv(65536):
            size += len(data)
        one.sendall(f"{size} ".encode() * ANSWERS)

    @staticmethod
    def serve_each(listener, serve):
        def serve_and_close(one):
            with one:
                serve(one)
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_and_close, args=(one,), daemon=True).start()


class Echo:
    """A program in a terminal of this process."""

    def __init__(self, command, environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, environment)
            sys.exit(127)
        tty.setraw(self.terminal)
        self.output = b""

    def read(self):
        ready, _, _ = select.select([self.terminal], [], [], 30)
        if not ready:
            raise lab.LabError(f"nothing came within 30 s, after {self.output[-200:]!r}")
        return os.read(self.terminal, 4096)

    def wait_for(self, text):
        while text not in self.output:
            self.output += self.read()
        time.sleep(0.2)
        while select.select([self.terminal], [], [], 0)[0]:
            self.read()

    def key(self, key):
        start = time.perf_counter()
        os.write(self.terminal, key)
        got = self.read()
        took = time.perf_counter() - start
        if got != key:
            raise lab.LabError(f"{got!r} came back for {key!r}")
        return took

    def close(self):
        os.kill(self.pid, 15)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


if __name__ == "__main__":
    case.need("ssh", "scp", "rsync", "git", "curl", "ssh-keygen", "redis-server", "redis-cli", "/usr/sbin/sshd", "jumpoint")
    case.main()
