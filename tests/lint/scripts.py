"""Shell and Python programs of the tree at least parse."""

import shutil
import subprocess

from source import Finding

RULES = {
    "shell-syntax": "a script with a syntax error fails on the machine of whoever needs it",
    "shell-check": "what shellcheck warns about (unquoted words, lost exit statuses) breaks on the next odd file name",
    "shell-strict": "without `set -u` and an error rule a script goes on after what it relied on has failed",
    "python-syntax": "a program with a syntax error fails on the machine of whoever needs it",
}


def language(source):
    first = source.lines[0]
    if source.path.endswith(".py") or (first.startswith("#!") and "python" in first):
        return "python"
    if source.path.endswith((".sh", ".bash")) or (first.startswith("#!") and first.rstrip().endswith(("/bash", " bash", "/sh"))):
        return "sh" if first.rstrip().endswith("/sh") else "bash"
    return None


def _shell(source, shell):
    parsed = subprocess.run([shell, "-n"], input=source.text, capture_output=True, text=True)
    if parsed.returncode != 0:
        yield 1, "shell-syntax", parsed.stderr.strip()
        return
    if source.text.startswith("#!") and not any(line.startswith("set -") and "u" in line for line in source.lines):
        yield 1, "shell-strict", "no `set -u`"
    if shutil.which("shellcheck"):
        found = subprocess.run(["shellcheck", "-S", "warning", "-f", "gcc", "-s", shell, "-"], input=source.text,
                               capture_output=True, text=True).stdout
        for row in found.splitlines():
            _, line, _, text = row.split(":", 3)
            yield int(line), "shell-check", text.strip()


def check(source):
    kind = language(source)
    if kind == "python":
        try:
            compile(source.text, source.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            yield Finding(source.path, error.lineno or 1, "python-syntax", str(error.msg))
    elif kind:
        for line, rule, text in _shell(source, kind):
            if not source.allowed(rule, line):
                yield Finding(source.path, line, rule, text)
