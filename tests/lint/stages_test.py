#!/usr/bin/env python3
"""The stages count honestly: what ctest and the fuzz targets report is what the closing line says."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import stages  # noqa: E402

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(p LANGUAGES NONE)
enable_testing()
add_test(NAME good COMMAND true)
add_test(NAME bad COMMAND false)
add_test(NAME crash COMMAND sh -c "kill -SEGV $$")
add_test(NAME missing COMMAND ./no-such-program)
add_test(NAME left_out COMMAND sh -c "echo needs root; exit 77")
add_test(NAME inside COMMAND sh -c "echo ../../common/x_test.cc:3: Skipped; echo no such thing")
set_tests_properties(left_out PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(good bad crash missing left_out inside PROPERTIES LABELS "unit;threads")
add_test(NAME other COMMAND true)
add_test(NAME twice COMMAND sh -c "test -e tried || { touch tried; exit 1; }")
set_tests_properties(other twice PROPERTIES LABELS "e2e")
"""


class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        stages.BUILD = folder.name
        stages.say = lambda text="": None
        self.count = stages.Count()

    def project(self):
        build = os.path.join(stages.BUILD, "release")
        os.makedirs(build)
        with open(os.path.join(build, "CMakeLists.txt"), "w", encoding="ascii") as file:
            file.write(PROJECT)
        subprocess.run(["cmake", "-G", "Ninja", "-S", build, "-B", build], check=True, capture_output=True)

    def ctest(self, **which):
        show, stages.run = stages.run, lambda command, **rest: show(command, **{"capture_output": True, **rest})
        self.addCleanup(setattr, stages, "run", show)
        stages.ctest("release", self.count, **which)

    def test_every_kind_of_result(self):
        self.project()
        self.ctest(labels="unit")
        self.assertEqual(str(self.count), "2 passed, 3 failed, 2 skipped")
        self.assertEqual(sorted(self.count.failures)[0], "release/bad")
        self.assertIn("release/left_out: needs root", self.count.skips)
        self.assertTrue(any("x_test.cc:3: no such thing" in line for line in self.count.skips), self.count.skips)

    def test_labels_are_whole_words_and_can_be_left_out(self):
        self.project()
        self.ctest(but="unit")
        self.assertEqual(str(self.count), "1 passed, 1 failed, 0 skipped")

    def test_what_passes_alone_is_said_to_be_unsteady(self):
        self.project()
        self.ctest(labels="e2e", again=2)
        self.assertEqual(str(self.count), "2 passed, 0 failed, 0 skipped")
        self.assertEqual(self.count.unsteady, ["release/twice: failed beside others, passed alone"])

    def test_what_fails_again_has_failed_and_many_are_not_tried_again(self):
        self.project()
        self.ctest(again=3)
        self.assertEqual((self.count.passed, self.count.failed, self.count.unsteady), (3, 4, []))
        self.count = stages.Count()
        self.ctest(labels="unit", again=3)
        self.assertEqual((self.count.passed, self.count.failed, self.count.unsteady), (2, 3, []))

    def test_no_tests_are_said(self):
        self.project()
        self.ctest(labels="uni")
        self.assertEqual(str(self.count), "0 passed, 0 failed, 1 skipped")

    def test_a_build_that_fails_is_a_failure(self):
        self.project()
        stages.configure, kept = lambda preset: True, stages.configure
        self.addCleanup(setattr, stages, "configure", kept)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertFalse(stages.build("release", "no_such_target", self.count))
        self.assertIn("no_such_target", said.getvalue())
        self.assertEqual(str(self.count), "0 passed, 1 failed, 0 skipped")

    def test_a_build_that_takes_too_long_is_skipped_and_ended(self):
        self.project()
        with open(os.path.join(stages.BUILD, "release", "CMakeLists.txt"), "a", encoding="ascii") as file:
            file.write("add_custom_target(first COMMAND true)\nadd_custom_target(slow COMMAND sleep 60)\n"
                       "add_dependencies(slow first)\n")
        stages.MINUTES, kept = 0, stages.MINUTES
        self.addCleanup(setattr, stages, "MINUTES", kept)
        stages.configure, configure = lambda preset: True, stages.configure
        self.addCleanup(setattr, stages, "configure", configure)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertFalse(stages.build("release", "slow", self.count))
        self.assertEqual(str(self.count), "0 passed, 0 failed, 1 skipped")

    def test_fuzz_targets(self):
        programs = os.path.join(stages.BUILD, "fuzz", "bin", "fuzz")
        os.makedirs(programs)
        for name, status in (("good", 0), ("bad", 77)):
            with open(os.path.join(programs, name), "w", encoding="ascii") as file:
                file.write(f"#!/bin/sh\necho stat::number_of_executed_units: 5\nexit {status}\n")
            os.chmod(os.path.join(programs, name), 0o755)
        stages.build, kept = lambda *_: True, stages.build
        self.addCleanup(setattr, stages, "build", kept)
        stages.fuzz(self.count)
        self.assertEqual(str(self.count), "1 passed, 1 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
