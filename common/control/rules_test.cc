#include "common/control/rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "common/control/codec.h"

namespace jump::control {
namespace {

TEST(ControlRules, EachSenderMaySendItsOwnAndNothingElse) {
  const std::set<std::string_view> endpoint{"certificate_request", "uninstalling", "inventory", "statistics",
                                            "session_start",       "holdings",     "job_report"};
  const std::set<std::string_view> node{"zone_proxy_state"};  // besides those of every endpoint
  const std::set<std::string_view> console{"open_session", "take_over_session", "end_session"};
  const std::set<std::string_view> appliance{"order", "psk_offer", "report_settings", "trust"};
  std::vector<std::string_view> kinds;
  std::apply([&](const auto&... rows) { (kinds.push_back(rows.kind), ...); }, kQuestions);
  std::apply([&](const auto&... rows) { (kinds.push_back(rows.kind), ...); }, kNotices);
  EXPECT_EQ(kinds.size(), endpoint.size() + node.size() + console.size() + appliance.size());
  EXPECT_EQ(std::set(kinds.begin(), kinds.end()).size(), kinds.size());
  for (const std::string_view kind : kinds) {
    EXPECT_EQ(allowed(Sender::agent, kind), endpoint.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::node, kind), endpoint.contains(kind) || node.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::console, kind), console.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::appliance, kind), appliance.contains(kind)) << kind;
  }
}

TEST(ControlRules, AreTheTableOfTheSpec) {
  std::ifstream file(JUMP_PROTOCOL_MD);
  std::stringstream text;
  text << file.rdbuf();
  const std::string spec = text.str();
  const auto expect_row = [&](std::string_view kind, std::string_view shape, Senders from) {
    std::string who;
    for (const Sender sender : {Sender::agent, Sender::node, Sender::console, Sender::appliance}) {
      if (from.contains(sender)) who += (who.empty() ? "" : ", ") + std::string(sender_name(sender));
    }
    const std::string row = "| `" + std::string(kind) + "` | " + std::string(shape) + " | " + who + " |";
    EXPECT_NE(spec.find(row), std::string::npos) << row;
  };
  std::apply([&](const auto&... rows) { (expect_row(rows.kind, "question", rows.from), ...); }, kQuestions);
  std::apply([&](const auto&... rows) { (expect_row(rows.kind, "notice", rows.from), ...); }, kNotices);
}

TEST(ControlRules, ARemovedAgentHearsItsOrderAndNothingElseIsSaid) {
  EXPECT_TRUE(allowed(Sender::appliance, "order", Phase::uninstall_only));
  EXPECT_FALSE(allowed(Sender::appliance, "psk_offer", Phase::uninstall_only));
  EXPECT_FALSE(allowed(Sender::agent, "inventory", Phase::uninstall_only));
  EXPECT_FALSE(allowed(Sender::agent, "certificate_request", Phase::uninstall_only));
}

TEST(ControlRules, UnknownKindsAreNobodysFault) {
  EXPECT_TRUE(allowed(Sender::console, "weather"));
}

TEST(ControlRules, AForbiddenMessageNamesKindAndSender) {
  const ControlMessage message = decode_control(R"({"tell":"order","body":{"order":"AA"}})").value();
  EXPECT_TRUE(check_sender(Sender::appliance, message));
  const auto refused = check_sender(Sender::console, message);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "order may not be sent by this console");
}

TEST(ControlRules, AForbiddenQuestionIsForbiddenEvenWhenItsBodyIsWrong) {
  const ControlMessage message = decode_control(R"({"ask":1,"kind":"open_session","body":3})").value();
  EXPECT_FALSE(check_sender(Sender::agent, message));
  EXPECT_TRUE(check_sender(Sender::console, message));
}

TEST(ControlRules, AnswersAndUnknownKindsPass) {
  EXPECT_TRUE(check_sender(Sender::agent, decode_control(R"({"answer":1})").value()));
  EXPECT_TRUE(check_sender(Sender::agent, decode_control(R"({"ask":1,"kind":"dance"})").value()));
  EXPECT_TRUE(check_sender(Sender::agent, decode_control(R"({"tell":"weather"})").value()));
}

}  // namespace
}  // namespace jump::control
