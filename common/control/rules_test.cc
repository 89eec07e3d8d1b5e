#include "common/control/rules.h"

#include <gtest/gtest.h>

#include <set>

#include "common/control/codec.h"

namespace jump::control {
namespace {

TEST(ControlRules, EachSenderMaySendItsOwnAndNothingElse) {
  const std::set<std::string_view> endpoint{"certificate_request", "uninstalling",  "inventory",
                                            "statistics",          "session_start", "holdings"};
  const std::set<std::string_view> console{"open_session", "take_over_session", "end_session"};
  const std::set<std::string_view> appliance{"order", "psk_offer", "report_settings"};
  std::vector<std::string_view> kinds;
  std::apply([&](const auto&... rows) { (kinds.push_back(rows.kind), ...); }, kQuestions);
  std::apply([&](const auto&... rows) { (kinds.push_back(rows.kind), ...); }, kNotices);
  EXPECT_EQ(kinds.size(), endpoint.size() + console.size() + appliance.size());
  EXPECT_EQ(std::set(kinds.begin(), kinds.end()).size(), kinds.size());
  for (const std::string_view kind : kinds) {
    EXPECT_EQ(allowed(Sender::agent, kind), endpoint.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::node, kind), endpoint.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::console, kind), console.contains(kind)) << kind;
    EXPECT_EQ(allowed(Sender::appliance, kind), appliance.contains(kind)) << kind;
  }
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
