#!/usr/bin/env python3
"""Builds everything and runs every test, stage by stage; `tools/test` starts it.

The last line counts the tests of all stages: `N passed, N failed, N skipped`. The exit status is 0 only when
nothing failed. An end-to-end test that fails is run once more, alone: if it passes then, it is UNSTEADY, which is
counted as passed and said at the end, with what it printed the first time above.

Environment: JUMP_FUZZ_SECONDS (for each fuzz target, default 60), JUMP_BUILD (folder of the builds, default
build/), JUMP_JOBS (default: the number of processors), JUMP_MINUTES (stages that have not begun or been built by
then are skipped, and said to be; default: no limit), JUMP_WINDOWS (0: nothing for Windows).
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("JUMP_BUILD") or os.path.join(ROOT, "build"))
JOBS = int(os.environ.get("JUMP_JOBS") or os.cpu_count() or 2)
FUZZ_SECONDS = int(os.environ.get("JUMP_FUZZ_SECONDS") or 60)
MOST_AGAIN = 2  # end-to-end tests that may fail and be run once more
HEARTBEAT = 30  # seconds between two lines of a build that goes well
MINUTES = float(os.environ.get("JUMP_MINUTES") or "inf")
BEGAN = time.monotonic()


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)
    unsteady: list = field(default_factory=list)

    def add(self, name, result, why=""):
        line = f"{name}: {why}" if why else name
        if result == "passed":
            self.passed += 1
        elif result == "unsteady":
            self.passed += 1
            self.unsteady.append(line)
        elif result == "failed":
            self.failed += 1
            self.failures.append(line)
        else:
            self.skipped += 1
            self.skips.append(line)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def say(text=""):
    print(text, flush=True)


def duration(seconds):
    return f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds >= 60 else f"{seconds:.1f} s"


def folder(preset):
    return os.path.join(BUILD, preset)


def time_is_over():
    return time.monotonic() - BEGAN > MINUTES * 60


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, **options)


def configure(preset):
    done = run(["cmake", "--preset", preset, "-B", folder(preset)], capture_output=True, text=True)
    if done.returncode != 0:
        say(done.stdout + done.stderr)
    return done.returncode == 0


def build(preset, target, count):
    """Configures and builds. A build that fails is one failed test."""
    # Not by `cmake --build`, which passes no signal on to the compilers.
    command = ["ninja", "-C", folder(preset), f"-j{JOBS}", "-k20", target]
    return watch(f"build {preset}", f"build {preset} {target}", count, command, lambda: configure(preset))


def watch(name, title, count, command, before=lambda: True):
    """A build, with a word from time to time while it goes well; ended when the time is over."""
    start = time.monotonic()
    good = before()
    if good:
        spoken = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as process:
            for line in process.stdout:
                if not re.match(r"\[\d+/\d+\]", line):
                    print(line, end="", flush=True)
                elif time.monotonic() - spoken > HEARTBEAT:
                    spoken = time.monotonic()
                    say(f"  {line.split(']')[0]}] after {duration(spoken - start)}")
                if time_is_over():
                    process.terminate()
                    process.wait()
                    count.add(name, "skipped", f"not done after the {MINUTES:g} minutes of JUMP_MINUTES")
                    return False
        good = process.returncode == 0
    say(f"{title}: {'done' if good else 'FAILED'} in {duration(time.monotonic() - start)}")
    if not good:
        count.add(name, "failed")
    return good


def ctest_cases(preset, *which):
    """Runs tests; ctest's status and the cases of its report."""
    report = os.path.join(folder(preset), "report.xml")
    if os.path.exists(report):
        os.remove(report)
    status = run(["ctest", "--test-dir", folder(preset), f"-j{JOBS}", "--output-on-failure",
                  "--test-output-size-passed", "1000000", "--output-junit", report, *which]).returncode
    return status, xml.parse(report).getroot().findall("testcase") if os.path.exists(report) else []


def ctest(preset, count, labels=None, but=None, again=0):
    """Runs the tests with a label and counts them, the skipped ones inside GoogleTest programs too. If at most `again`
    failed, each is run once more, alone; where more did, something is broken."""
    which = ["-L", f"^({labels})$"] if labels else []
    if but:
        which += ["-LE", f"^({but})$"]
    status, cases = ctest_cases(preset, *which)
    failed = []
    for case in cases:
        name = f"{preset}/{case.get('name')}"
        left_out = case.find("skipped").get("message") if case.find("skipped") is not None else ""
        if left_out.startswith("SKIP_"):
            count.add(name, "skipped", last_line(case))
        elif case.get("status") == "disabled":
            count.add(name, "skipped", "disabled")
        elif left_out or case.find("failure") is not None or case.get("status") != "run":
            failed.append((name, case.get("name"), left_out))  # a program that cannot be started is no skip
        else:
            count.add(name, "passed")
            for place, why in re.findall(r"^(\S+:\d+): Skipped\n(.*)$", output(case), re.M):
                count.add(f"{name} {os.path.relpath(os.path.join(folder(preset), place), ROOT)}", "skipped", why)
    for name, test, why in failed:
        if len(failed) <= again and ctest_cases(preset, "-R", f"^{re.escape(test)}$")[0] == 0:
            count.add(name, "unsteady", "failed beside others, passed alone")
        else:
            count.add(name, "failed", why)
    if status != 0 and not failed:
        count.add(f"{preset}/ctest", "failed", f"ended with status {status}")
    if not cases:
        count.add(f"{preset}/{labels or 'tests'}", "skipped", "there are no such tests")


