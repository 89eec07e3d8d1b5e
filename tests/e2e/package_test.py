#!/usr/bin/env python3
"""The Linux packages under a real systemd: installed, used, upgraded, broken and removed.

What takes minutes (hangs that a watchdog finds, full disks, the other kinds of package) runs with JUMP_PACKAGES=1 only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import case
import lab
import machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = tempfile.mkdtemp(prefix="jump-packages-test-")
# What a machine may write while a package comes and goes.
NOT_OURS = re.compile(r"/(var/log/journal|var/lib/dpkg|var/cache|var/lib/systemd|var/lib/rpm|usr/lib/sysimage|tmp|root|srv|var/tmp)"
                      r"(/|$)|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$"
                      r"|/var/lib/rpm-state|/var/log/(wtmp|lastlog|dpkg\.log)$")
# The worst that `systemd-analyze security` may say; 10 is without any sandbox.
SCORES = {"jump-client": 3.0, "jump-appliance": 1.6, "jumpoint": 2.2}
ALL = os.environ.get("JUMP_PACKAGES") == "1"
only_when_asked = unittest.skipUnless(ALL, "minutes: JUMP_PACKAGES=1 tools/test --stage e2e does it")


def make(*words):
    lab.sh(sys.executable, os.path.join(ROOT, "tools", "packages"), "--bin", os.environ["JUMP_BIN"], "--out", OUT, "--fast",
           *words)


def setUpModule():
    for program in ("cmake", "dpkg-shlibdeps", "lintian", "rpmbuild", "patchelf"):
        if not shutil.which(program):
            machine.skip(f"{program} is not installed: packages were NOT tested (tools/setup --tests)")
    machine.need_boot()
    make("--kind", "deb")
    make("--kind", "deb", "--version", "0.2.0", "--name", "jump-client", "--name", "jump-appliance")
    if ALL:
        make("--kind", "rpm", "--kind", "tar.gz", "--name", "jump-client")


def tearDownModule():
    shutil.rmtree(OUT, ignore_errors=True)


def note(text):
    print(f"  {text}", flush=True)


class Site:
    """An appliance from its package, with an administrator logged in on the same machine."""

    def __init__(self, net):
        self.machine = machine.Machine(net, "server", machine.debian(), {"/packages": OUT})
        self.machine.sh("dpkg -i /packages/jump_0.1.0-1_*.deb /packages/jump-appliance_0.1.0-1_*.deb")
        self.machine.sh("umask 077; echo correct horse battery staple > /srv/password")
        answer = self.machine.run("jump-appliance", "init", "--address", f"{self.machine.address}:443", "--password-file",
                                  "/srv/password", "--json").stdout
        self.pin = json.loads(answer)["ca_pin"]
        self.machine.run("systemctl", "start", "jump-appliance")
        self.log_in()

    def log_in(self):
        self.jump("login", f"https://{self.machine.address}", "--user", "admin", "--password-file", "/srv/password",
                  "--ca-pin", self.pin)

    def jump(self, *words, **options):
        return self.machine.run("jump", *words, **options).stdout

    def key(self, *words):
        answer = json.loads(self.jump("installer", "create", "--group", "default", "--allow", "name", "--json", *words))
        return answer["key_info"]["encodedInfo"]

    def assets(self):
        return json.loads(self.jump("assets", "--json"))


class Packages(case.LabCase):
    def setUp(self):
        super().setUp()
        self.site = Site(self.lab)

    def client(self, name="client"):
        box = machine.Machine(self.lab, name, machine.debian(), {"/packages": OUT})
        box.before = self.listing(box)
        return box

    def listing(self, box):
        """Every file that a package could have left, by the machine's own eyes; the tmpfs on /run too."""
        names = box.sh("find / /run -xdev -not -path '/proc/*' | sort -u").splitlines()
        return {name for name in names if not NOT_OURS.search(name) and not name.startswith("/run/systemd/")
                and not name.startswith("/run/log") and not name.startswith("/run/udev")}

    def enrol(self, box, *words, key=None, check=True):
        return box.run("jump-client", "install", "--key-info-file", "-", "--wait", "30", *words, check=check,
                       input=key or self.site.key())

    def online(self, box):
        answer = box.run("jump-client", "status", "--json", check=False).stdout
        return json.loads(answer or "{}").get("tunnel", {}).get("state") == "online"

    def main_pid(self, box, unit="jump-client"):
        return int(box.show(unit, "MainPID")[0])

    def tunnel_pid(self, box):
        return int(box.sh("pgrep -f 'jump-client tunnel' || echo 0").splitlines()[0])

    def check_left(self, box, but=()):
        left = sorted(self.listing(box) - box.before)
        self.assertEqual([name for name in left if name not in but], [])
        self.assertEqual(box.sh("pgrep -a '^jump' || true"), "")
        self.assertEqual(box.sh("systemctl list-units --all --plain --no-legend 'jump*' | grep -v 'jump.slice' || true"), "")
        self.assertNotIn("jump", box.sh("cat /etc/passwd /etc/group"))

    def check_score(self, box, unit):
        text = box.run("systemd-analyze", "security", "--no-pager", f"{unit}.service").stdout.splitlines()[-1]
        score = float(re.search(r"([\d.]+) ", text).group(1))
        note(f"{unit}: systemd-analyze security {score}")
        self.assertLessEqual(score, SCORES[unit])

    def test_the_client_is_online_sandboxed_and_purged_without_a_trace(self):
        box = self.client()
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        self.assertEqual(box.show("jump-client", "ActiveState", "UnitFileState"), ["inactive", "enabled"])
        self.assertEqual(box.run("systemctl", "is-failed", "jump-client", check=False).stdout.strip(), "inactive")
        began = time.monotonic()
        said = self.enrol(box, "--name", "web-01").stdout
        note(f"{said.strip()}; the whole command took {time.monotonic() - began:.1f} s")
        self.assertRegex(box.show("jump-client", "StatusText")[0], r"^online as agent:1 by direct ")
        self.check_score(box, "jump-client")
        self.check_score(self.site.machine, "jump-appliance")
        # The process that faces the network has no rights; the supervisor has no socket to the network.
        status = box.sh(f"cat /proc/{self.tunnel_pid(box)}/status")
        self.assertRegex(status, r"Uid:\t(?!0\t)\d+")
        for line in (r"CapEff:\t0+\n", r"CapPrm:\t0+\n", r"NoNewPrivs:\t1\n", r"Seccomp:\t2\n"):
            self.assertRegex(status, line)
        self.assertNotIn(f"pid={self.main_pid(box)},", box.sh("ss -Htunp"))
        self.assertEqual(box.sh("ss -Htulnp"), "")
        note("resident KiB of supervisor and tunnel process: "
             + box.sh("ps -o rss= -C jump-client | xargs"))
        self.assertEqual(self.site.jump("exec", "web-01", "--", "id", "-un").strip(), "root")
        # A repair: the same asset; and sessions as somebody else from now on.
        box.sh("useradd --create-home deploy")
        self.enrol(box, "--session-user", "deploy", "--name", "web-01")
        self.assertEqual(len(self.site.assets()), 1)
        lab.wait_until(lambda: self.online(box), 20, "the client is online again")
        self.assertEqual(self.site.jump("exec", "web-01", "--", "sh", "-c", "id -un; [ $PWD = $HOME ]; echo $?").split(),
                         ["deploy", "0"])
        self.assertIn("sessions   as user deploy", box.run("jump-client", "status").stdout)
        self.assertEqual(box.run("jump-client", "install", "--key-info-file", "-", "--session-user", "nobody-here",
                                 check=False, input="x").returncode, 1)
        said = box.sh("dpkg --purge jump-client 2>&1")
        self.assertIn("uninstalled; the appliance knows", said)
        box.sh("userdel --remove deploy 2>/dev/null")
        self.check_left(box)
        self.assertEqual([one["state"] for one in self.site.assets()], ["uninstalled"])
        # So soon after it came that the appliance has not written down yet that it came.
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        self.enrol(box, "--name", "web-01")
        box.sh("jump-client uninstall")
        self.assertEqual([one["state"] for one in self.site.assets()], ["uninstalled"])

    def test_lintian_has_nothing_to_say(self):
        files = [os.path.join(OUT, name) for name in sorted(os.listdir(OUT)) if name.endswith(".deb") and "_0.1.0-" in name]
        self.assertEqual(len(files), 4, files)
        said = lab.sh("lintian", "--profile", "debian", "--tag-display-limit", "0", "--allow-root", *files)
        self.assertEqual(said.strip(), "")

    def test_the_jumpoint_serves_without_rights_and_is_purged_without_a_trace(self):
        box = self.client("node")
        box.sh("dpkg -i /packages/jumpoint_0.1.0-1_*.deb")
        self.site.jump("jumpoint", "add", "lab", "--tunnel-jump", "on")
        key = self.site.jump("jumpoint", "key", "lab")
        note(box.run("jumpoint", "install", "--key-info-file", "-", input=key).stdout.strip())
        lab.wait_until(lambda: "1 of 1" in self.site.jump("jumpoint", "list"), 30, "the node is online")
        self.check_score(box, "jumpoint")
        owners = box.sh("ps -o user:16= -C jumpoint").split()
        self.assertEqual((set(owners), len(owners) >= 2), ({"jumpoint"}, True))
        note("resident KiB of supervisor and tunnel process: " + box.sh("ps -o rss= -C jumpoint | xargs"))
        target = self.lab.host("target")
        target.start("socat", "TCP-LISTEN:5432,reuseaddr,fork", "SYSTEM:echo hello from there")
        target.wait_for_listener(5432)
        self.site.jump("asset", "add", "tunnel", "db", "--jumpoint", "lab", "--group", "default", "--host", target.address,
                       "--ports", "5433;5432")
        server = self.site.machine
        server.sh("systemd-run --quiet --unit=desk --setenv=HOME=/root jump tunnel db")
        lab.wait_until(lambda: server.sh("ss -Hltn 'sport = 5433'"), 20, "the desk listens")
        self.assertEqual(server.sh("bash -c 'exec 3<>/dev/tcp/127.0.0.1/5433; read -r -t 20 line <&3; echo $line'"),
                         "hello from there")
        # A running session is no reason to stay.
        said = box.sh("dpkg --purge jumpoint 2>&1")
        self.assertIn("uninstalled; the appliance knows", said)
        self.check_left(box)
        self.assertNotIn("1 of 1", self.site.jump("jumpoint", "list"))

    def test_an_upgrade_with_an_open_session_keeps_its_shell_and_the_configuration(self):
        box = self.client()
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        self.enrol(box, "--name", "web-01")
        box.sh("echo '# ours' >> /etc/jump-client/jump-client.yaml")
        command = self.site.machine.words("jump", "exec", "web-01", "--", "sh")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as shell:
            def ask(line):
                shell.stdin.write(line + "\n")
                return shell.stdout.readline().strip()

            first = ask("echo $$")
            before = self.main_pid(box), self.main_pid(self.site.machine, "jump-appliance")
            began = time.monotonic()
            box.sh("dpkg -i /packages/jump-client_0.2.0-1_*.deb")
            self.assertEqual(ask("echo $$"), first)
            note(f"client upgraded with a session open: the shell answers after {time.monotonic() - began:.1f} s")
            began = time.monotonic()
            self.site.machine.sh("dpkg -i /packages/jump-appliance_0.2.0-1_*.deb")
            self.assertEqual(ask("echo $$"), first)
            note(f"appliance upgraded with a session open: the shell answers after {time.monotonic() - began:.1f} s")
            after = self.main_pid(box), self.main_pid(self.site.machine, "jump-appliance")
            self.assertTrue(before[0] != after[0] and before[1] != after[1])
            shell.stdin.close()
            self.assertEqual(shell.wait(20), 0)
        self.assertTrue(box.sh("cat /etc/jump-client/jump-client.yaml").endswith("# ours"))
        self.assertEqual([one["name"] for one in self.site.assets()], ["web-01"])
        self.assertNotIn("uninstall", self.site.jump("events", "--json"))
        # Removed and not purged: the machine is uninstalled, what the administrator wrote stays.
        box.sh("dpkg --remove jump-client")
        self.assertTrue(box.exists("/etc/jump-client/jump-client.yaml"))
        self.assertFalse(box.exists("/var/lib/jump-client/state.json"))

    @only_when_asked
    def test_what_is_killed_or_hangs_is_started_again(self):
        # One alone: a second would have the same hardware, and be taken for the first.
        client = self.client()
        client.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        self.enrol(client, "--name", "web-01")
        server = self.site.machine

        def measure(what, pid, seconds, box, but):
            began = time.monotonic()
            lab.wait_until(lambda: self.online(box) and pid() not in (0, but), seconds, what)
            note(f"{what} after {time.monotonic() - began:.1f} s")

        for name, pid in (("supervisor", lambda: self.main_pid(client)), ("tunnel process", lambda: self.tunnel_pid(client))):
            old = pid()
            client.run("kill", "-KILL", str(old))
            measure(f"{name} killed: online again", pid, 20, client, old)
        old = self.main_pid(server, "jump-appliance")
        server.run("kill", "-KILL", str(old))
        measure("appliance killed: online again", lambda: self.main_pid(server, "jump-appliance"), 40, client, old)
        server.run("systemctl", "restart", "jump-appliance")
        lab.wait_until(lambda: self.online(client), 40, "online after a restart of the appliance")
        old = self.main_pid(client)
        client.run("kill", "-STOP", str(old))
        measure("supervisor stopped, the watchdog acts: online again", lambda: self.main_pid(client), 75, client, old)
        self.assertIn("watchdog", client.journal(unit="jump-client").lower())
        old = self.tunnel_pid(client)
        client.run("kill", "-STOP", str(old))
        measure("tunnel process stopped, the supervisor acts: online again", lambda: self.tunnel_pid(client), 75, client, old)
        self.assertIn("says nothing any more", client.journal(unit="jump-client"))

    @only_when_asked
    def test_a_full_disk_is_said_and_loses_nothing(self):
        box = self.client()
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        box.sh("mount -t tmpfs -o size=1m,mode=755 tmpfs /var/lib/jump-client")
        self.enrol(box, "--name", "web-01")
        box.sh("dd if=/dev/zero of=/var/lib/jump-client/filler bs=4k 2>/dev/null || true")
        answer = self.enrol(box, "--name", "web-01", check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("No space left on device", answer.stderr)
        box.run("systemctl", "restart", "jump-client")
        lab.wait_until(lambda: self.online(box), 20, "the client is online on a full disk")
        self.assertEqual(self.site.jump("exec", "web-01", "--", "echo", "fine").strip(), "fine")
        box.sh("rm /var/lib/jump-client/filler")
        self.enrol(box, "--name", "web-01")
        self.assertEqual(len(self.site.assets()), 1)

    def test_a_failed_install_says_why_by_its_status_and_leaves_the_machine_as_it_was(self):
        box = self.client()
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        key = self.site.key()

        def install(status, words, *more, text=key):
            answer = box.run("jump-client", "install", "--key-info-file", "-", *more, check=False, input=text)
            note(f"{answer.returncode:2} {answer.stderr.strip()}")
            self.assertEqual(answer.returncode, status, answer.stderr)
            self.assertRegex(answer.stderr, words)
            self.assertFalse(box.exists("/var/lib/jump-client/state.json"))
            self.assertEqual(box.show("jump-client", "ActiveState"), ["inactive"])

        install(1, "key", text="rubbish")
        install(15, "tag", "--tag", "blue")
        # Nobody waits ten minutes, the shortest validity; the appliance's own word is what counts.
        self.site.machine.run("systemctl", "stop", "jump-appliance")
        database = self.site.machine.root + "/var/lib/jump-appliance/appliance.db"
        lab.sh("sqlite3", database, "UPDATE installers SET expiration_timestamp = unixepoch() - 60")
        self.site.machine.run("systemctl", "start", "jump-appliance")
        install(13, "expired")
        installer = json.loads(self.site.jump("installer", "list", "--json"))[0]["id"]
        self.site.jump("installer", "delete", str(installer))
        install(13, "installer|key")
        box.host.cut()
        install(10, "connect 10.* (unreachable|No route)")
        box.host.restore()
        self.site.machine.run("systemctl", "stop", "jump-appliance")
        install(10, "refused")
        box.sh("cp -p /etc/jump-client/jump-client.yaml /srv/before; cd /etc/jump-client;"
               " echo 'http_proxy: {address: \"127.0.0.1:9\", user: \"\", password: \"\"}' >> jump-client.yaml")
        install(11, "proxy")
        box.sh("cp -p /srv/before /etc/jump-client/jump-client.yaml")
        certificate = self.lab.path("other")
        lab.sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
               "-keyout", certificate + ".key", "-out", certificate + ".pem", "-days", "2")
        impostor = self.site.machine.host.start("openssl", "s_server", "-accept", "443", "-key", certificate + ".key", "-cert",
                                                certificate + ".pem", "-alpn", "jump-enroll/1", "-quiet")
        self.site.machine.host.wait_for_listener(443)
        install(12, "pin|certificate|proof|trust")
        impostor.stop(2)

    def test_behind_a_proxy_that_wants_a_password(self):
        box, proxy = self.client(), self.lab.host("proxy")
        box.sh("dpkg -i /packages/jump-client_0.1.0-1_*.deb")
        settings = self.lab.path("tinyproxy.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write("Port 3128\nTimeout 600\nBasicAuth client secret\nConnectPort 443\n")
        proxy.start("tinyproxy", "-d", "-c", settings)
        proxy.wait_for_listener(3128)
        # There is no other way out.
        box.host.run("ip", "route", "add", "blackhole", self.site.machine.address)
        box.sh("cp -p /etc/jump-client/jump-client.yaml /srv/before")
        for password, status in (("wrong", 11), ("secret", 0)):
            box.sh(f"""cd /etc/jump-client; cp /srv/before jump-client.yaml; echo 'http_proxy: {{address: "{proxy.address}:3128","""
                   f""" user: client, password: {password}}}' >> jump-client.yaml""")
            answer = self.enrol(box, check=False)
            note(f"{answer.returncode:2} {(answer.stdout + answer.stderr).strip()}")
            self.assertEqual(answer.returncode, status)
        self.assertRegex(box.show("jump-client", "StatusText")[0], "^online as agent:1 by http-proxy ")

    @only_when_asked
    def test_removing_the_appliance_keeps_the_site_and_says_so(self):
        box = self.site.machine
        said = box.sh("dpkg --purge jump-appliance 2>&1")
        self.assertIn("/var/lib/jump-appliance was kept", said)
        self.assertTrue(box.exists("/var/lib/jump-appliance/keys/authority.json"))
        self.assertFalse(box.exists("/etc/jump-appliance"))
        box.sh("dpkg -i /packages/jump-appliance_0.2.0-1_*.deb")
        lab.wait_until(lambda: box.show("jump-appliance", "ActiveState") == ["active"], 20, "the appliance serves again")
        self.site.log_in()
        # What root says about the site leaves it to its owner.
        box.sh("echo secret > /srv/passphrase")
        for words in ("address add other.example.org:443", "ca prepare", "doctor",
                      "backup /srv/site.backup --passphrase-file /srv/passphrase"):
            box.sh(f"jump-appliance {words}")
        self.assertEqual(box.sh("find /var/lib/jump-appliance -not -user jump-appliance"), "")
        box.sh("systemctl stop jump-appliance; mv /var/lib/jump-appliance /var/lib/old; systemd-tmpfiles --create")
        box.sh("jump-appliance restore /srv/site.backup --passphrase-file /srv/passphrase; systemctl start jump-appliance")
        self.assertEqual(box.sh("find /var/lib/jump-appliance -not -user jump-appliance"), "")
        self.site.log_in()

    @only_when_asked
    def test_rpm_and_archive_install_upgrade_and_leave_nothing(self):
        for kind in ("rpm", "archive"):
            with self.subTest(kind):
                box = self.client(kind)
                if kind == "rpm":
                    add, remove = "rpm -U --nodeps --force /packages/jump-client-0.1.0-1.*.rpm", "rpm -e jump-client"
                else:
                    # It brings its libraries: those of the system are not there.
                    box.sh("rm -f /usr/lib/*/libPocoFoundation* /usr/lib/*/libyaml-cpp*")
                    add = "cd /tmp && tar xzf /packages/jump-0.1.0-*.tar.gz && ./jump-*/install.sh jump-client"
                    remove = "/opt/jump/install.sh --remove"
                box.sh(add)
                note(f"{kind}: " + self.enrol(box, "--name", kind, key=self.site.key()).stdout.strip())
                self.assertEqual(self.site.jump("exec", kind, "--", "id", "-un").strip(), "root")
                old = self.main_pid(box)
                box.sh(add)
                lab.wait_until(lambda: self.online(box) and self.main_pid(box) != old, 20, "online after a second install")
                self.assertIn("the appliance knows", box.sh(f"{remove} 2>&1"))
                self.check_left(box, but={"/usr/share/licenses"})

    def tearDown(self):
        if not self.failed():
            return
        for box in [self.site.machine] + [closer.__self__ for closer in self.lab.closers
                                          if isinstance(getattr(closer, "__self__", None), machine.Machine)]:
            if box.leader():
                print(f"--- journal of {box.name}:\n{box.journal(40)}", flush=True)


if __name__ == "__main__":
    if not os.environ.get("JUMP_BIN"):
        print("JUMP_BIN names no folder of programs")
        sys.exit(case.SKIPPED)
    if not ALL:
        # As a GoogleTest program says it, for tests/stages.py to count.
        print(f"{os.path.abspath(__file__)}:1: Skipped\nhangs, full disks, rpm and archive: JUMP_PACKAGES=1 tools/test --stage e2e",
              flush=True)
    case.main()
