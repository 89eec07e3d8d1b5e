#!/usr/bin/env python3
"""Runs lints over the tree: run.py [edges|coroutines|hygiene|scripts]... [--root FOLDER]

Each finding is one line, `path:line: rule: what`, and each rule that was broken is explained once. A
place that has a good reason says so beside it: `// lint: allow RULE: the reason` (# in scripts).
"""

import argparse
import importlib
import os
import sys

import source

LINTS = ("edges", "coroutines", "hygiene", "scripts")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lints", nargs="*", metavar="LINT", help=f"of {', '.join(LINTS)}; all when none is named")
    parser.add_argument("--root", default=source.root(), help="another tree")
    chosen = parser.parse_args()
    for name in chosen.lints:
        if name not in LINTS:
            parser.error(f"no lint {name!r}: there are {', '.join(LINTS)}")
    modules = [importlib.import_module(name) for name in chosen.lints or LINTS]
    files, found, reasons = 0, [], {}
    for file in source.tree(os.path.abspath(chosen.root)):
        files += 1
        for module in modules:
            for finding in module.check(file):
                found.append(finding)
                reasons[finding.rule] = module.RULES[finding.rule]
    for finding in found:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.text}")
    for rule, reason in reasons.items():
        print(f"\n{rule}: {reason}.")
    print(f"{files} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
