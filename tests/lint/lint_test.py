#!/usr/bin/env python3
"""Each lint catches what it must and leaves alone what is fine."""

import os
import subprocess
import sys
import tempfile
import unittest

import coroutines
import edges
import hygiene
import scripts
from source import Source

HERE = os.path.dirname(os.path.abspath(__file__))


def rules(module, path, text):
    return [finding.rule for finding in module.check(Source(path, text))]


def include(path, name, quoted=True):
    return rules(edges, path, f'#include "{name}"\n' if quoted else f"#include <{name}>\n")


def await_rules(code, path="common/tunnel/x.cc"):
    return rules(coroutines, path, f"Task<> f() {{\n{code}\n}}\n")


class Sources(unittest.TestCase):
    def test_comments_and_strings_are_not_code(self):
        text = '// a { b\nint x = 1\'000; /* "\n */ f("c } \\" // d", \'"\', R"(e ) " {)", u8"g"); // h'
        code = Source("x.cc", text).code
        self.assertEqual(len(code), len(text))
        for gone in "{}bcdegh":
            self.assertNotIn(gone, code)
        self.assertIn("1'000;", code)
        self.assertEqual([t.line for t in Source("x.cc", text).tokens if t.text == "f"], [3])

    def test_an_include_in_a_comment_does_not_count(self):
        self.assertEqual(Source("x.cc", '// #include "a.h"\n/*\n#include "b.h"\n*/\n#include "c.h"\n').includes,
                         [(5, "c.h", True)])

    def test_an_allow_comment_needs_its_rule_and_a_reason(self):
        bad = "auto x = co_await f(A{1});"
        self.assertEqual(await_rules(bad), ["name-then-await"])
        self.assertEqual(await_rules(bad + "  // lint: allow name-then-await: A is a class"), [])
        self.assertEqual(await_rules("// lint: allow name-then-await: A is a class\n" + bad), [])
        self.assertEqual(await_rules(bad + "  // lint: allow name-then-await:"), ["name-then-await"])
        self.assertEqual(await_rules(bad + "  // lint: allow detached: because"), ["name-then-await"])


