#include "tools/appliance/sessions/conversation.h"

#include <gtest/gtest.h>

namespace jump::appliance {
namespace {

using mux::Side;

json::value prompt(std::int64_t id, std::string key) {
  return json::value{{"kind", "prompt"}, {"body", {{"id", id}, {"kind", "host_key"}, {"host_key", key}}}};
}
json::value answer(std::int64_t id, bool cancelled = false) {
  return json::value{{"kind", "prompt_answer"}, {"body", {{"id", id}, {"cancelled", cancelled}}}};
}

TEST(ConversationTest, KeepsAHostKeyOnlyWhenTheConsoleSaidYesToIt) {
  Conversation conversation;
  const auto yes = [&](Side from, const json::value& message) {
    const Conversation::Fact fact = conversation.on_message(from, message);
    const auto* key = std::get_if<Conversation::HostKey>(&fact);
    return key == nullptr ? std::string() : key->key;
  };
  EXPECT_EQ(yes(Side::endpoint, prompt(1, "ssh-ed25519 AAAA")), "");
  EXPECT_EQ(yes(Side::endpoint, answer(1)), "");  // the endpoint does not answer itself
  EXPECT_EQ(yes(Side::console, answer(2)), "");
  EXPECT_EQ(yes(Side::console, answer(1, true)), "");
  EXPECT_EQ(yes(Side::console, answer(1)), "");  // it was answered: no
  EXPECT_EQ(yes(Side::console, prompt(3, "ssh-rsa BBBB")), "");
  EXPECT_EQ(yes(Side::console, answer(3)), "");
  EXPECT_EQ(yes(Side::endpoint, prompt(4, "ssh-rsa CCCC")), "");
  EXPECT_EQ(yes(Side::console, answer(4)), "ssh-rsa CCCC");
  EXPECT_EQ(yes(Side::console, answer(4)), "");
}

TEST(ConversationTest, ListensToRemarksUpToALimit) {
  Conversation conversation;
  const json::value remark{{"kind", "remark"}, {"body", {{"warning", true}, {"text", "no strict\nkex"}}}};
  EXPECT_TRUE(std::holds_alternative<std::monostate>(conversation.on_message(Side::console, remark)));
  std::size_t told = 0;
  for (int n = 0; n < 100; ++n) {
    const Conversation::Fact fact = conversation.on_message(Side::endpoint, remark);
    if (const auto* said = std::get_if<Conversation::Said>(&fact)) {
      ++told;
      EXPECT_TRUE(said->warning);
      EXPECT_EQ(said->text.find('\n'), std::string::npos);
    }
  }
  EXPECT_EQ(told, Conversation::kRemarks);
}

TEST(ConversationTest, LooksAtAnyShapeWithoutHarm) {
  Conversation conversation;
  for (const char* text :
       {"1", "[]", "{}", R"({"kind":1})", R"({"kind":"prompt"})", R"({"kind":"prompt","body":[]})",
        R"({"kind":"prompt_answer","body":{"id":"x"}})", R"({"kind":"remark","body":{"text":7}})"}) {
    for (const Side side : {Side::console, Side::endpoint}) {
      const Conversation::Fact fact = conversation.on_message(side, json::parse(text));
      EXPECT_FALSE(std::holds_alternative<Conversation::HostKey>(fact)) << text;
    }
    EXPECT_NO_THROW(recordable(json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace jump::appliance
