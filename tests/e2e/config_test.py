#!/usr/bin/env python3
"""What a person meets first: configuration files that are wrong, and the commands of the README as they are printed."""

import json
import os
import re

import case
import lab
from network import NetworkCase
from terminal import Terminal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

CLIENT = """data: relative/path
kinds: [shell, dance]
most_sessions: 9999
log_level: loud
colour: blue
http_proxy: {address: 5}
addresses: [jump.example.org, "a:b:c"]
socks5: "10.0.0.9:0"
forward_allow: ["10.0.0.0/8:22", "10.0.0.5"]
"""
APPLIANCE = """data: /tmp/x
listen: nowhere
log_level: loud
log: relative
colour: blue
hosts: {a: b}
"""


class WrongFiles(case.LabCase):
    def said(self, program, text, *words):
        path = self.lab.path("wrong.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        done = self.lab.host("one").run(program, "--config", path, *words, check=False)
        print(f"{program} {' '.join(words)}: {done.returncode}\n  " + done.stderr.strip().replace("\n", "\n  "), flush=True)
        self.assertEqual(done.returncode, 2)
        return [row.removeprefix(path) for row in done.stderr.splitlines()]

    def test_all_faults_are_told_at_once_with_line_and_key(self):
        for words in (("config",), ("run",)):
            rows = self.said("jump-client", CLIENT, *words)
            self.assertEqual([re.match(r":(\d+): (\w+): ", row).groups() for row in rows],
                             [("1", "data"), ("2", "kinds"), ("3", "most_sessions"), ("4", "log_level"), ("5", "colour"),
                              ("6", "http_proxy"), ("7", "addresses"), ("8", "socks5"), ("9", "forward_allow")])
        for words in (("config",), ("serve",)):
            rows = self.said("jump-appliance", APPLIANCE, *words)
            self.assertEqual([re.match(r":(\d+): (\w+): ", row).groups() for row in rows],
                             [("2", "listen"), ("3", "log_level"), ("4", "log"), ("5", "colour"), ("6", "hosts")])
        for program in ("jump-client", "jump-appliance"):
            self.assertRegex(self.said(program, "data: [unclosed\n", "config")[0], r"^:\d+: ")
            self.assertRegex(self.said(program, "- a list\n", "config")[0], r"^:\d+: ")
            done = self.lab.host("one").run(program, "--config", "/nowhere.yaml", "config", check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("/nowhere.yaml: No such file", done.stderr)

    def test_wrong_words_are_told_and_nothing_is_done(self):
        for words, says in ((("jump", "shel", "web"), "'shel' is no command; did you mean 'shell'?"),
                            (("jump", "exec"), "required"), (("jump", "cp", "a"), "source"),
                            (("jump", "shell", "--atach", "x"), "no option --atach; did you mean '--attach'?"),
                            (("jump-client", "--wrong"), "no option --wrong"), (("jump-client", "instal"), "did you mean 'install'?"),
                            (("jumpoint", "install", "--ephemeral"), "no option --ephemeral"), (("jumpoint",), "command is missing"),
                            (("jump-appliance", "init"), "--address is required"),
                            (("jump-appliance", "ca", "burn"), "burn not in")):
            done = self.lab.host("one").run(*words, check=False)
            print(f"{' '.join(words)}: {done.returncode}: {done.stderr.strip()}", flush=True)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), words)
            self.assertIn(says, done.stderr)
            self.assertTrue(done.stderr.startswith(words[0] + ": "), words)

    def test_the_example_files_are_good(self):
        for program, path in (("jump-client", "agent/service/jump-client.example.yaml"),
                              ("jump-appliance", "tools/appliance/server/jump-appliance.example.yaml")):
            self.lab.host("one").run(program, "--config", os.path.join(ROOT, path), "config")