def output(case):
    return case.findtext("system-out") or ""


def last_line(case):
    lines = output(case).strip().splitlines()
    return lines[-1] if lines else ""


def lint(count):
    if configure("release"):
        ctest("release", count, labels="lint")
    else:
        count.add("configure release", "failed")


def release(count):
    if build("release", "all", count):
        ctest("release", count, but="lint|e2e")


def quick(count):
    if build("release", "all", count):
        ctest("release", count, labels="unit")


def gcc(count):
    if build("gcc", "all", count):
        ctest("gcc", count, labels="unit")


def asan(count):
    if build("asan", "unit_tests", count):
        ctest("asan", count, labels="unit")


def tsan(count):
    if build("tsan", "thread_tests", count):
        ctest("tsan", count, labels="threads")
    # The appliance is the program with threads: it serves real sessions of the others, as they were released. Another
    # whole build: only when asked for.
    if os.environ.get("JUMP_LONG") != "1":
        count.add("tsan/appliance", "skipped", "JUMP_LONG=1 tools/test --stage tsan does it")
    elif build("tsan", "jump-appliance", count) and build("release", "all", count):
        watched_appliance(count)


def watched_appliance(count):
    programs = os.path.join(folder("tsan"), "mixed")
    reports = os.path.join(folder("tsan"), "reports")
    shutil.rmtree(programs, ignore_errors=True)
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(programs)
    os.makedirs(reports)
    for name in os.listdir(os.path.join(folder("release"), "bin")):
        preset = "tsan" if name == "jump-appliance" else "release"
        os.symlink(os.path.join(folder(preset), "bin", name), os.path.join(programs, name))
    environment = os.environ | {"JUMP_BIN": programs, "TSAN_OPTIONS": f"log_path={reports}/report"}
    status = run([sys.executable, os.path.join(ROOT, "tests", "e2e", "sessions_test.py")], env=environment).returncode
    found = sorted(os.listdir(reports))
    for name in found[:3]:
        with open(os.path.join(reports, name), encoding="utf-8", errors="replace") as file:
            say(file.read()[:4000])
    if status == 77:
        count.add("tsan/appliance", "skipped", "end-to-end tests cannot run here")
    else:
        count.add("tsan/appliance", "failed" if status or found else "passed", f"{len(found)} reports" if found else "")


def fuzz(count):
    if not build("fuzz", "fuzz_targets", count):
        return
    programs = os.path.join(folder("fuzz"), "bin", "fuzz")
    names = sorted(os.listdir(programs)) if os.path.isdir(programs) else []
    if not names:
        count.add("fuzz", "skipped", "there are no fuzz targets")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, status, text in pool.map(lambda name: fuzz_one(os.path.join(programs, name)), names):
            runs = re.search(r"stat::number_of_executed_units: (\d+)", text)
            say(f"fuzz {name}: {runs.group(1) if runs else '?'} inputs in {FUZZ_SECONDS} s"
                f"{'' if status == 0 else ', FOUND SOMETHING'}")
            if status != 0:
                say("\n".join(text.splitlines()[-80:]))
            count.add(f"fuzz/{name}", "failed" if status else "passed")


