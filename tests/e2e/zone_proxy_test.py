"""The Jump Zone Proxy's process with real clients on loopback: curl, plain and hostile sockets, a Jump Client that has
no other way. 127.0.0.x are different sources."""

import contextlib
import json
import os
import queue
import re
import resource
import signal
import socket
import shutil
import subprocess
import threading
import time
import unittest

import case
import lab
import network
import suite


class Proxy:
    """The process, told its settings by lines on its standard input."""

    def __init__(self, net, targets, hosts=None, **local):
        """`hosts`: further lines of /etc/hosts for it."""
        self.port = suite.free_port()
        self.settings = {"host": "node.example", "port": self.port, "allow_http_get": True, "restriction": "none",
                         "prefixes": [], "more_targets": []}
        self.targets = targets
        self.log_file = net.path("access.log")
        self.local = {"access_log": self.log_file, "listen": "127.0.0.1", **local}
        command = [lab.find_program("jumpoint"), "proxy"]
        if hosts:
            with open(net.path("hosts"), "w", encoding="ascii") as file:
                file.write("127.0.0.1 localhost\n" + hosts)
            command = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$0" /etc/hosts; exec "$@"', net.path("hosts"),
                       *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.states = queue.Queue()
        self.reader = threading.Thread(target=lambda: [self.states.put(line) for line in self.process.stdout])
        self.reader.start()

    def tell(self, **settings):
        """New settings; returns the state that answers them."""
        self.settings.update(settings)
        line = {"settings": self.settings, "targets": self.targets, "local": self.local}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return self.state()

    def state(self):
        return json.loads(self.states.get(timeout=20))

    def start(self):
        state = self.tell()
        while not state["listening"]:
            state = self.state()
        return state

    def stop(self):
        if self.process.stdin.closed:
            return self.process.wait(10)
        self.process.stdin.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.reader.join()
            self.process.stdout.close()

    def log(self):
        with open(self.log_file, encoding="utf-8") as file:
            # One that is being written has no end yet.
            return [json.loads(line) for line in file if line.endswith("\n")]

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(source, 0))

    def ask(self, request, source="127.0.0.1"):
        """All that is answered."""
        with self.connect(source) as client:
            answer = b""
            # Far too much is reset while it is being sent; the answer came before that and can still be read.
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(request)
            with contextlib.suppress(ConnectionResetError):
                while piece := client.recv(65536):
                    answer += piece
            return answer

    def tunnel(self, source="127.0.0.1"):
        """A socket behind the answer to CONNECT, and the answer."""
        client = self.connect(source)
        target = self.targets[0].encode()
        answer = b""
        try:
            client.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target))
            while b"\r\n\r\n" not in answer and (piece := client.recv(65536)):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return client, answer


