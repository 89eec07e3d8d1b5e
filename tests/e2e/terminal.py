"""A terminal with a person in front of it: tmux, keys sent, screen read.

    terminal = Terminal(lab, ["jump", "shell", "web-01"], host=client)
    terminal.wait_for(r"\\$$")
    terminal.type("vi notes\\n")
    terminal.resize(120, 40)
    terminal.keys("Escape", ":q!", "Enter")
"""

import os
import re
import subprocess
import tempfile

from lab import LabError, find_program, wait_until


class Terminal:
    """One tmux server with one window of a fixed size. Ends with its lab."""

    _count = 0

    def __init__(self, lab, command, host=None, columns=80, rows=24, env=None):
        Terminal._count += 1
        self.name = f"terminal{Terminal._count}"
        self._socket = lab.path(f"{self.name}.tmux")
        self._status_path = lab.path(f"{self.name}.status")
        self._environment = lab.environment(env)
        inside = host.inside(*command) if host else [find_program(command[0]), *command[1:]]
        # The window stays when the program has ended, so that its last words can be read.
        script = '"$@"; echo $? >"$0"; exec sleep infinity'
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", script,
                   self._status_path, *inside, ";", "set", "-g", "status", "off", ";", "set", "-g", "history-limit", "200000",
                   ";", "set", "-g", "default-terminal", "tmux-256color", ";", "set", "-s", "escape-time", "0")
        lab.closers.append(self.close)

    def _tmux(self, *command, check=True, text=True, stdin=None):
        done = subprocess.run(["tmux", "-u", "-S", self._socket, *command], input=stdin, capture_output=True, text=text,
                              env=self._environment)
        if check and done.returncode != 0:
            raise LabError(f"tmux {command[0]}: {done.stderr}")
        return done.stdout

    def type(self, text):
        """Characters as they are; a line feed is the Enter key."""
        for number, line in enumerate(text.split("\n")):
            if number:
                self.keys("Enter")
            if line:
                self._tmux("send-keys", "-l", "--", line)

    def keys(self, *names):
        """Keys by tmux's names: Enter, C-c, Up, F1, Escape."""
        self._tmux("send-keys", "--", *names)

    def hold(self, pattern="^holding$"):
        """Starts a program in the terminal's foreground that only waits. A key that sends a signal before the
        shell has put it there reaches the shell instead."""
        self.type("sh -c 'echo hold\"\"ing; exec sleep 1000'\n")
        self.wait_for(pattern)

    def paste(self, data):
        """Bytes through the clipboard, bracketed when the program asked for that."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self._tmux("load-buffer", "-b", "paste", file.name)
            self._tmux("paste-buffer", "-p", "-r", "-d", "-b", "paste")

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self):
        """What is visible, without blanks at line ends."""
        return self._tmux("capture-pane", "-p").rstrip("\n")

    def history(self):
        """All lines that scrolled by, with wrapped ones joined, and the screen."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").rstrip("\n")

    def cursor(self):
        """(column, row), from 0."""
        return tuple(map(int, self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()))

    def wait_for(self, pattern, seconds=30):
        """The first match of a regular expression on the screen; ^ and $ are the ends of its lines."""
        return wait_until(lambda: re.search(pattern, self.screen(), re.M), seconds,
                          lambda: f"{self.name} shows {pattern!r}; the screen:\n{self.screen()}\n")

    def wait_until_gone(self, pattern, seconds=30):
        wait_until(lambda: not re.search(pattern, self.screen(), re.M), seconds,
                   lambda: f"{self.name} shows {pattern!r} no longer; the screen:\n{self.screen()}\n")

    def status(self, seconds=30):
        """Waits until the program has ended and returns its exit status."""
        def read():
            if not os.path.exists(self._status_path):
                return None
            with open(self._status_path, encoding="ascii") as file:
                return file.read().strip()
        return int(wait_until(read, seconds, lambda: f"{self.name} ends; the screen:\n{self.screen()}\n"))

    def close(self):
        """Closes the window: what still runs in it gets SIGHUP."""
        self._tmux("kill-server", check=False)
