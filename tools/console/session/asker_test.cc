#include "tools/console/session/asker.h"

#include <gtest/gtest.h>

#include "common/session/codec.h"
#include "tools/console/session/fake_appliance.h"
#include "tools/console/session/opened_session.h"

namespace jump::console {
namespace {

using namespace std::chrono_literals;

// "ssh-keygen -l" says SHA256:… of the same key.
constexpr const char* kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

// A person who types what he was told to.
class Typist : public AskingPlace {
 public:
  Task<Result<void>> run(Dialogue& dialogue) override {
    seen += dialogue.begin();
    while (!dialogue.over() && !types.empty()) {
      std::string typed = types.front() + "\r";
      types.erase(types.begin());
      seen += dialogue.feed(typed);
    }
    if (!dialogue.over()) co_return Error(Fault::closed, "the person has gone");
    co_return Result<void>();
  }
  void remark(const std::string& line) override { remarks.push_back(line); }

  std::vector<std::string> types;
  std::string seen;
  std::vector<std::string> remarks;
};

session::Prompt password_prompt() {
  session::Prompt prompt;
  prompt.id = 3;
  prompt.title = "Log in to switch-1";
  prompt.fields.push_back({"Password: ", false});
  return prompt;
}

session::Prompt key_prompt() {
  session::Prompt prompt;
  prompt.id = 4;
  prompt.kind = session::PromptKind::host_key;
  prompt.title = "New host key";
  prompt.host_key = kKey;
  return prompt;
}

struct Askers : testing::Test {
  asio::io_context io{1};
  Typist typist;
  AskOptions options;

  Result<session::PromptAnswer> answer(Asker& asker, session::Prompt prompt) {
    Result<session::PromptAnswer> answer = session::PromptAnswer();
    jump::test::run_task(io, put(asker, std::move(prompt), answer));
    return answer;
  }
  static Task<> put(Asker& asker, session::Prompt prompt, Result<session::PromptAnswer>& answer) {
    auto asking = asker.answer(std::move(prompt), "switch-1");
    answer = co_await std::move(asking);
  }
};

TEST_F(Askers, PutsEachFieldToThePerson) {
  typist.types = {"anna", "hunter2"};
  session::Prompt prompt = password_prompt();
  prompt.fields.insert(prompt.fields.begin(), {"User name: ", true});
  Asker asker(options, &typist);
  const Result<session::PromptAnswer> said = answer(asker, prompt);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->id, 3u);
  ASSERT_EQ(said->answers.size(), 2u);
  EXPECT_EQ(said->answers[1].reveal_text(), "hunter2");
  EXPECT_NE(typist.seen.find("Log in to switch-1"), std::string::npos);
  EXPECT_EQ(typist.seen.find("hunter2"), std::string::npos);
}

TEST_F(Askers, APasswordFileAnswersTheFirstHiddenFieldAndOnlyOnce) {
  options.password = Secret(std::string_view("from file"));
  options.password_file = "secret.txt";
  Asker asker(options, nullptr);
  const Result<session::PromptAnswer> said = answer(asker, password_prompt());
  ASSERT_TRUE(said) << said.error().message();
  EXPECT_EQ(said->answers.at(0).reveal_text(), "from file");
  const Result<session::PromptAnswer> again = answer(asker, password_prompt());
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("secret.txt was not accepted"), std::string::npos);
}

TEST_F(Askers, AFileAndAPersonAnswerTogetherInTheOrderOfTheFields) {
  options.password = Secret(std::string_view("from file"));
  typist.types = {"anna", "123456"};
  session::Prompt prompt = password_prompt();
  prompt.fields = {{"User name: ", true}, {"Password: ", false}, {"Code: ", true}};
  Asker asker(options, &typist);
  const Result<session::PromptAnswer> said = answer(asker, prompt);
  ASSERT_TRUE(said);
  ASSERT_EQ(said->answers.size(), 3u);
  EXPECT_EQ(said->answers[0].reveal_text(), "anna");
  EXPECT_EQ(said->answers[1].reveal_text(), "from file");
  EXPECT_EQ(said->answers[2].reveal_text(), "123456");
}

TEST_F(Askers, WithoutATerminalItSaysWhatToDo) {
  Asker asker(options, nullptr);
  const Result<session::PromptAnswer> password = answer(asker, password_prompt());
  ASSERT_FALSE(password);
  EXPECT_NE(password.error().message().find("--password-file"), std::string::npos);
  const Result<session::PromptAnswer> key = answer(asker, key_prompt());
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message().find("--accept-new-host-key"), std::string::npos);
  EXPECT_NE(key.error().message().find("SHA256:"), std::string::npos);
}

TEST_F(Askers, BatchAsksNobody) {
  options.batch = true;
  typist.types = {"hunter2"};
  Asker asker(options, &typist);
  EXPECT_FALSE(answer(asker, password_prompt()));
  EXPECT_EQ(typist.seen, "");
}

