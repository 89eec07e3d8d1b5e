"""Sizes, names, operating-system macros and other small rules."""

import re

from source import Finding

RULES = {
    "os-macro": "the operating system is chosen by CMake and hidden behind platform/*.h; a macro elsewhere is a port "
                "that nobody finds",
    "file-size": "a file above 900 lines is several files; above 600 it says why in a comment `size: …`",
    "shared-from-this": "the coroutine that runs an object owns it; shared_from_this hides who does",
    "nameless-file": "utils, helpers, misc and common name nothing: name the file after what it holds",
    "file-name": "C++ files are snake_case.h and snake_case.cc",
    "test-sleep": "a test that waits for time is slow or flaky: wait for the event, or use a fake clock",
    "home-path": "a path of one person's machine works nowhere else",
    "unfinished": "what is unfinished is an issue, not a comment",
    "disabled-test": "a disabled test tests nothing: mend it or remove it",
    "pragma-once": "a header is included twice sooner or later",
    "own-header-first": "x.cc includes x.h first, which shows that x.h stands on its own",
    "line-end": "tabs, carriage returns and blanks at line ends make needless differences",
}

MACROS = (r"\b(?:_WIN32|_WIN64|WIN32|__MINGW32__|__MINGW64__|_MSC_VER|__linux__|__linux|__APPLE__|__unix__|__FreeBSD__|"
          r"__ANDROID__|BOOST_OS_\w+|BOOST_WINDOWS|BOOST_ASIO_WINDOWS|BOOST_ASIO_HAS_EPOLL)\b")
MOST, JUSTIFY = 900, 600
SIZED = (".cc", ".h", ".py", ".sh", ".js", ".ts", ".lua", ".cmake")
NAMELESS = re.compile(r"^(utils?|helpers?|misc|common|stuff|tools)(_test)?\.(h|cc|py|sh|js)$")
# Put together from halves, so that this file does not find itself.
HOME = r"(?<![\w$}.*])/(?:ho" r"me/[a-z]|wo" r"rk/|Us" r"ers/|ro" r"ot/[a-z])"
UNFINISHED = r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"
# A coroutine that sleeps for hours waits for its cancellation, not for time.
SLEEPS = r"\b(?:sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\((?!\s*(?:std::chrono::)?(?:hours|\d+h)\b)"


def _size(source):
    count = len(source.lines)
    if not source.path.endswith(SIZED) and not source.text.startswith("#!"):
        return
    if count > MOST:
        yield 1, "file-size", f"{count} lines, at most {MOST}"
    elif count > JUSTIFY and not re.search(r"(?://|#|--) size: \S", source.text):
        yield 1, "file-size", f"{count} lines without a `size: …` comment that says why"


def _names(source):
    if NAMELESS.match(source.name) and not source.path.startswith("cmake/"):
        yield 1, "nameless-file", source.name
    if source.is_cxx and not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*\.(cc|h)", source.name):
        yield 1, "file-name", source.name


def _text(source):
    for line, match in source.matches(HOME, in_code=False):
        yield line, "home-path", source.lines[line - 1][match.start():match.start() + 30]
    for line, match in source.matches(UNFINISHED, in_code=False):
        yield line, "unfinished", match.group(0)
    if source.path.endswith(SIZED):
        for line, match in source.matches(r"[ \t]+$|\r$|^ *\t", in_code=False):
            yield line, "line-end", "a tab or blanks"


def _header(source):
    ours = [(line, name) for line, name, quoted in source.includes if quoted]
    if source.path.endswith(".h"):
        if not re.search(r"^#pragma once$", source.text, re.M):
            yield 1, "pragma-once", "no #pragma once"
        return
    own = re.sub(r"\.cc$", ".h", source.path)
    if any(name == own for _, name in ours) and source.includes[0][1] != own:
        yield source.includes[0][0], "own-header-first", f'"{own}" is not the first include'


def _cxx(source):
    if not source.path.startswith("platform/"):
        for line, match in source.matches(MACROS):
            yield line, "os-macro", match.group(0)
    for line, _ in source.matches(r"\benable_shared_from_this\b"):
        yield line, "shared-from-this", "enable_shared_from_this"
    if source.name.endswith("_test.cc"):
        for line, match in source.matches(SLEEPS):
            yield line, "test-sleep", match.group(0) + ")"
    for line, _ in source.matches(r"\bTEST(?:_[FP])?\s*\([^)]*\bDISABLED_"):
        yield line, "disabled-test", "DISABLED_"


def check(source):
    if source.path == "LICENSE":
        return
    scans = [_size(source), _names(source), _text(source)]
    if source.is_cxx:
        scans += [_header(source), _cxx(source)]
    for scan in scans:
        for line, rule, text in scan:
            if not source.allowed(rule, line):
                yield Finding(source.path, line, rule, text)
