"""Folder edges: who may include whom, and which room is home to which library."""

import re

from source import Finding, Source

RULES = {
    "programs-apart": "agent, jumpoint and each of tools/* are programs of their own: what two of them need "
                      "stands in common, or a change to one breaks the other",
    "common-below": "common and platform are built into every program: they must not know any of them",
    "platform-alone": "platform does what the operating system does; knowing the suite would make each port a port of "
                      "the suite. It may use common/base only",
    "platform-users": "in common only tunnel, identity, endpoint and command_line touch the operating system, so that "
                      "the rest is tested as plain functions",
    "pure-room": "mux, control and config are plain functions over plain data: they know common/base only, which "
                 "keeps them testable without sockets, TLS or a clock",
    "base-alone": "common/base is under everything and includes nothing else of ours",
    "no-transport": "what a session carries must not depend on how it is carried (tunnel, endpoint)",
    "tests-apart": "nothing that ships includes tests; test doubles stay out of the programs",
    "third-party-home": "each library has one home, so that it can be replaced, reviewed and kept out of our headers",
    "test-library": "GoogleTest and Google Benchmark belong to test programs only",
    "full-path": "includes of ours name the path from the root, so that edges can be seen",
}

PROGRAMS = ("agent", "jumpoint", "tools")
TOP = PROGRAMS + ("common", "platform", "tests", "installers")
PURE = ("common/mux", "common/control", "common/config")
PLATFORM_USERS = ("common/tunnel", "common/identity", "common/endpoint", "common/command_line")
SESSION_CONTENT = ("common/session", "common/files", "common/wake", "common/access")

# Header prefix → (homes, only in .cc files). A home is a folder, or the start of a file's path.
THIRD_PARTY = {
    r"openssl/|boost/asio/ssl|boost/beast/ssl": (("common/tunnel/", "common/identity/", "tools/bench/"), False),
    r"libssh/|libtelnet": (("jumpoint/bridge/", "tools/console/ssh/"), False),
    r"(?i:windows|winsock2|ws2tcpip|iphlpapi|wtsapi32|dpapi|userenv|sddl|aclapi)\.h$": (("platform/windows/", "installers/windows/"), True),
    r"pcap": (("platform/",), True),
    r"security/pam|systemd/": (("platform/linux/",), True),
    r"yaml-cpp/": (("common/config/",), False),
    r"Poco/": (("common/base/",), True),
    r"sqlite3|libpq|pqxx": (("tools/appliance/store",), False),
    r"CLI/|CLI11": (("common/command_line/", "agent/", "jumpoint/", "tools/appliance/", "tools/console/", "tools/bench/"), False),
}


def room(path):
    """common/mux, platform, agent, tools/appliance, tests"""
    parts = path.split("/")
    if parts[0] in ("common", "tools") and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def program(path):
    """The program that a file belongs to, or None."""
    if path.split("/")[0] not in PROGRAMS:
        return None
    return room(path)


def edge(source, included):
    """(rule, text) when a file may not include another of ours."""
    here, there = room(source.path), room(included)
    if not source.is_test and (there == "tests" or Source(included, "").is_test):
        return "tests-apart", f"{source.path} ships and includes {included}"
    if here == there or "tests" in (here, there):
        return None
    if program(source.path) and program(included):
        return "programs-apart", f"{here} includes {included}"
    if program(included):
        return "common-below", f"{here} includes {included}"
    if here == "platform" and there != "common/base":
        return "platform-alone", f"platform includes {included}"
    if here == "common/base":
        return "base-alone", f"common/base includes {included}"
    if here in PURE and there != "common/base":
        return "pure-room", f"{here} includes {included}"
    if here.startswith("common/") and there == "platform" and here not in PLATFORM_USERS:
        return "platform-users", f"{here} includes {included}"
    if here in SESSION_CONTENT and there in ("common/tunnel", "common/endpoint"):
        return "no-transport", f"{here} includes {included}"
    return None


def third_party(source, included):
    for pattern, (homes, only_cc) in THIRD_PARTY.items():
        if not re.match(pattern, included):
            continue
        if source.is_test and (source.path.startswith("tests/") or source.path.endswith(".cc")):
            return None
        if not source.path.startswith(homes):
            return f"<{included}> belongs to {', '.join(homes)}"
        if only_cc and not source.path.endswith(".cc"):
            return f"<{included}> belongs in a .cc file of {', '.join(homes)}, not in a header"
    return None


def check(source):
    if not source.is_cxx:
        return
    for line, included, ours in source.includes:
        found = None
        if ours and included.split("/")[0] not in TOP:
            found = ("full-path", f'"{included}"')
        elif included.split("/")[0] in TOP:
            found = edge(source, included)
        elif re.match(r"gtest/|gmock/", included) and not source.is_test:
            found = ("test-library", f"<{included}>")
        elif re.match(r"benchmark/", included) and not source.is_test and room(source.path) != "tools/bench":
            found = ("test-library", f"<{included}>")
        else:
            text = third_party(source, included)
            found = ("third-party-home", text) if text else None
        if found and not source.allowed(found[0], line):
            yield Finding(source.path, line, *found)