class Echo:
    """Stands for the appliance: sends everything back, closes when the other side has ended."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    @staticmethod
    def _serve(client):
        with client:
            try:
                while piece := client.recv(65536):
                    client.sendall(piece)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def status_of(answer):
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match.group(1)) if match else 0


class ZoneProxyTest(case.LabCase):
    def proxy(self, targets, hosts=None, **local):
        proxy = Proxy(self.lab, targets, hosts, **local)
        self.addCleanup(proxy.stop)
        proxy.start()
        return proxy

    def echo(self):
        echo = Echo()
        self.addCleanup(echo.close)
        return echo

    def test_a_jump_client_works_through_it_and_curl_too(self):
        site = suite.Suite(self.lab)
        site.start()
        proxy = self.proxy([site.address])
        console = site.console()
        client = suite.Client(site, console.deployment_key(), "till-1", install=False)
        with open(client.config, "a", encoding="ascii") as file:
            file.write(f'http_proxy: {{address: "127.0.0.1:{proxy.port}"}}\n')
        client.command("install", "--key-info-file", client.key, "--name", "till-1")
        client.start()
        self.assertEqual(console.run("exec", "till-1", "--", "echo", "through the proxy"), "through the proxy\n")
        # Closed by a change of rules; back when they allow it again.
        proxy.tell(restriction="allow", prefixes=["10.0.0.0/8"])
        # The install has left a line there too: only its own word says that the tunnel is closed.
        lab.wait_until(lambda: not client.online(), 20, "till-1 is out")
        proxy.tell(restriction="none", prefixes=[])
        lab.wait_until(client.online, 60, "till-1 is back")
        self.assertEqual(console.run("exec", "till-1", "--", "echo", "again"), "again\n")
        curl = ["curl", "-sS", "-k", "-o", os.devnull, "-w", "%{http_connect} %{http_code}", "-x",
                f"http://127.0.0.1:{proxy.port}"]
        self.assertEqual(lab.sh(*curl, f"https://{site.address}/openapi.yaml"), "200 200")
        refused = subprocess.run([*curl, "https://127.0.0.1:1/"], capture_output=True, text=True)
        self.assertEqual((refused.returncode != 0, refused.stdout[:3]), (True, "403"))
        self.assertEqual(lab.sh(*curl, "-w", "%{redirect_url}", f"http://{site.address}/x"),
                         f"https://{site.address}/x")

    def test_nothing_else_can_be_reached(self):
        echo = self.echo()
        proxy = self.proxy([echo.address])
        port = echo.address.split(":")[1]
        forbidden = {
            f"127.0.0.1:{int(port) % 65535 + 1}": 403, f"localhost:{port}": 403, f"127.0.0.1.:{port}": 400,
            f"127.1:{port}": 400, f"2130706433:{port}": 400, f"0x7f000001:{port}": 400, f"0177.0.0.1:{port}": 400,
            f"user@127.0.0.1:{port}": 400, f"[::1]:{port}": 403, f"[127.0.0.1]:{port}": 400, "127.0.0.1": 400,
            f"127.0.0.1:0{port}": 400, f"127.0.0.1:{port}/": 400, f"http://127.0.0.1:{port}/": 400,
            f"127.0.0.1%00.example:{port}": 400, f"127.0.0.1:{port}:{port}": 400, f"evil.example:{port}": 403,
            f"0.0.0.0:{port}": 403, f"[::]:{port}": 403, f"[::7f00:1]:{port}": 403, f"[::1%25lo]:{port}": 400,
            f"127.0.0.1.nip.io:{port}": 403, f"127.0.0.1@evil.example:{port}": 400, f"127.0.0.1#@evil:{port}": 400,
            f"127.0.0.01:{port}": 400, f"%31%32%37.0.0.1:{port}": 400, f"\\127.0.0.1:{port}": 400,
            f"127.0.0.1:{port}?": 400, f"127.0.0.1:+{port}": 400, f"127.0.0.1:{int(port) + 65536}": 400,
            f"127.0.0.1:{hex(int(port))}": 400, "127.0.0.1:": 400, "127.0.0.1:0": 400, f":{port}": 400, "*": 400, "/": 400,
            f"127。0。0。1:{port}": 400, f"[64:ff9b::127.0.0.1]:{port}": 403,
        }
        for target, status in forbidden.items():
            answer = proxy.ask(f"CONNECT {target} HTTP/1.0\r\n\r\n".encode())
            self.assertEqual(status_of(answer), status, target)
            self.assertGreater(len(answer.split(b"\r\n\r\n", 1)[1]), 10, "the body says why")
        own = f"CONNECT {echo.address} HTTP/1.1\r\nHost: {echo.address}\r\n".encode()
        for request, status in ((own + b"\r\n" + own + b"\r\n", 400), (own + b"Host: x\r\n\r\n", 400),
                                (own + b"Content-Length: 5\r\n\r\nhello", 400), (own + b"X : y\r\n\r\n", 400),
                                (own + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                                (own.replace(b"\r\n", b"\n") + b"\n", 400), (b"POST / HTTP/1.1\r\n\r\n", 405),
                                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
                                (own + b"X: " + b"x" * 1048576 + b"\r\n\r\n", 400),
                                (own + b"\r\n\x16\x03\x01", 400), (own + b" folded\r\n\r\n", 400),
                                (own + b"X: a\x00b\r\n\r\n", 400), (own + b"X: a\rb\r\n\r\n", 400),
                                (own + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
                                (own + b"Content-Length: +0\r\n\r\n", 400), (own + b"Expect: 100-continue\r\n\r\n", 400),
                                (own + b"transfer-encoding: identity\r\n\r\n", 400),
                                (own + b"Transfer-Encoding : chunked\r\n\r\n", 400),
                                (own.replace(b"Host: ", b"Host: evil.example, ") + b"\r\n", 400),
                                (own.replace(b"\r\nHost: 127.0.0.1", b"\r\nHost: localhost") + b"\r\n", 400),
                                (own.split(b"\r\n")[0] + b"\r\n\r\n", 400), (b"\r\n" + own + b"\r\n", 400),
                                (own.replace(b" HTTP/1.1", b"\tHTTP/1.1") + b"\r\n", 400),
                                (own.replace(b"HTTP/1.1", b"HTTP/2.0") + b"\r\n", 400), (b"CONNECT\r\n\r\n", 400),
                                (own.replace(b"CONNECT", b"connect") + b"\r\n", 405),
                                (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400), (b"GET / HTTP/1.0\r\n\r\n", 400),
                                (b"GET http://evil.example/ HTTP/1.0\r\n\r\n", 403),
                                (b"GET http://127.0.0.1@evil.example/ HTTP/1.0\r\n\r\n", 400),
                                (b"GET https://127.0.0.1/ HTTP/1.0\r\n\r\n", 400),
                                (b"GET http://127.0.0.1/#x HTTP/1.0\r\n\r\n", 400),
                                (b"GET http://127.0.0.1/ HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", 400),
                                (b"GET http://127.0.0.1:22/ HTTP/1.0\r\n\r\n", 403),
                                (b"PUT http://127.0.0.1/ HTTP/1.0\r\n\r\n", 405)):
            self.assertEqual(status_of(proxy.ask(request)), status, request[:80])
        self.assertEqual({line["verdict"] for line in proxy.log()}, {"refused"})
        # What is the same place in another spelling.
        for same in (f"[::ffff:127.0.0.1]:{port}", f"[::ffff:7f00:1]:{port}", f"[0:0:0:0:0:FFFF:127.0.0.1]:{port}"):
            self.assertEqual(status_of(self.granted(proxy, same)), 200, same)

    def test_names_are_compared_as_names_and_lead_nowhere_near(self):
        echo = self.echo()
        port = int(echo.address.split(":")[1])
        proxy = self.proxy([f"localhost:{port}", f"inside.example:{port}"], hosts="127.0.0.1 inside.example\n")
        for target, status in {f"localhost:{port}": 200, f"LOCALHOST:{port}": 200, f"localhost.:{port}": 200,
                               f"LocalHost.:{port}": 200, f"localhost..:{port}": 400, f".localhost:{port}": 400,
                               f"localhost\x7f:{port}": 400, f"local_host:{port}": 403, f"localhost.evil:{port}": 403,
                               f"127.0.0.1:{port}": 403, f"[::1]:{port}": 403, f"localhost:{port + 1}": 403,
                               f"user:word@localhost:{port}": 400, f"ſocalhost:{port}": 400,
                               # One of the appliance's own names that leads to this host: whose fault it ever is.
                               f"inside.example:{port}": 503}.items():
            self.assertEqual(status_of(self.granted(proxy, target)), status, target)
        answer = proxy.ask(f"CONNECT inside.example:{port} HTTP/1.0\r\n\r\n".encode())
        self.assertIn(b"leads to this host itself", answer)
        answer = proxy.ask(b"HEAD http://LOCALHOST./a%0d%0aX:y?b HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(status_of(answer), 308)
        self.assertIn(f"\r\nLocation: https://localhost:{port}/a%0d%0aX:y?b\r\n".encode(), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
        # An answer to GET over a proxy is the same for a browser's whole request.
        self.assertIn(b"308 ", proxy.ask(f"GET http://localhost:{port}/ HTTP/1.1\r\nHost: localhost:{port}\r\n"
                                         "Proxy-Connection: keep-alive\r\nAccept: */*\r\n\r\n".encode()))

    @unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
    def test_a_browser_reads_the_appliances_page(self):
        """By https, and by http, which leads there."""
        site = suite.Suite(self.lab)
        site.start()
        proxy = self.proxy([site.address])
        for scheme in ("https", "http"):
            start = time.monotonic()
            page = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={self.lab.path('profile')}", "--ignore-certificate-errors", "--dump-dom",
                 f"--proxy-server=http://127.0.0.1:{proxy.port}", "--proxy-bypass-list=<-loopback>",
                 f"{scheme}://{site.address}/api/config/v1/nothing"], capture_output=True, timeout=60).stdout
            self.assertIn(b"There is no such path", page)
            print(f"{scheme}: chromium has the page after {time.monotonic() - start:.1f} s")
        lines = [line for line in proxy.log() if site.address in line["request"]]
        self.assertIn(("CONNECT", 200), {(line["request"].split()[0], line["status"]) for line in lines})
        self.assertIn(("GET", 308), {(line["request"].split()[0], line["status"]) for line in lines})
        # Whatever else it wanted to know stayed here.
        self.assertLessEqual({line["verdict"] for line in proxy.log() if line not in lines}, {"refused", "left"})

    def granted(self, proxy, target):
        with proxy.connect() as client:
            client.sendall(f"CONNECT {target} HTTP/1.0\r\n\r\n".encode())
            return client.recv(1000)

    def test_slow_and_many_ones_hold_nobody_up(self):
        echo = self.echo()
        # Descriptors: three for each, two in the proxy and one here, of 20,000.
        count = 9000 if network.LONG else 1500
        # All of them must be there before the first is given up, also on a busy machine.
        seconds = 30 if network.LONG else 6
        proxy = self.proxy([echo.address], header_milliseconds=seconds * 1000, connections_per_source=count,
                           connections=count + 100)
        idle = [proxy.connect("127.0.0.2") for _ in range(count)]
        self.addCleanup(lambda: [one.close() for one in idle])
        lab.wait_until(lambda: status_of(proxy.ask(b"", "127.0.0.2")) == 429, 5, "the source has its connections")
        slow = proxy.connect("127.0.0.4")
        self.addCleanup(slow.close)
        slow.sendall(b"C")
        took = []
        for _ in range(50):
            start = time.monotonic()
            client, answer = proxy.tunnel("127.0.0.3")
            with client:
                self.assertEqual(status_of(answer), 200)
                client.sendall(b"ping")
                self.assertEqual(client.recv(100), b"ping")
            took.append(time.monotonic() - start)
        print(f"beside {count} silent connections: median {sorted(took)[25] * 1000:.2f} ms, worst {max(took) * 1000:.1f} ms")
        self.assertLess(sorted(took)[25], 0.5)
        for byte in b"ONNECT":
            time.sleep(seconds / 10)
            slow.sendall(bytes([byte]))
        self.assertEqual(status_of(slow.recv(1000)), 408)
        self.assertEqual(status_of(idle[0].recv(1000)), 408)

    def test_rules_hold_from_the_moment_they_are_told(self):
        echo = self.echo()
        proxy = self.proxy([echo.address], connections_per_source=4000)
        done = threading.Event()
        wrong = []

        def load():
            while not done.is_set():
                client, answer = proxy.tunnel("127.0.0.9")  # in every rule
                with client:
                    if status_of(answer) != 200:
                        wrong.append(answer)

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        held = None
        for change in range(1000):
            allowed = change % 2
            prefixes = ["127.0.0.9"] + (["127.0.0.0/255.255.255.0"] if allowed else [f"10.{change % 256}.0.0/16"])
            proxy.tell(restriction="allow", prefixes=prefixes)
            client, answer = proxy.tunnel("127.0.0.5")
            if status_of(answer) != (200 if allowed else 403):
                wrong.append((change, answer))
            if held:
                # The tunnel of the last, allowing rules is gone.
                if not allowed and held.recv(10) != b"":
                    wrong.append((change, "still open"))
                held.close()
            held = client
        done.set()
        for thread in threads:
            thread.join()
        held.close()
        self.assertEqual(wrong, [])

    def test_the_process_has_no_rights_and_ends_with_its_input(self):
        echo = self.echo()
        proxy = self.proxy([echo.address], access_log_bytes=1000, access_logs_kept=2)
        with open(f"/proc/{proxy.process.pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual(int(status["CapEff"], 16) & ~(1 << 10), 0, "but for low ports")
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(status_of(proxy.ask(b"rubbish\n")), 400)
        lab.wait_until(lambda: len(proxy.log()) == 1, 5, "a line in the log")
        os.rename(proxy.log_file, proxy.log_file + ".old")
        proxy.process.send_signal(signal.SIGHUP)
        self.assertEqual(proxy.stop(), 0)

    def test_faults_of_the_nodes_own_file_are_told_with_line_and_key(self):
        path = self.lab.path("jumpoint.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write("zone_proxy:\n  host: http://x\n  listen: everywhere\n  access_log: proxy.log\n  connections: 0\n"
                       "  header_time: 2h\n  header_bytes: 9000\n  colour: red\n")
        done = subprocess.run([lab.find_program("jumpoint"), "--config", path, "config"], capture_output=True, text=True)
        print(done.stderr)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(re.findall(r":(\d): zone_proxy\.(\w+): ", done.stderr),
                         [("2", "host"), ("3", "listen"), ("4", "access_log"), ("5", "connections"), ("6", "header_time"),
                          ("7", "header_bytes"), ("8", "colour")])

    def test_it_does_not_listen_without_a_way_to_the_appliance(self):
        proxy = Proxy(self.lab, ["127.0.0.1:9"])
        self.addCleanup(proxy.stop)
        state = proxy.tell()
        while "refused" not in state["reason"]:
            state = proxy.state()
        self.assertFalse(state["listening"])
        self.assertIn("without a proxy", state["reason"])
        with self.assertRaises(ConnectionRefusedError):
            proxy.connect()

    def test_a_moved_port_leaves_tunnels_alone(self):
        echo = self.echo()
        proxy = self.proxy([echo.address])
        client, answer = proxy.tunnel()
        self.assertEqual(status_of(answer), 200)
        old, proxy.port = proxy.port, suite.free_port()
        state = proxy.tell(port=proxy.port)
        while state["address"] != f"node.example:{proxy.port}":
            state = proxy.state()
        with client:
            client.sendall(b"still here")
            self.assertEqual(client.recv(100), b"still here")
        client, answer = proxy.tunnel()
        client.close()
        self.assertEqual(status_of(answer), 200)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", old))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    case.need("curl", "jumpoint")
    case.main()