def fuzz_one(program):
    """The corpus grows in the build folder; seeds and past findings come from the tree."""
    name = os.path.basename(program)
    corpus = os.path.join(folder("fuzz"), "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    kept = [os.path.join(ROOT, "tests", "fuzz", kind, name) for kind in ("seeds", "found")]
    done = run([program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                f"-artifact_prefix={os.path.join(folder('fuzz'), name)}-", corpus, *filter(os.path.isdir, kept)],
               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return name, done.returncode, done.stdout


def tidy(count):
    status = run([os.path.join(ROOT, "tools", "tidy"), "--build", folder("tidy")]).returncode
    count.add("tidy", "failed" if status else "passed")


def e2e(count):
    if build("release", "all", count):
        ctest("release", count, labels="e2e", again=MOST_AGAIN)


def windows(count):
    if os.environ.get("JUMP_WINDOWS") == "0":
        count.add("windows", "skipped", "JUMP_WINDOWS=0: NOTHING was built or tested for Windows")
        return
    command = [os.path.join(ROOT, "tools", "build-windows")]
    if run([*command, "--dependencies"]).returncode == 69:
        count.add("windows", "skipped", "packages or sources could not be had: NOTHING was built or tested for Windows")
        return
    if not build("release", "all", count) or not watch("build windows", "build windows", count, command):
        return
    # Wine starts a server for each prefix, which would stay; services, which inherit the output of what starts them and
    # would keep the pipe of a test open, are started before the tests.
    prefix = os.path.join(folder("windows"), "wine")
    os.environ.update({"WINEPREFIX": prefix, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree=;mshtml="})
    for words in (["wineboot", "-i"], ["wine", "winecfg", "-v", "win10"], ["wineserver", "-p"], ["wineboot"]):
        run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ctest("windows", count, labels="unit")
    finally:
        run(["wineserver", "-k"])
    if time_is_over():
        count.add("windows/e2e", "skipped", f"the {MINUTES:g} minutes of JUMP_MINUTES were over")
        return
    environment = os.environ | {"JUMP_BIN": os.path.join(folder("release"), "bin"), "PYTHONUNBUFFERED": "1"}
    left = MOST_AGAIN
    for name in ("windows_test", "windows_console_test", "windows_jumpoint_test"):
        program = [sys.executable, "-B", os.path.join(ROOT, "tests", "e2e", f"{name}.py")]
        status = run(program, env=environment).returncode
        if status in (0, 77):
            count.add(f"windows/e2e {name}", "skipped" if status else "passed",
                      "end-to-end tests cannot run here" if status else "")
        elif left > 0 and run(program, env=environment).returncode == 0:
            left -= 1
            count.add(f"windows/e2e {name}", "unsteady", "failed once")
        else:
            count.add(f"windows/e2e {name}", "failed")


STAGES = {
    "lint": (lint, "format, folder edges, coroutine traps and the other lints"),
    "release": (release, "clang 19, optimised: builds everything, runs all but the end-to-end tests"),
    "e2e": (e2e, "whole programs in network namespaces"),
    "asan": (asan, "unit tests with address and undefined-behaviour sanitizers"),
    "gcc": (gcc, "gcc 12 without optimisation and precompiled header: builds everything, runs the unit tests"),
    "tsan": (tsan, "tests of what has threads with the thread sanitizer"),
    "fuzz": (fuzz, f"each fuzz target for {FUZZ_SECONDS} s"),
    "tidy": (tidy, "clang-tidy on changed files"),
    "windows": (windows, "cross build with mingw-w64; unit tests and whole programs under Wine (JUMP_WINDOWS=0: not)"),
}


def options():
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="lint, release build and unit tests only")
    parser.add_argument("--stage", action="append", choices=STAGES, metavar="NAME", help="this stage only; may be repeated")
    parser.add_argument("--list", action="store_true", help="list the stages and end")
    parser.add_argument("--no-setup", action="store_true", help="do not look for missing packages")
    return parser.parse_args()


def plan(chosen):
    if chosen.quick:
        return {"lint": STAGES["lint"], "quick": (quick, "release build and unit tests")}
    names = chosen.stage or STAGES
    return {name: STAGES[name] for name in STAGES if name in names}


def main():
    chosen = options()
    if chosen.list:
        for name, (_, what) in STAGES.items():
            say(f"{name:8} {what}")
        return 0
    if not shutil.which("ccache"):
        say("no ccache: every build is a full one")
    start, total, times = time.monotonic(), Count(), []
    for name, (stage, what) in plan(chosen).items():
        say(f"\n=== {name}: {what}")
        begun, count = time.monotonic(), Count()
        if time_is_over():
            count.add(name, "skipped", f"the {MINUTES:g} minutes of JUMP_MINUTES were over; tools/test --stage {name}")
        else:
            stage(count)
        times.append(f"{name:8} {count} in {duration(time.monotonic() - begun)}")
        say(f"=== {name}: {count} in {duration(time.monotonic() - begun)}")
        for result in ("passed", "failed", "skipped"):
            setattr(total, result, getattr(total, result) + getattr(count, result))
        total.failures += count.failures
        total.skips += count.skips
        total.unsteady += count.unsteady
    say("\n" + "\n".join(times))
    for line in total.skips:
        say(f"SKIPPED {line}")
    for line in total.unsteady:
        say(f"UNSTEADY {line}")
    for line in total.failures:
        say(f"FAILED {line}")
    say(f"all stages in {duration(time.monotonic() - start)}")
    say(str(total))
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    # As Ctrl-C: what was started for a stage, Wine's server for one, is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
