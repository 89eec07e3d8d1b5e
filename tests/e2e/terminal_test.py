#!/usr/bin/env python3
"""`jump shell` is a real terminal: driven through tmux, with real full-screen programs on the other side.

The short form moves 3 MB in the last test; JUMP_LONG=1 moves 200 MB.
"""

import hashlib
import os
import re
import time

import case
import lab
from network import LONG, NetworkCase
from terminal import Terminal

FLOOD = 200 if LONG else 3  # MB


# What is typed while a program of the whole screen leaves is the program's, which throws it away.
PROMPT = r"[#$]\s*\Z"


class TerminalTest(NetworkCase):
    def say(self, terminal, text, expected, seconds=30):
        """Types a command line and waits for what it prints."""
        terminal.type(text + "\n")
        return terminal.wait_for(expected, seconds)

    def test_an_editor_writes_what_was_typed_and_follows_the_size(self):
        path = self.lab.path("notes.txt")
        terminal = self.shell()
        terminal.type(f"vim -u NONE -N {path}\n")
        terminal.wait_for(r"\[New\]")
        terminal.type("ifirst line\nsecond: grüße, 日本")
        terminal.wait_for("second: grüße, 日本")
        self.assertEqual(len(re.findall(r"^~$", terminal.screen(), re.M)), 24 - 2 - 1)
        terminal.resize(100, 40)
        lab.wait_until(lambda: len(re.findall(r"^~$", terminal.screen(), re.M)) == 40 - 2 - 1, 10,
                       lambda: "vim draws on 40 rows:\n" + terminal.screen())
        terminal.keys("Escape")
        terminal.type(":wq\n")
        terminal.wait_for(PROMPT)
        self.say(terminal, "echo saved-$?", "saved-0")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "first line\nsecond: grüße, 日本\n")
        # The other usual one, which uses function keys and Ctrl.
        terminal.type(f"nano -I {path}\n")
        terminal.wait_for("GNU nano")
        terminal.resize(90, 30)
        lab.wait_until(lambda: re.search(r"\A(.*\n){29}.*\^X Exit.*\Z", terminal.screen()), 10,
                       lambda: "nano draws on 30 rows:\n" + terminal.screen())
        terminal.keys("C-End")
        terminal.type("third")
        terminal.wait_for("third")
        terminal.keys("C-o", "Enter")
        terminal.wait_for("Wrote 3 lines")
        terminal.keys("C-x")
        terminal.wait_for(PROMPT)
        self.say(terminal, f"wc -l <{path}; stty size", r"^3\n30 90")

    def test_a_full_screen_monitor_runs_and_follows_the_size(self):
        terminal = self.shell()
        terminal.type("top -d 0.5\n")
        terminal.wait_for(r"^top - .* load average")
        first = terminal.screen()
        lab.wait_until(lambda: terminal.screen() != first, 10, "top draws again")
        terminal.resize(120, 50)
        lab.wait_until(lambda: len(terminal.screen().splitlines()) > 30, 10,
                       lambda: "top uses 50 rows:\n" + terminal.screen())
        terminal.type("q")
        terminal.wait_for(PROMPT)
        self.say(terminal, "stty size", "^50 120$")

    def test_control_keys_and_job_control_reach_the_program(self):
        terminal = self.shell()
        terminal.hold()
        terminal.keys("C-c")
        self.say(terminal, "echo status-$?", "status-130")
        terminal.type("(trap 'echo in''terrupted' INT; trap 'echo con''tinued' CONT; echo arm''ed; "
                      "while :; do sleep 0.1; done)\n")
        terminal.wait_for("^armed$")
        terminal.keys("C-c")
        terminal.wait_for("^interrupted|\\^Cinterrupted")
        terminal.keys("C-z")
        terminal.wait_for(r"\[1\]\+\s+Stopped")
        self.say(terminal, "bg", r"^\[1\]\+ ")
        terminal.wait_for("continued$")  # after the prompt, or on a line of its own
        self.say(terminal, "jobs -r", r"^\[1\]\+\s+Running")
        terminal.type("clear\n")
        terminal.wait_for(r"\A.*[#$]\s*\Z")
        terminal.type("fg\n")
        terminal.wait_for(r"^\( ?trap ")  # what it brings to the foreground, told just before it does
        for _ in range(20):  # a key before that is the shell's, which ignores it
            terminal.keys("C-\\")
            time.sleep(0.5)
            if re.search("Quit", terminal.screen()):
                break
        self.say(terminal, "echo quit-$?", "quit-131")
        terminal.type("sh -c 'echo re\"\"ady; exec cat'\n")
        terminal.wait_for("^ready$")  # the shell has left the terminal to it
        terminal.type("end of\ninput\n")
        terminal.wait_for("(?s)input.*^input$")  # typed, and written by cat: it reads by now
        terminal.keys("C-d")
        self.say(terminal, "echo eof-$?", "eof-0")
        terminal.type("exit 42\n")
        self.assertEqual(terminal.status(), 42)

    def test_a_program_that_a_signal_ends_is_told_as_the_shell_tells_it(self):
        terminal = self.shell()
        terminal.type("kill -9 $$\n")
        self.assertEqual(terminal.status(), 128 + 9)

    def test_wide_and_combining_characters_keep_their_cells(self):
        terminal = self.shell()
        for text, cells in (("漢字かな", 8), ("😀🚀", 4), ("e\u0301a\u0308", 2), ("한국어", 6), ("naïve", 5)):
            terminal.type(f"printf '\\n%s' '{text}'; read; clear\n")
            terminal.wait_for(f"^{text}$")
            self.assertEqual(terminal.cursor()[0], cells, text)
            terminal.type("\n")
            terminal.wait_for(r"\A.*[#$]\s*\Z")
        # Line editing knows them too: the second character goes, no cell stays behind.
        terminal.type("echo 漢字X")
        terminal.keys("Left", "BSpace", "Enter")
        terminal.wait_for("^漢X$")

    def test_a_paste_of_1_mib_arrives_whole(self):
        path = self.lab.path("pasted")
        lines = "".join(hashlib.sha256(str(number).encode()).hexdigest()[:63] + "\n" for number in range(16384))
        self.assertEqual(len(lines), 1 << 20)
        terminal = self.shell()
        terminal.type(f"cat >{path}; echo done-$?\n")
        lab.wait_until(lambda: os.path.exists(path), 30, "the shell has left the terminal to cat")
        started = time.monotonic()
        terminal.paste(lines.encode())
        lab.wait_until(lambda: os.path.getsize(path) == 1 << 20, 60, lambda: f"1 MiB in {path}, not {os.path.getsize(path)}")
        print(f"1 MiB pasted and echoed in {time.monotonic() - started:.1f} s", flush=True)
        terminal.keys("C-d")
        terminal.wait_for("done-0", 60)
        with open(path, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), hashlib.sha256(lines.encode()).hexdigest())
        # Bracketed: what looks like keys of `jump` is text.
        terminal.type("clear\n")
        terminal.wait_for(r"\A.*[#$]\s*\Z")
        time.sleep(0.3)  # until readline asks for brackets
        terminal.paste(b"echo pasted-$((40+2))\n~.\n~d")
        terminal.wait_for("^~d$")
        terminal.keys("C-u")
        self.say(terminal, "echo still he''re", "^still here$")

    def flood(self, terminal):
        terminal.type(f"time (yes | head -c {FLOOD}M); echo over-$?\n")
        terminal.wait_for("over-0", 600)
        minutes, seconds = terminal.wait_for(r"real\s+(\d+)m([\d.]+)s").groups()
        return int(minutes) * 60 + float(seconds)

    def test_a_flood_passes_and_ctrl_c_stops_one(self):
        terminal = self.shell()
        through = self.flood(terminal)
        beside = Terminal(self.lab, ["bash"], host=self.desk)
        beside.wait_for(r"[#$]\s*$")
        print(f"yes | head -c {FLOOD}M: {through:.1f} s in jump shell, {self.flood(beside):.1f} s in tmux alone", flush=True)
        terminal.type("clear\n")  # the flood's own lines are no sign of this one
        terminal.wait_for(r"\A.*[#$]\s*\Z")
        terminal.type("yes\n")
        terminal.wait_for(r"^y\ny\ny$")
        started = time.monotonic()
        terminal.keys("C-c")
        terminal.type("echo stopped-$?\n")
        terminal.wait_for("stopped-130", 20)
        print(f"Ctrl-C against yes: prompt after {time.monotonic() - started:.2f} s", flush=True)

    def test_escapes_help_and_leave(self):
        terminal = self.shell()
        terminal.type("sleep 1234567\n")
        pid = lab.wait_until(lambda: self.endpoint.run("pgrep", "-f", "^sleep 1234567", check=False).stdout.strip(), 10,
                             "sleep runs")
        terminal.type("~?")
        terminal.wait_for("leave: the program gets a hang-up")
        terminal.type("~.")
        self.assertEqual(terminal.status(), 129)
        self.assertIn("left web", terminal.screen())
        lab.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, "the program got its hang-up")

    def test_a_lost_connection_is_one_quiet_line_with_the_seconds(self):
        terminal = self.shell()
        self.addCleanup(self.desk.restore)
        self.addCleanup(self.endpoint.restore)
        self.say(terminal, "echo be''fore", "^before$")
        self.desk.cut()
        self.desk.reset_connections(self.suite.port)
        terminal.wait_for(r"no connection to the appliance for [1-9] s, waits up to 10 min\. ~\. leaves$")
        terminal.wait_for(r"for ([3-9]|\d\d) s, waits")
        self.assertEqual(terminal.screen().count("no connection"), 1)
        terminal.type("echo af''ter\n")
        self.desk.restore()
        terminal.wait_for("^after$")
        terminal.wait_until_gone("no connection")
        # The other link, where nobody resets anything: silence has to be noticed.
        self.endpoint.lose()
        lost = time.monotonic()
        terminal.wait_for(r"^jump: no connection to web for \d+ s, waits up to 10 min\. ~\. leaves", 40)
        print(f"a silent endpoint is told after {time.monotonic() - lost:.1f} s: "
              f"{terminal.screen().splitlines()[-1]}", flush=True)
        self.assertLess(time.monotonic() - lost, 16)
        self.endpoint.restore()
        self.say(terminal, "echo a''gain", "^again$", 60)
        # ~. leaves also while there is nobody to tell.
        self.desk.cut()
        self.desk.reset_connections(self.suite.port)
        terminal.wait_for("no connection to the appliance")
        terminal.type("\n~.")
        self.assertEqual(terminal.status(20), 129)


if __name__ == "__main__":
    case.need("vim", "nano", "top")
    case.main()
