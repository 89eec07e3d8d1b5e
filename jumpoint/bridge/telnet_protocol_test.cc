#include "jumpoint/bridge/telnet_protocol.h"

#include <gtest/gtest.h>

#include "jumpoint/bridge/telnet_login.h"

namespace jump::bridge {
namespace {

using namespace std::string_literals;
using State = QOption::State;
using Send = QOption::Send;

QOption in_state(State state) {
  QOption option;
  switch (state) {
    case State::no:
      break;
    case State::yes:
      option.told_on(true);
      break;
    case State::want_yes:
      option.ask_on();
      break;
    case State::want_yes_opposite:
      option.ask_on();
      option.ask_off();
      break;
    case State::want_no:
      option.told_on(true);
      option.ask_off();
      break;
    case State::want_no_opposite:
      option.told_on(true);
      option.ask_off();
      option.ask_on();
      break;
  }
  EXPECT_EQ(option.state(), state);
  return option;
}

// The table of RFC 1143 section 7, row by row.
TEST(QOption, FollowsTheTableOfRfc1143) {
  struct Row {
    State before;
    bool on, agree;
    State after;
    Send send;
  };
  const Row rows[] = {
      {State::no, true, true, State::yes, Send::on},
      {State::no, true, false, State::no, Send::off},
      {State::yes, true, true, State::yes, Send::nothing},
      {State::want_no, true, true, State::no, Send::nothing},
      {State::want_no_opposite, true, true, State::yes, Send::nothing},
      {State::want_yes, true, true, State::yes, Send::nothing},
      {State::want_yes_opposite, true, true, State::want_no, Send::off},
      {State::no, false, true, State::no, Send::nothing},
      {State::yes, false, true, State::no, Send::off},
      {State::want_no, false, true, State::no, Send::nothing},
      {State::want_no_opposite, false, true, State::want_yes, Send::on},
      {State::want_yes, false, true, State::no, Send::nothing},
      {State::want_yes_opposite, false, true, State::no, Send::nothing},
  };
  for (const Row& row : rows) {
    QOption option = in_state(row.before);
    const Send sent = row.on ? option.told_on(row.agree) : option.told_off();
    EXPECT_EQ(option.state(), row.after) << static_cast<int>(row.before) << row.on << row.agree;
    EXPECT_EQ(sent, row.send) << static_cast<int>(row.before) << row.on << row.agree;
  }
}

struct Telnet : testing::Test {
  TelnetProtocol protocol{TelnetProtocol::Settings{}};
  std::string answers(const std::string& bytes) { return protocol.received(bytes).answers; }
  std::string text(const std::string& bytes) { return protocol.received(bytes).text; }
};

TEST_F(Telnet, CommandsMayBeSplitOverPackets) {
  std::string all;
  std::string replies;
  for (const char c : "a\xff\xfb\x01"s + "b\xff\xff" + "c\r\0d\r\n"s) {
    const TelnetProtocol::Output out = protocol.received(std::string(1, c));
    all += out.text;
    replies += out.answers;
  }
  EXPECT_EQ(all,
            "ab\xff"
            "c\rd\r\n");
  EXPECT_EQ(replies, "\xff\xfd\x01"s);
  EXPECT_TRUE(protocol.remote_echo());
}

TEST_F(Telnet, ANegotiationThatRepeatsIsAnsweredOnce) {
  EXPECT_EQ(answers("\xff\xfb\x01"s), "\xff\xfd\x01"s);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(answers("\xff\xfb\x01"s), "");
}

TEST_F(Telnet, ATargetThatTurnsAnOptionOnAndOffForEverIsLeftUnanswered) {
  std::size_t bytes = 0;
  for (int i = 0; i < 10'000; ++i) bytes += answers("\xff\xfb\x01\xff\xfc\x01"s).size();
  EXPECT_LE(bytes, 3u * TelnetProtocol::kTalkMost);
}

TEST_F(Telnet, UnknownOptionsAndLinemodeAreRefused) {
  EXPECT_EQ(answers("\xff\xfd\x22"s), "\xff\xfc\x22"s);
  EXPECT_EQ(answers("\xff\xfb\x22"s), "\xff\xfe\x22"s);
  EXPECT_EQ(answers("\xff\xfd\x25"s), "\xff\xfc\x25"s);
}

TEST_F(Telnet, TellsTypeSpeedAndSizeWhenAgreedAndNotBefore) {
  EXPECT_EQ(answers("\xff\xfa\x18\x01\xff\xf0"s), "") << "not agreed on";
  EXPECT_EQ(answers("\xff\xfd\x18"s), "\xff\xfb\x18"s);
  EXPECT_EQ(answers("\xff\xfa\x18\x01\xff\xf0"s), "\xff\xfa\x18\0xterm\xff\xf0"s);
  EXPECT_EQ(answers("\xff\xfd\x1f"s), "\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0"s);
  EXPECT_EQ(protocol.resized(255, 10), "\xff\xfa\x1f\0\xff\xff\0\x0a\xff\xf0"s) << "IAC is doubled";
}

TEST_F(Telnet, TheEnvironmentIsEmptyUnlessConfiguredAndNeverBeginsWithADash) {
  answers("\xff\xfd\x27"s);
  EXPECT_EQ(answers("\xff\xfa\x27\x01\xff\xf0"s), "\xff\xfa\x27\0\xff\xf0"s);
  TelnetProtocol::Settings settings;
  settings.environment = {{"USER", "-froot"}, {"SITE", "a"}};
  TelnetProtocol configured(settings);
  configured.received("\xff\xfd\x27"s);
  EXPECT_EQ(configured.received("\xff\xfa\x27\x01\xff\xf0"s).answers,
            "\xff\xfa\x27\0\x03SITE\x01"
            "a\xff\xf0"s);
}

TEST_F(Telnet, AcceptsACharsetThatIsKnown) {
  answers("\xff\xfd\x2a"s);
  EXPECT_EQ(answers("\xff\xfa\x2a\x01;KOI8-R;utf-8\xff\xf0"s), "\xff\xfa\x2a\x02UTF-8\xff\xf0"s);
  EXPECT_EQ(answers("\xff\xfa\x2a\x01;KOI8-R\xff\xf0"s), "\xff\xfa\x2a\x03\xff\xf0"s);
}

TEST_F(Telnet, AHugeSubnegotiationIsDroppedAndTheTextAfterItIsThere) {
  answers("\xff\xfd\x18"s);
  const TelnetProtocol::Output out =
      protocol.received("\xff\xfa\x18"s + std::string(1024 * 1024, '\x01') + "\xff\xf0" + "after");
  EXPECT_EQ(out.text, "after");
  EXPECT_EQ(out.answers, "");
  EXPECT_EQ(protocol.dropped_subnegotiations(), 1u);
}

// RFC 854 page 9: from the urgent notice to the data mark text is thrown away, commands are obeyed.
TEST_F(Telnet, ASynchThrowsTextAwayAndKeepsCommands) {
  EXPECT_EQ(protocol.received("flood\xff\xfb\x01more"s, true).answers, "\xff\xfd\x01"s);
  EXPECT_EQ(protocol.received("flood"s, true).text, "");
  EXPECT_EQ(text("still before it\xff\xf2"
                 "after"s),
            "after");
  EXPECT_EQ(protocol.received("next\xff\xff"s, true).text, "");
  EXPECT_EQ(text("\xff\xf2"
                 "a\xff\xf2"
                 "b"s),
            "ab")
      << "a mark without a synch is nothing";
}

TEST_F(Telnet, AnUrgentNoticeWithoutAMarkDoesNotSilenceATarget) {
  EXPECT_EQ(protocol.received("flood"s, true).text, "");
  EXPECT_EQ(text(std::string(TelnetProtocol::kMarkMost, 'x')), "");
  EXPECT_EQ(text("prompt"), "prompt");
}

TEST_F(Telnet, AnInterruptEndsWithTheDataMark) {
  EXPECT_EQ(TelnetProtocol::interrupt(), "\xff\xf4\xff\xf2"s);
}

TEST_F(Telnet, ReturnIsALineEndForLinesAndAKeyForCharacters) {
  EXPECT_EQ(protocol.typed("a\r"), "a\r\n");
  answers("\xff\xfb\x03"s);
  EXPECT_EQ(protocol.typed("a\r"), "a\r\0"s);
  EXPECT_EQ(protocol.typed("\r\nb"), "\r\0b"s) << "a pasted line end is one";
  EXPECT_EQ(protocol.typed("\xff"), "\xff\xff");
}

TEST(TelnetLogin, AnswersEachQuestionOnceAndStopsAtItsTime) {
  const Instant now{};
  Result<TelnetLogin> login = TelnetLogin::create(session::LoginPrompts(), "admin", Secret("pw"s), now);
  ASSERT_TRUE(login);
  EXPECT_FALSE(login->printed("Welcome\r\nswitch lo", now));
  EXPECT_EQ(login->printed("gin: ", now)->reveal_text(), "admin");
  EXPECT_FALSE(login->printed("\r\nlogin: ", now)) << "a second time is for the person";
  EXPECT_EQ(login->printed("\r\nPassword: ", now)->reveal_text(), "pw");
  EXPECT_FALSE(login->printed("\r\nPassword: ", now));
  Result<TelnetLogin> late = TelnetLogin::create(session::LoginPrompts(), "admin", Secret("pw"s), now);
  EXPECT_FALSE(late->printed("login: ", now + std::chrono::seconds(31)));
}

}  // namespace
}  // namespace jump::bridge
