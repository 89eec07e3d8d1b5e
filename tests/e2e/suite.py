"""The suite's own programs in a lab: an appliance, Jump Clients, consoles."""

import json
import os
import socket
import subprocess

import lab
from processes import processes


def start(net, *command, name, env=None, host=None):
    """A program in the background: on a host of the lab, or on this machine."""
    if host:
        return host.start(*command, name=name, env=env)
    process = lab.Process(net, name, command, env or net.environment(), net.folder)
    net.processes.append(process)
    return process


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Suite:
    """One appliance, on `host` of the lab or on this machine's loopback; made new, with an administrator logged in."""

    def __init__(self, net, host=None, address="127.0.0.1", addresses=None):
        self.net = net
        self.host = host
        self.port = free_port()
        self.address = f"{address}:{self.port}"
        self.data = net.path("appliance")
        self.ready = net.path("ready")
        self.password = net.path("password")
        with open(self.password, "w", encoding="ascii") as file:
            file.write("correct horse battery staple\n")
        answer = lab.sh(lab.find_program("jump-appliance"), "--config", "/dev/null", "--data", self.data, "init",
                        *[word for one in (addresses or [self.address]) for word in ("--address", one)],
                        "--password-file", self.password, "--json")
        self.pin = json.loads(answer)["ca_pin"]
        self.process = None
        self.starts = 0

    def start(self):
        if os.path.exists(self.ready):
            os.remove(self.ready)
        self.starts += 1
        self.process = start(self.net, lab.find_program("jump-appliance"), "--config", "/dev/null", "--data", self.data,
                             "serve", "--listen", self.address, "--ready-file", self.ready,
                             name=f"appliance-{self.starts}", host=self.host)
        lab.wait_until(lambda: os.path.exists(self.ready), 20, "the appliance is ready")

    def command(self, *words):
        """`jump-appliance` beside the server."""
        return lab.sh(lab.find_program("jump-appliance"), "--config", "/dev/null", "--data", self.data, *words)

    def console(self, name="console", host=None):
        return Console(self, name, host)


class Console:
    """A representative's `jump`, with a home of its own."""

    def __init__(self, suite, name, host):
        self.suite = suite
        self.host = host
        self.home = suite.net.path(name)
        self.environment = suite.net.environment({"JUMP_HOME": self.home})
        self.program = lab.find_program("jump")
        self.run("login", f"https://{suite.address}", "--user", "admin", "--password-file", suite.password, "--ca-pin",
                 suite.pin)

    def words(self, *words):
        return [self.program, *words]

    def run(self, *words, **options):
        """Its output; raises when the status is not 0."""
        if self.host:
            return self.host.run(*self.words(*words), env=self.environment, **options).stdout
        return lab.sh(*self.words(*words), env=self.environment, **options)

    def start(self, *words, name):
        return start(self.suite.net, *self.words(*words), name=name, env=self.environment, host=self.host)

    def deployment_key(self, *words):
        answer = json.loads(self.run("installer", "create", "--group", "default", "--allow", "name", "--json", *words))
        return answer["key_info"]["encodedInfo"]

    def sessions(self):
        return json.loads(self.run("sessions", "--json"))


class Client:
    """A Jump Client with folders of its own."""

    def __init__(self, suite, key, name, host=None, install=True):
        self.suite = suite
        self.name = name
        self.host = host
        net = suite.net
        self.data = net.path(name + "-data")
        self.run_folder = net.path(name + "-run")
        self.config = net.path(name + ".yaml")
        self.key = net.path(name + ".key")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f'data: {self.data}\nrun: {self.run_folder}\nforward_allow: ["127.0.0.1:*"]\n')
        with open(self.key, "w", encoding="ascii") as file:
            file.write(key)
        self.program = lab.find_program("jump-client")
        self.process = None
        self.starts = 0
        if install:
            self.command("install", "--key-info-file", self.key, "--name", name)

    def command(self, *words, check=True):
        words = [self.program, "--config", self.config, *words]
        if self.host:
            return self.host.run(*words, check=check).stdout
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise lab.LabError(f"{' '.join(words)}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def start(self, online=True):
        self.starts += 1
        self.process = start(self.suite.net, self.program, "--config", self.config, "run",
                             name=f"{self.name}-{self.starts}", host=self.host)
        if online:
            lab.wait_until(self.online, 20, f"{self.name} is online")

    def status(self):
        return json.loads(self.command("status", "--json", check=False) or "{}")

    def online(self):
        return self.status().get("tunnel", {}).get("state") == "online"

    def processes(self, role):
        """Process numbers of this client's processes of one role: by the parent for tunnel, by the socket for session."""
        return [one.pid for one in processes(os.path.realpath(self.program), role)
                if role == "session" or (self.process and one.parent == self.process.pid)]
