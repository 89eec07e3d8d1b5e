"""The processes of this machine, as /proc has them.

    for one in processes("/usr/bin/jump-client", "session"):
        print(one.pid, one.words, one.parent)
"""

import os


class Seen:
    """A process that was there. What has ended meanwhile has no words, no parent, nothing."""

    def __init__(self, pid):
        self.pid = pid
        self.words = self._read("cmdline").split("\0")[:-1]

    def _read(self, name):
        try:
            with open(f"/proc/{self.pid}/{name}", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    @property
    def variables(self):
        return self._read("environ").split("\0")[:-1]

    @property
    def parent(self):
        after_the_name = self._read("stat").rpartition(")")[2].split()
        return int(after_the_name[1]) if after_the_name else 0

    @property
    def standard_error(self):
        """The path of the file that it is."""
        try:
            return os.readlink(f"/proc/{self.pid}/fd/2")
        except OSError:
            return ""


def processes(*words):
    """All whose command line begins with these words."""
    seen = [Seen(int(name)) for name in os.listdir("/proc") if name.isdigit()]
    return [one for one in seen if one.words[:len(words)] == list(words)]
