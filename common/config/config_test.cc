#include "common/config/config.h"

#include <gtest/gtest.h>

#include <fstream>

namespace jump::config {
namespace {

using namespace std::chrono_literals;

enum class Level { error, info };
BOOST_DESCRIBE_ENUM(Level, error, info)

struct Listen {
  std::string address = "0.0.0.0";
  std::uint16_t port = 443;
};
BOOST_DESCRIBE_STRUCT(Listen, (), (address, port))
void validate(const Listen& listen, Checks& checks) {
  checks.range("port", listen.port, 1, 65535);
  checks.length("address", listen.address, 1, 253);
}

struct Settings {
  std::vector<Listen> listen{{}};
  std::chrono::seconds wait = 10min;
  std::chrono::milliseconds tick = 250ms;
  Size buffer{256 * 1024};
  Level level = Level::info;
  std::optional<std::int32_t> limit;
  std::map<std::string, std::string> labels;
  bool verbose = false;
  double ratio = 0.5;
  Secret password;
  std::string site = "site";
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (listen, wait, tick, buffer, level, limit, labels, verbose, ratio, password, site))
void validate(const Settings& settings, Checks& checks) {
  checks.range("wait", settings.wait, 1s, std::chrono::seconds(24h * 30));
  checks.range("buffer", settings.buffer, Size{16384}, Size{1u << 20});
  if (settings.listen.empty()) checks.fault("listen", "name at least one");
}

std::string complaint(std::string_view text) {
  const Result<Settings> result = parse_config<Settings>(text, "f.yaml");
  return result ? "" : result.error().message();
}

TEST(Config, ReadsWhatAPersonWrites) {
  const Result<Settings> read = parse_config<Settings>(R"(
# a comment
listen:
  - address: "::"
    port: 8443
  - {port: 443}
wait: 1h30m
tick: 1s
buffer: 1MiB
level: error
limit: -5
labels: {a: "1", b: yes}
verbose: true
ratio: 2
password: hunter2
)",
                                                       "f.yaml");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->listen.size(), 2u);
  EXPECT_EQ(read->listen[0].address, "::");
  EXPECT_EQ(read->listen[1].address, "0.0.0.0");
  EXPECT_EQ(read->wait, 90min);
  EXPECT_EQ(read->tick, 1000ms);
  EXPECT_EQ(read->buffer.bytes, 1u << 20);
  EXPECT_EQ(read->level, Level::error);
  EXPECT_EQ(read->limit, -5);
  EXPECT_EQ(read->labels.at("b"), "yes");
  EXPECT_EQ(read->ratio, 2.0);
  EXPECT_EQ(read->password.reveal_text(), "hunter2");
}

TEST(Config, KeepsInitialValuesWhereNothingIsSaid) {
  for (const char* text : {"", "# nothing\n", "---\n", "{}"}) {
    const Result<Settings> read = parse_config<Settings>(text, "f.yaml");
    ASSERT_TRUE(read) << text << read.error().message();
    EXPECT_EQ(read->wait, 10min);
    EXPECT_EQ(read->listen.size(), 1u);
  }
}

TEST(Config, ReportsAllFaultsAtOnceWithLineAndKey) {
  EXPECT_EQ(complaint(R"(listen:
  - port: 70000
  - port: 0
    adress: x
wait: 10 min
buffer: 1KiB
level: loud
verbose: yes
limit: "7"
ratio: fast
colour: red
)"),
            "f.yaml:2: listen[0].port: 70000 is out of range, 0 to 65535\n"
            "f.yaml:3: listen[1].port: 0 is out of range, 1 to 65535\n"
            "f.yaml:4: listen[1].adress: unknown key; did you mean 'address'?\n"
            "f.yaml:5: wait: '10 min' is no duration; write 90s, 10m, 12h or 30d\n"
            "f.yaml:6: buffer: 1KiB is out of range, 16KiB to 1MiB\n"
            "f.yaml:7: level: 'loud' is none of: error, info\n"
            "f.yaml:8: verbose: 'yes' is not true or false\n"
            "f.yaml:9: limit: '7' is not a whole number\n"
            "f.yaml:10: ratio: 'fast' is not a number\n"
            "f.yaml:11: colour: unknown key; known here: listen, wait, tick, buffer, level, limit, labels, "
            "verbose, ratio, "
            "password, site");
}