TEST_F(Askers, AHostKeyIsShownAndTakenOnlyByYes) {
  for (const auto& [types, taken] : std::initializer_list<std::pair<std::vector<std::string>, bool>>{
           {{"yes"}, true}, {{"no"}, false}, {{"y", "yes"}, true}, {{"x", "y", "z"}, false}}) {
    typist.types = types;
    typist.seen.clear();
    Asker asker(options, &typist);
    const Result<session::PromptAnswer> said = answer(asker, key_prompt());
    ASSERT_TRUE(said);
    EXPECT_EQ(said->cancelled, !taken) << types.front();
    EXPECT_TRUE(said->answers.empty());
    EXPECT_NE(typist.seen.find(key_fingerprint(kKey)), std::string::npos);
  }
}

TEST_F(Askers, AHostKeyIsTakenWithoutAPersonWhenThatWasSaid) {
  options.accept_new_host_key = true;
  Asker asker(options, nullptr);
  const Result<session::PromptAnswer> said = answer(asker, key_prompt());
  ASSERT_TRUE(said);
  EXPECT_FALSE(said->cancelled);
}

TEST_F(Askers, TextOfTheTargetCannotDriveTheTerminal) {
  session::Prompt prompt = password_prompt();
  prompt.title = "\x1b[2J";
  prompt.instruction = "one\r\n\x1b]0;x\atwo\n";
  const std::string opening = prompt_opening(prompt, "switch-1");
  EXPECT_EQ(opening.find('\x1b'), std::string::npos);
  EXPECT_EQ(opening.find('\a'), std::string::npos);
  EXPECT_NE(opening.find("one\n"), std::string::npos);
}

TEST_F(Askers, MoreThanSixteenFieldsAreRefused) {
  session::Prompt prompt = password_prompt();
  prompt.fields.resize(17);
  Asker asker(options, &typist);
  EXPECT_FALSE(answer(asker, prompt));
}

TEST(KeyFingerprint, IsThatOfSshKeygen) {
  EXPECT_EQ(key_fingerprint(kKey), "ssh-ed25519 SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
  EXPECT_EQ(key_fingerprint("rubbish"), "");
  EXPECT_EQ(key_fingerprint("ssh-rsa ###"), "");
}

// --- with a session
// ---------------------------------------------------------------------------------------------

struct AskedSessions : testing::Test {
  asio::io_context io{1};
  test::FakeAppliance appliance{io};
  ConsoleTunnel tunnel{io.get_executor(), appliance.dial(), Secret(std::string_view("jct_token")),
                       "jump test", Backoff(1ms)};
  TaskGroup group{io.get_executor()};
  Typist typist;
  Asker asker{AskOptions(), &typist};

  Task<> whole(Task<> scenario) {
    co_await std::move(scenario);
    co_await group.stop();
    co_await appliance.stop();
  }
  void run(Task<> scenario) {
    group.spawn("tunnel", tunnel.run());
    jump::test::run_task(io, whole(std::move(scenario)));
  }
  Task<OpenedSessionPtr> opened() {
    EXPECT_TRUE(co_await tunnel.up());
    json::value arguments = json::object();
    Result<OpenedSessionPtr> session =
        co_await open_session(tunnel, 17, control::SessionKind::exec, std::move(arguments));
    EXPECT_TRUE(session);
    (*session)->ask_with(asker);
    co_return std::move(*session);
  }
  Task<session::PromptAnswer> next_answer() {
    const Result<session::Message> message =
        co_await session::receive_message(appliance.endpoint(), session::End::console);
    EXPECT_TRUE(message);
    const auto* answer = std::get_if<session::PromptAnswer>(&*message);
    EXPECT_NE(answer, nullptr);
    co_return answer != nullptr ? *answer : session::PromptAnswer();
  }
};

TEST_F(AskedSessions, APromptIsAnsweredWhileTheSessionGoesOn) {
  typist.types = {"hunter2"};
  const auto scenario = [](AskedSessions& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    t.group.spawn("listen", session->listen());
    session::Remark remark;
    remark.warning = true;
    remark.text = "no strict key exchange";
    t.appliance.endpoint().send(session::encode(remark));
    t.appliance.endpoint().send(session::encode(password_prompt()));
    const session::PromptAnswer answer = co_await t.next_answer();
    EXPECT_EQ(answer.id, 3u);
    EXPECT_EQ(answer.answers.at(0).reveal_text(), "hunter2");
    session::Exit exit;
    exit.status = 5;
    t.appliance.endpoint().send(session::encode(exit));
    while (!session->exit()) co_await session->heard().wait();
    EXPECT_EQ(session->exit()->status, 5);
    EXPECT_EQ(t.typist.remarks, std::vector<std::string>{"jump: web-01: warning: no strict key exchange"});
    co_await t.group.stop();
  };
  run(scenario(*this));
}

TEST_F(AskedSessions, WhatNobodyCanAnswerIsCancelledAndEndsTheSession) {
  asker.move_to(nullptr);
  const auto scenario = [](AskedSessions& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    t.group.spawn("listen", session->listen());
    t.appliance.endpoint().send(session::encode(password_prompt()));
    const session::PromptAnswer answer = co_await t.next_answer();
    EXPECT_TRUE(answer.cancelled);
    while (!session->failure()) co_await session->heard().wait();
    EXPECT_NE(session->failure()->find("--password-file"), std::string::npos);
    co_await t.group.stop();
  };
  run(scenario(*this));
}

}  // namespace
}  // namespace jump::console