class Edges(unittest.TestCase):
    def test_programs_never_include_each_other(self):
        for here, there in (("agent/x.cc", "jumpoint/bridge/y.h"), ("jumpoint/x.cc", "agent/shell/y.h"),
                            ("agent/shell/x.cc", "tools/console/y.h"), ("tools/console/x.cc", "tools/appliance/y.h"),
                            ("tools/appliance/x.cc", "tools/console/y.h"), ("tools/bench/x.cc", "agent/y.h")):
            self.assertEqual(include(here, there), ["programs-apart"], (here, there))
        self.assertEqual(include("agent/shell/x.cc", "agent/shell/y.h"), [])
        self.assertEqual(include("agent/main.cc", "agent/shell/y.h"), [])
        self.assertEqual(include("tools/appliance/store/x.cc", "tools/appliance/y.h"), [])

    def test_common_and_platform_know_no_program(self):
        self.assertEqual(include("common/session/x.h", "agent/shell/y.h"), ["common-below"])
        self.assertEqual(include("platform/linux/x.cc", "tools/console/y.h"), ["common-below"])
        self.assertEqual(include("platform/linux/x.cc", "common/tunnel/y.h"), ["platform-alone"])
        self.assertEqual(include("platform/linux/x.cc", "common/base/error.h"), [])

    def test_only_four_rooms_of_common_touch_the_platform(self):
        for here in ("common/tunnel/x.cc", "common/identity/x.cc", "common/endpoint/x.h", "common/command_line/x.cc", "agent/x.cc",
                     "tools/console/x.cc"):
            self.assertEqual(include(here, "platform/pty.h"), [], here)
        for here in ("common/files/x.cc", "common/session/x.h"):
            self.assertEqual(include(here, "platform/pty.h"), ["platform-users"], here)
        self.assertEqual(include("common/base/x.cc", "platform/pty.h"), ["base-alone"])

    def test_pure_rooms_know_base_only(self):
        for here in ("common/mux/x.h", "common/control/x.h", "common/config/x.cc"):
            self.assertEqual(include(here, "common/base/bytes.h"), [], here)
            self.assertEqual(include(here, "common/tunnel/link.h"), ["pure-room"], here)
            self.assertEqual(include(here, "platform/pty.h"), ["pure-room"], here)
        self.assertEqual(include("common/mux/x.h", "common/mux/frame.h"), [])
        self.assertEqual(include("common/base/x.h", "common/mux/frame.h"), ["base-alone"])
        self.assertEqual(include("common/files/x.cc", "common/tunnel/link.h"), ["no-transport"])

    def test_nothing_that_ships_includes_tests(self):
        self.assertEqual(include("agent/shell/x.cc", "tests/support/fake_pty.h"), ["tests-apart"])
        self.assertEqual(include("agent/shell/x_test.cc", "tests/support/fake_pty.h"), [])
        self.assertEqual(include("agent/shell/x.cc", "agent/shell/shell_test_support.h"), ["tests-apart"])
        self.assertEqual(include("agent/shell/x_test.cc", "agent/shell/shell_test_support.h"), [])
        for header in ("agent/shell/shell_test_support.h", "agent/shell/shell_fixture.h", "common/identity/identity_lab.h"):
            self.assertEqual(include(header, "gtest/gtest.h", quoted=False), [])
        self.assertEqual(include("tests/integration/x_test.cc", "agent/shell/y.h"), [])
        self.assertEqual(include("common/mux/frame.cc", "gtest/gtest.h", quoted=False), ["test-library"])
        self.assertEqual(include("common/mux/frame_test.cc", "gtest/gtest.h", quoted=False), [])

    def test_each_library_has_one_home(self):
        for here, there in (("common/files/x.cc", "openssl/evp.h"), ("agent/x.cc", "libssh/libssh.h"),
                            ("common/tunnel/x.cc", "windows.h"), ("platform/windows/x.h", "Windows.h"),
                            ("agent/x.cc", "yaml-cpp/yaml.h"), ("agent/x.cc", "Poco/Logger.h"),
                            ("common/base/log.h", "Poco/Logger.h"), ("tools/appliance/api/x.cc", "sqlite3.h"),
                            ("common/config/x.cc", "CLI/CLI.hpp"), ("common/wake/x.cc", "pcap/pcap.h"),
                            ("tools/console/x.cc", "boost/asio/ssl.hpp"), ("agent/x.cc", "security/pam_appl.h")):
            self.assertEqual(include(here, there, quoted=False), ["third-party-home"], (here, there))
        for here, there in (("common/tunnel/x.cc", "openssl/ssl.h"), ("jumpoint/bridge/x.cc", "libssh/libssh.h"),
                            ("platform/windows/x.cc", "windows.h"), ("common/config/x.cc", "yaml-cpp/yaml.h"),
                            ("common/base/log.cc", "Poco/Logger.h"), ("tools/appliance/store/x.cc", "sqlite3.h"),
                            ("tools/console/main.cc", "CLI/CLI.hpp"), ("tests/support/ca.cc", "openssl/x509.h"),
                            ("tools/appliance/api/openapi_test.cc", "yaml-cpp/yaml.h")):
            self.assertEqual(include(here, there, quoted=False), [], (here, there))

    def test_our_includes_name_the_path_from_the_root(self):
        self.assertEqual(include("common/mux/frame.cc", "frame.h"), ["full-path"])

    def test_an_edge_can_be_allowed_with_a_reason(self):
        line = '#include "common/tunnel/y.h"'
        self.assertEqual(rules(edges, "common/mux/x.h", line), ["pure-room"])
        self.assertEqual(rules(edges, "common/mux/x.h", line + "  // lint: allow pure-room: until moved"), [])