TEST(Config, NamesTheKeyOfAWrongShape) {
  EXPECT_EQ(complaint("listen: 5"), "f.yaml:1: listen: expected a list");
  EXPECT_EQ(complaint("listen: [5]"), "f.yaml:1: listen[0]: expected keys and values");
  EXPECT_EQ(complaint("listen: []"), "f.yaml:1: listen: name at least one");
  EXPECT_EQ(complaint("wait: [1s]"), "f.yaml:1: wait: expected a duration such as 10m");
  EXPECT_EQ(complaint("site:"), "f.yaml:1: site: expected text");
  EXPECT_EQ(complaint("- a"), "f.yaml:1: expected keys and values");
  EXPECT_EQ(complaint("labels: {a: [1]}"), "f.yaml:1: labels.a: expected text");
  EXPECT_EQ(complaint("limit: -2147483649"),
            "f.yaml:1: limit: -2147483649 is out of range, -2147483648 to 2147483647");
  EXPECT_EQ(complaint("wait: 1500ms"), "f.yaml:1: wait: '1500ms' is too fine here; write whole seconds");
}

TEST(Config, RefusesWhatNobodyNeedsAndAttackersDo) {
  EXPECT_EQ(complaint("site: &a x\nlabels: {b: *a}"), "f.yaml:1: anchors (&name) are not taken");
  EXPECT_EQ(complaint("site: x\nsite: y"), "f.yaml:2: the key 'site' stands there twice");
  EXPECT_EQ(complaint("site: !!binary aGk="), "f.yaml:1: tags (tag:yaml.org,2002:binary) are not taken");
  EXPECT_EQ(complaint("site: x\n---\nsite: y"), "f.yaml:3: a second document; one is taken");
  EXPECT_EQ(complaint("site: \xff"), "f.yaml: not UTF-8 text");
  EXPECT_EQ(complaint("site: " + std::string(100, '[') + std::string(100, ']')),
            "f.yaml:1: more than 16 levels");
  EXPECT_NE(complaint(std::string(100000, '[')), "");
  EXPECT_NE(complaint(std::string(100000, '{')), "");
  std::string steps;
  for (int n = 0; n < 100; ++n) steps += std::string(static_cast<std::size_t>(n), ' ') + "a:\n";
  EXPECT_EQ(complaint(steps), "f.yaml:17: more than 16 levels");
  EXPECT_NE(complaint("a: b: c").find("f.yaml:1: "), std::string::npos);
  EXPECT_NE(complaint("site: \"x").find("f.yaml:"), std::string::npos);
  EXPECT_EQ(complaint("? [a]\n: b"), "f.yaml:1: a key must be plain text");
  EXPECT_TRUE(parse_config<Settings>(std::string(kFileBytes + 1, '#'), "f").error().is(Fault::too_large));
}

TEST(Config, EndsOnEveryTruncation) {
  const std::string whole =
      "listen:\n  - {address: \"::\", port: 8443}\nwait: 1h30m\nlabels: {a: 'x'}\nsite: |\n  text\n";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    static_cast<void>(parse_config<Settings>(whole.substr(0, size), "f.yaml"));
  }
}

TEST(Config, PrintsWhatItReadsBack) {
  Settings settings;
  settings.wait = 100min;
  settings.limit = 7;
  settings.site = "tricky: \"#\n'";
  settings.labels = {{"k", "true"}, {"empty", ""}};
  settings.password = Secret("hunter2");
  const std::string text = print_config(settings);
  EXPECT_NE(text.find("wait: 1h40m\n"), std::string::npos) << text;
  EXPECT_NE(text.find("buffer: 256KiB\n"), std::string::npos);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  const Result<Settings> back = parse_config<Settings>(text, "printed");
  ASSERT_TRUE(back) << back.error().message() << "\n" << text;
  EXPECT_EQ(back->site, settings.site);
  EXPECT_EQ(back->labels, settings.labels);
  EXPECT_EQ(print_config(*back), text);
  EXPECT_TRUE(parse_config<Settings>(print_config(Settings{}), "printed"));
}

TEST(Config, SaysWhichFileCannotBeRead) {
  EXPECT_EQ(read_config<Settings>("/nonexistent/f.yaml").error().message(),
            "configuration /nonexistent/f.yaml: No such file or directory");
  EXPECT_FALSE(read_config<Settings>("/"));
}

TEST(Duration, AddsUnitsAndRefusesBareNumbersAndOverflow) {
  EXPECT_EQ(parse_nanoseconds("1w1d").value(), 8 * 24h);
  EXPECT_EQ(parse_nanoseconds("0").value(), 0ns);
  for (const char* text :
       {"", "5", "m", "-1s", "1s ", "1.5h", "1M", "99999999999999999999s", "9999999999w"}) {
    EXPECT_FALSE(parse_nanoseconds(text)) << text;
  }
}

}  // namespace
}  // namespace jump::config