def readme_commands():
    """The command lines of "A first session, by hand", without their comments."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        part = file.read().split("## A first session, by hand")[1].split("\n## ")[0]
    lines = [line.split("#")[0].strip() for block in re.findall(r"```\n(.*?)```", part, re.S) for line in block.splitlines()]
    return [line for line in lines if line]


class Readme(NetworkCase):
    """Its programs find their usual folders and the name jump.example.org in the lab; nothing else is changed."""

    @classmethod
    def make_network(cls):
        cls.server, cls.endpoint, cls.desk = (cls.lab.host(name) for name in ("server", "web-01", "desk"))
        for host in (cls.server, cls.endpoint, cls.desk):
            folder = host.be_machine()
            with open(os.path.join(folder, "etc/hosts"), "w", encoding="ascii") as file:
                file.write(f"127.0.0.1 localhost\n{cls.server.address} jump.example.org\n")
        cls.srv = os.path.join(cls.lab.path("machine-web-01"), "srv")
        os.makedirs(os.path.join(cls.srv, "www"))
        cls.here = cls.lab.path("here")
        os.makedirs(os.path.join(cls.here, "site"))
        for name, text in (("site/index.html", "hello\n"), ("admin-password.txt", "correct horse battery staple\n")):
            with open(os.path.join(cls.here, name), "w", encoding="ascii") as file:
                file.write(text)
        with open(cls.lab.path("client.yaml"), "w", encoding="ascii") as file:
            file.write(f'data: {cls.lab.path("client-data")}\nrun: {cls.lab.path("client-run")}\n'
                       'forward_allow: ["127.0.0.1:5432"]\n')
        cls.done = []

    def line(self, text, **values):
        """The shell's words for a line of the README that begins so."""
        line = [one for one in readme_commands() if one.startswith(text)][0]
        self.done.append(line)
        for name, value in values.items():
            line = line.replace(name, value)
        return ["bash", "-c", f"""cd {self.here}
            jump-appliance() {{ command jump-appliance --config /dev/null --data {self.lab.path("appliance")} "$@"; }}
            jump-client() {{ command jump-client --config {self.lab.path("client.yaml")} "$@"; }}
            {line}"""]

    def environment(self):
        return {"PATH": os.path.abspath(lab.BIN or ".") + ":" + os.environ["PATH"], "JUMP_HOME": self.lab.path("home")}

    def run_line(self, host, text, check=True, **values):
        done = host.run(*self.line(text, **values), env=self.environment(), check=check)
        print(f"$ {self.done[-1]}\n  " + (done.stdout + done.stderr).strip().replace("\n", "\n  "), flush=True)
        return done

    def start_line(self, host, text, **values):
        return host.start(*self.line(text, **values), name=re.sub(r"\W+", "-", text), env=self.environment())

    def test_every_command_works_as_printed(self):
        said = self.run_line(self.server, "jump-appliance init").stdout
        pin = re.search(r"[A-Za-z0-9_-]{43}", said).group(0)
        self.start_line(self.server, "jump-appliance serve")
        self.server.wait_for_listener(443)
        login = Terminal(self.lab, self.line("jump login", PIN=pin), host=self.desk, env=self.environment())
        login.wait_for("(?i)password")
        login.type("correct horse battery staple\n")
        self.assertEqual(login.status(), 0)
        self.run_line(self.desk, "jump installer create")
        self.run_line(self.endpoint, "jump-client install")
        self.start_line(self.endpoint, "jump-client run")
        lab.wait_until(lambda: self.endpoint.run(*self.line("jump-client status"), env=self.environment(),
                                                 check=False).returncode == 0, 20, "the client is online")
        self.run_line(self.endpoint, "jump-client status")
        self.assertIn("web-01", self.run_line(self.desk, "jump assets").stdout)
        shell = Terminal(self.lab, self.line("jump shell"), host=self.desk, env=self.environment())
        shell.wait_for(r"web-01.*[#$]\s*$")
        shell.type("exit 3\n")
        self.assertEqual(shell.status(), 3)
        self.assertNotEqual(self.run_line(self.desk, "jump exec", check=False).returncode, 255)
        top = Terminal(self.lab, self.line("jump exec -t"), host=self.desk, env=self.environment())
        top.wait_for("load average")
        top.type("q")
        self.assertEqual(top.status(), 0)
        self.run_line(self.desk, "jump cp")
        with open(os.path.join(self.srv, "www/site/index.html"), encoding="ascii") as file:
            self.assertEqual(file.read(), "hello\n")
        self.endpoint.start("socat", "-t20", "TCP-LISTEN:5432,bind=127.0.0.1,reuseaddr,fork", "EXEC:echo reached")
        self.endpoint.wait_for_listener(5432)
        self.start_line(self.desk, "jump forward")
        self.desk.wait_for_listener(5432)
        self.assertEqual(self.desk.run("socat", "-t20", "-T20", "-", "TCP:127.0.0.1:5432").stdout, "reached\n")
        sessions = self.desk.run("jump", "sessions", "--json", env=self.environment()).stdout
        first = [one["id"] for one in json.loads(sessions) if one["kind"] == "shell"][0]
        self.run_line(self.desk, "jump sessions", SESSION=first)
        self.assertEqual(set(self.done), set(readme_commands()), "the README has other commands than this test knows")


if __name__ == "__main__":
    case.need("socat", "bash")
    case.main()
