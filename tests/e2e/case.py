"""What the end-to-end tests share: a lab for each test, and an exit status of 77 when nothing could be tested."""

import os
import shutil
import sys
import unittest

import lab

SKIPPED = 77


class LabCase(unittest.TestCase):
    """self.lab is a new, empty network. When the test fails its programs' last lines are printed."""

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self._close)

    def failed(self):
        """For tearDown and clean-up: their own success says nothing of the test's."""
        result = self._outcome.result
        return any(getattr(test, "test_case", test) is self for test, _ in result.failures + result.errors)

    def _close(self):
        if self.failed():
            self.lab.print_logs()
        self.lab.close()


def need(*programs):
    """Ends the test program as skipped when one of these is not installed."""
    for program in programs:
        if not shutil.which(lab.find_program(program)):
            print(f"{program} is not installed")
            sys.exit(SKIPPED)


def main():
    if os.geteuid() != 0:
        print("end-to-end tests need root, for network namespaces")
        sys.exit(SKIPPED)
    need("ip", "nsenter", "ss", "tc", "tmux")
    unittest.main(verbosity=2)