class Coroutines(unittest.TestCase):
    def test_braces_inside_a_co_await_expression(self):
        for code in ("co_await send(WakeRequest{mac, {}});",
                     "co_await send({1, 2});",
                     "auto r = co_await g(std::vector<int>{1});",
                     "auto r = co_await g(std::array<A, 2>{{1, 2}});",
                     "const A a{co_await g()};",
                     "A a = {co_await g(), 2};",
                     "use(A{1}, co_await g());",
                     "co_return A{co_await g()};",
                     "if (auto r = co_await g(A{1}); !r) co_return r;",
                     "if (!co_await g(A{1})) { h(); }",
                     "while (co_await g(::ns::A{})) h();",
                     "for (int i = 0; co_await g(A{i}); ++i) {}",
                     "auto r = x ? co_await g(A{1}) : 2;",
                     "co_await (g(A{1}) || h());",
                     "co_yield A{1};"):
            self.assertEqual(set(await_rules(code)), {"name-then-await"}, code)

    def test_capturing_lambdas_inside_a_co_await_expression(self):
        for code in ("co_await offload(pool, [&] { h(); });", "co_await g([x](int y) -> int { return x + y; });",
                     "auto r = co_await g(1, [this, x = std::move(x)]() mutable { h(); });"):
            self.assertEqual(await_rules(code), ["name-then-await"], code)
        self.assertEqual(await_rules("co_await g([](int y) { return A{y}; });"), [])
        self.assertEqual(await_rules("auto work = [&] { h(A{1}); };\nco_await offload(pool, work);"), [])

    def test_braces_elsewhere_are_fine(self):
        for code in ("const A a{1, {}};\nco_await send(a);",
                     "if (co_await g()) {\n h(A{1});\n} else {\n co_await g();\n}",
                     "if (co_await g()) co_return A{1};",
                     "while (true) { co_await g(); h({1}); }",
                     "for (const A& a : {A{1}, A{2}}) co_await g(a);",
                     "for (auto& x : co_await g()) { h(A{1}); }",
                     "h(A{1});\nco_await g();\nh(A{2});",
                     "switch (co_await g()) { case E::a: { h(A{1}); break; } default: co_await g(); }",
                     "try { co_await g(); } catch (const E& e) { h(A{1}); }",
                     "do { co_await g(); } while (h(A{1}));",
                     "struct A { int x{1}; };\nco_await g();",
                     "int x[2]{1, 2};\nco_await g(x[0], m[i]);",
                     "if (!x) co_return Error{1};\nelse co_await g();",
                     "[[maybe_unused]] auto r = co_await g();",
                     "auto [a, b] = co_await g();",
                     "if constexpr (A{1}.x) co_await g();",
                     "{ A a{1}; co_await g(a); }"):
            self.assertEqual(await_rules(code), [], code)

    def test_the_line_is_the_line_of_the_brace(self):
        found = list(coroutines.check(Source("common/tunnel/x.cc", "void f() {\n  co_await g(1,\n    A{1});\n}\n")))
        self.assertEqual([f.line for f in found], [3])

    def test_a_capturing_lambda_is_no_coroutine(self):
        bad = "group.spawn(name, [this]() -> Task<> { co_await g(); }());"
        named = "auto body = [&]() -> Task<> { co_await g(); };"
        self.assertEqual(rules(coroutines, "agent/x.cc", bad), ["lambda-coroutine"])
        self.assertEqual(rules(coroutines, "agent/x_test.cc", bad), ["lambda-coroutine"])
        self.assertEqual(rules(coroutines, "agent/x.cc", named), ["lambda-coroutine"])
        self.assertEqual(rules(coroutines, "agent/x_test.cc", named), [])
        self.assertEqual(rules(coroutines, "agent/x.cc", "h([](Link& link) -> Task<> { co_await link.run(); });"), [])
        self.assertEqual(rules(coroutines, "agent/x.cc", "h([&] { auto k = [](int y) -> Task<> { co_return; }; });"), [])

    def test_detached_and_co_spawn(self):
        bad = "asio::co_spawn(io, f(), asio::detached);"
        self.assertEqual(sorted(rules(coroutines, "agent/x.cc", bad)), ["co-spawn", "detached"])
        self.assertEqual(rules(coroutines, "agent/main.cc", "asio::co_spawn(io, f(), done);"), [])
        self.assertEqual(rules(coroutines, "common/base/task_group.cc", "asio::co_spawn(io, f(), done);"), [])
        self.assertEqual(rules(coroutines, "agent/main.cc", bad), ["detached"])
        self.assertEqual(rules(coroutines, "common/mux/x.cc", "send(Kind::detached);  // asio::detached"), [])


