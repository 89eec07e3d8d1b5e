// PROTOCOL.md says what the code does: its examples and its numbers.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "common/mux/frame.h"
#include "common/mux/frame_samples.h"

namespace jump::mux {
namespace {

std::string document() {
  std::ifstream file(JUMP_PROTOCOL_MD);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every hex number of an even count of digits, joined: the examples without their spaces and most words.
std::string joined_hex(const std::string& text) {
  const std::regex word("\\b[0-9a-f]+\\b");
  std::string joined;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), word); at != std::sregex_iterator(); ++at) {
    if (at->length() % 2 == 0) joined += at->str();
  }
  return joined;
}

TEST(Protocol, ShowsTheBytesOfEachFrame) {
  const std::string joined = joined_hex(document());
  for (const Sample& sample : samples()) {
    EXPECT_NE(joined.find(sample.hex), std::string::npos) << sample.name;
  }
}

TEST(Protocol, NamesEachKindWithItsNumber) {
  const std::string text = document();
  for (int kind = 1; kind < kFirstSkipped; ++kind) {
    const std::string name = kind_name(static_cast<std::uint8_t>(kind));
    if (name.starts_with("kind ") || name == "ping" || name == "pong") continue;
    EXPECT_NE(text.find("| " + std::to_string(kind) + " | " + name + " |"), std::string::npos) << name;
  }
}

TEST(Protocol, NamesTheLimitsThatStand) {
  const std::string text = document();
  const std::pair<const char*, std::uint64_t> limits[] = {
      {"kFrameBytes", limits::kFrameBytes},
      {"kHelloBytes", limits::kHelloBytes},
      {"kControlBytes", limits::kControlBytes},
      {"kControlBacklog", limits::kControlBacklog},
      {"kSessionMessageBytes", limits::kSessionMessageBytes},
      {"kLiveStreams", limits::kLiveStreams},
      {"kWindowStart", limits::kWindowStart},
      {"kWindowMost", limits::kWindowMost},
      {"kWindowLeast", limits::kWindowLeast},
      {"kRelayBudget", limits::kRelayBudget},
      {"kTunnelPool", limits::kTunnelPool},
      {"kShellKept", limits::kShellKept},
  };
  for (const auto& [name, value] : limits) {
    const std::string row = "| `" + std::string(name) + "` | " + std::to_string(value) + " |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(Protocol, NamesEachReason) {
  const std::string text = document();
  const std::pair<Reason, const char*> reasons[] = {
      {Reason::finished, "finished"},
      {Reason::wait_limit, "wait_limit"},
      {Reason::ended_by_owner, "ended_by_owner"},
      {Reason::ended_by_administrator, "ended_by_administrator"},
      {Reason::endpoint_restarted, "endpoint_restarted"},
      {Reason::taken_over, "taken_over"},
      {Reason::not_allowed, "not_allowed"},
      {Reason::not_found, "not_found"},
      {Reason::link_lost, "link_lost"},
      {Reason::protocol, "protocol"},
      {Reason::not_yet, "not_yet"},
      {Reason::let_go, "let_go"},
      {Reason::no_space, "no_space"},
      {Reason::failed, "failed"},
  };
  for (const auto& [reason, name] : reasons) {
    const std::string cell = "| " + std::to_string(static_cast<int>(reason)) + " " + name + " |";
    EXPECT_NE(text.find(cell), std::string::npos) << cell;
  }
}

}  // namespace
}  // namespace jump::mux
