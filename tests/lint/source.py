"""The tree as the lints see it: files, their code without comments and strings, their tokens."""

import functools
import os
import re
import subprocess
from dataclasses import dataclass

CXX = (".cc", ".h")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str


@dataclass(frozen=True)
class Token:
    text: str
    line: int


def _blank(match_text):
    return re.sub(r"[^\n]", " ", match_text)


_SKIP = re.compile(
    r"""//(?:[^\n\\]|\\.)*            # line comment
      | /\*.*?\*/                     # block comment
      | (?:u8|u|U|L)?R"(?P<delimiter>[^()\\\s]*)\(.*?\)(?P=delimiter)"
      | (?:u8|u|U|L)?"(?:[^"\\\n]|\\.)*"
      | (?<![0-9A-Fa-f_])(?:u8|u|U|L)?'(?:[^'\\\n]|\\.)+'
    """,
    re.S | re.X,
)
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.']*|::|->|&&|\|\||\[\[|\]\]|[^\s\w]")
_PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)')
_TEST_ONLY = re.compile(r"_(test|fuzz|bench)(_support\.h|\.cc)$|_(fixture|lab)\.h$|/fake_\w+\.(h|cc)$")
_ALLOW = re.compile(r"(?://|#) lint: allow ([a-z-]+): \S.*")


class Source:
    """One file. `path` is relative to the root of the tree, with slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_cxx(self):
        return self.path.endswith(CXX)

    @property
    def is_test(self):
        """Built into test, fuzz or benchmark programs only."""
        return self.path.startswith("tests/") or _TEST_ONLY.search(self.path) is not None

    @functools.cached_property
    def code(self):
        """The text with comments and the insides of strings blanked; lines and columns stay."""
        return _SKIP.sub(lambda m: _blank(m.group(0)), self.text)

    @functools.cached_property
    def tokens(self):
        """C++ tokens of the code, without preprocessor lines."""
        code = _PREPROCESSOR.sub(lambda m: _blank(m.group(0)), self.code)
        found, line, at = [], 1, 0
        for match in _TOKEN.finditer(code):
            line += code.count("\n", at, match.start())
            at = match.start()
            # "[[" and "]]" are attributes only in pairs of their own; elsewhere they are two brackets.
            if match.group(0) in ("[[", "]]"):
                found += [Token(match.group(0)[0], line)] * 2
            else:
                found.append(Token(match.group(0), line))
        return found

    @functools.cached_property
    def includes(self):
        """(line, file, True for "..." and False for <...>)"""
        found = []
        code = self.code.split("\n")
        for number, line in enumerate(self.lines, 1):
            match = _INCLUDE.match(line)
            if match and code[number - 1].lstrip().startswith("#"):
                found.append((number, match.group(1) or match.group(2), match.group(1) is not None))
        return found

    def allowed(self, rule, line):
        """True with `// lint: allow RULE: why` on the line or the one above it."""
        for number in (line, line - 1):
            if 1 <= number <= len(self.lines):
                match = _ALLOW.search(self.lines[number - 1])
                if match and match.group(1) == rule:
                    return True
        return False

    def matches(self, pattern, in_code=True):
        """(line, match) for each place of a regular expression."""
        for number, line in enumerate((self.code if in_code else self.text).split("\n"), 1):
            for match in re.finditer(pattern, line):
                yield number, match


def root():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def tree(top=None):
    """Every file of the project that is text: tracked, or new and not ignored."""
    top = top or root()
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout
    for path in sorted(set(filter(None, listed.split("\0")))):
        try:
            with open(os.path.join(top, path), encoding="utf-8") as file:
                yield Source(path, file.read())
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # binary, or deleted and not yet committed