class Hygiene(unittest.TestCase):
    def test_macros_of_the_operating_system(self):
        for macro in ("_WIN32", "__linux__", "__APPLE__"):
            text = f"#pragma once\n#ifdef {macro}\n#endif\n"
            self.assertEqual(rules(hygiene, "common/tunnel/x.h", text), ["os-macro"])
            self.assertEqual(rules(hygiene, "platform/x.h", text), [])
            self.assertEqual(rules(hygiene, "common/tunnel/x.h", f"#pragma once\n// {macro}\n"), [])

    def test_sizes(self):
        self.assertEqual(rules(hygiene, "agent/x.cc", "int x;\n" * 599), [])
        self.assertEqual(rules(hygiene, "agent/x.cc", "int x;\n" * 650), ["file-size"])
        self.assertEqual(rules(hygiene, "agent/x.cc", "// size: one table\n" + "int x;\n" * 650), [])
        self.assertEqual(rules(hygiene, "agent/x.cc", "// size: one table\n" + "int x;\n" * 950), ["file-size"])
        self.assertEqual(rules(hygiene, "tools/test", "#!/bin/bash\n" + ":\n" * 950), ["file-size"])
        self.assertEqual(rules(hygiene, "common/mux/PROTOCOL.md", "x\n" * 2000), [])

    def test_names(self):
        for name in ("utils.h", "util.cc", "helpers.h", "misc.py"):
            self.assertIn("nameless-file", rules(hygiene, "agent/" + name, "#pragma once\n"), name)
        self.assertEqual(rules(hygiene, "agent/TaskRunner.cc", ""), ["file-name"])

    def test_sleeps_in_tests(self):
        for code in ("std::this_thread::sleep_for(10ms);", "usleep(5);", "co_await sleep_for(1ms);", "sleep (1);"):
            self.assertEqual(rules(hygiene, "agent/x_test.cc", code), ["test-sleep"], code)
            self.assertEqual(rules(hygiene, "agent/x.cc", code), [], code)
        self.assertEqual(rules(hygiene, "agent/x_test.cc", "co_await sleep_for(std::chrono::hours(1));"), [])
        self.assertEqual(rules(hygiene, "agent/x_test.cc", "// lint: allow test-sleep: the kernel's timer\nusleep(5);"), [])

    def test_paths_of_one_machine(self):
        for path in ("/ho" "me/alice/src", "/wo" "rk/x", "/Us" "ers/x", "/ro" "ot/x"):
            self.assertEqual(rules(hygiene, "README.md", f"see {path}"), ["home-path"], path)
        for fine in ("https://example.org/wo" "rk/x", "$HO" "ME/x", "/root", "framework/x"):
            self.assertEqual(rules(hygiene, "README.md", fine), [], fine)

    def test_headers(self):
        self.assertEqual(rules(hygiene, "agent/x.h", "int x;\n"), ["pragma-once"])
        own, other = '#include "agent/x.h"\n', "#include <vector>\n"
        self.assertEqual(rules(hygiene, "agent/x.cc", own + other), [])
        self.assertEqual(rules(hygiene, "agent/x.cc", other + own), ["own-header-first"])
        self.assertEqual(rules(hygiene, "agent/y.cc", other + own), [])

    def test_other_words(self):
        self.assertEqual(rules(hygiene, "agent/x.cc", "// TO" "DO later"), ["unfinished"])
        self.assertEqual(rules(hygiene, "agent/x.cc", 'mkstemp("/tmp/aXX' 'XXXX");'), [])
        self.assertEqual(rules(hygiene, "agent/x.cc", "class A : std::enable_shared_from_this<A> {};"), ["shared-from-this"])
        self.assertEqual(rules(hygiene, "agent/x_test.cc", "TEST(A, DISABLED_B) {}"), ["disabled-test"])
        self.assertEqual(rules(hygiene, "agent/x.cc", "int x; \n\ty\n"), ["line-end", "line-end"])


class Scripts(unittest.TestCase):
    def test_shell(self):
        self.assertEqual(rules(scripts, "tools/x", "#!/usr/bin/env bash\nset -eu\nif true; then\n"), ["shell-syntax"])
        self.assertEqual(rules(scripts, "tools/x", "#!/bin/bash\necho hello\n"), ["shell-strict"])
        self.assertEqual(rules(scripts, "tools/x", "#!/bin/bash\nset -eu\necho hello\n"), [])

    def test_python(self):
        self.assertEqual(rules(scripts, "tests/x.py", "def f(:\n"), ["python-syntax"])
        self.assertEqual(rules(scripts, "tools/x", "#!/usr/bin/env python3\ndef f(:\n"), ["python-syntax"])
        self.assertEqual(rules(scripts, "tests/x.py", "print(1)\n"), [])


class Runner(unittest.TestCase):
    def run_on(self, path, text, *lints):
        with tempfile.TemporaryDirectory() as top:
            subprocess.run(["git", "init", "-q", top], check=True)
            os.makedirs(os.path.join(top, os.path.dirname(path)))
            with open(os.path.join(top, path), "w", encoding="utf-8") as file:
                file.write(text)
            return subprocess.run([sys.executable, "-B", os.path.join(HERE, "run.py"), "--root", top, *lints],
                                  capture_output=True, text=True)

    def test_a_finding_fails_with_its_place_and_reason(self):
        done = self.run_on("common/mux/x.cc", '#include "agent/y.h"\n')
        self.assertEqual(done.returncode, 1)
        self.assertIn("common/mux/x.cc:1: common-below: common/mux includes agent/y.h", done.stdout)
        self.assertIn("they must not know any of them", done.stdout)

    def test_a_clean_tree_passes(self):
        done = self.run_on("common/mux/x.cc", "int x;\n", "edges", "coroutines")
        self.assertEqual((done.returncode, done.stdout), (0, "1 files, 0 findings\n"))

    def test_an_unknown_lint_is_an_error(self):
        self.assertEqual(self.run_on("common/mux/x.cc", "int x;\n", "colours").returncode, 2)


if __name__ == "__main__":
    unittest.main()
