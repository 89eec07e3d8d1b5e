#include "common/control/codec.h"

#include <gtest/gtest.h>

namespace jump::control {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> filled(std::uint8_t with) {
  std::array<std::uint8_t, N> array;
  array.fill(with);
  return array;
}
const SessionId kId = filled<16>(0xAB);
const Digest kDigest = filled<32>(0xCD);

std::string hex(std::string_view pair, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += pair;
  return text;
}

// What goes out is exactly this text, and comes back as the same message.
void golden(const Question& question, const std::string& body) {
  const std::string kind(kind_of(question));
  const std::string text = R"({"ask":7,"kind":")" + kind + R"(","body":)" + body + "}";
  EXPECT_EQ(encode_question(7, question).value(), text);
  const ControlMessage back = decode_control(text).value();
  ASSERT_TRUE(std::holds_alternative<QuestionMsg>(back)) << kind;
  EXPECT_EQ(std::get<QuestionMsg>(back).ask, 7u);
  EXPECT_EQ(encode_question(7, std::get<QuestionMsg>(back).question).value(), text);
}

void golden(const Notice& notice, const std::string& body) {
  const std::string kind(kind_of(notice));
  const std::string text = R"({"tell":")" + kind + R"(","body":)" + body + "}";
  EXPECT_EQ(encode_notice(notice).value(), text);
  const ControlMessage back = decode_control(text).value();
  ASSERT_TRUE(std::holds_alternative<NoticeMsg>(back)) << kind;
  EXPECT_EQ(encode_notice(std::get<NoticeMsg>(back).notice).value(), text);
}

TEST(ControlCodec, WritesEachQuestionAsTheSpecSays) {
  OpenSession open{kId, 17, SessionKind::exec, kDigest, json::parse(R"({"argv":["id"]})"), {}};
  golden(open, R"({"session":")" + hex("ab", 16) + R"(","asset":17,"kind":"exec","console_secret_hash":")" +
                   hex("cd", 32) + R"(","arguments":{"argv":["id"]}})");
  open.ad_hoc = AdHocTarget{3, "10.0.0.7", "ssh", 22, "admin"};
  golden(open,
         R"({"session":")" + hex("ab", 16) + R"(","asset":17,"kind":"exec","console_secret_hash":")" +
             hex("cd", 32) +
             R"(","arguments":{"argv":["id"]},"ad_hoc":{"jumpoint":3,"host":"10.0.0.7","protocol":"ssh",)"
             R"("port":22,"username":"admin"}})");
  golden(TakeOverSession{kId, kDigest},
         R"({"session":")" + hex("ab", 16) + R"(","console_secret_hash":")" + hex("cd", 32) + R"("})");
  golden(EndSession{kId, "enough"}, R"({"session":")" + hex("ab", 16) + R"(","reason":"enough"})");
  golden(CertificateRequest{Bytes{0xFB, 0xEF, 0xFF}}, R"({"csr":"--__"})");
  golden(Uninstalling{"by hand"}, R"({"reason":"by hand"})");
}

TEST(ControlCodec, WritesEachNoticeAsTheSpecSays) {
  golden(OrderDelivery{Bytes{1, 2, 3}}, R"({"order":"AQID"})");
  golden(PskOffer{Bytes{0}, Secret(Bytes{255}), 1700000000},
         R"({"id":"AA","key":"_w","expires":1700000000})");
  golden(ReportSettings{60, {"cpu", "disk"}}, R"({"interval_seconds":60,"statistics":["cpu","disk"]})");
  Interface interface{"eth0",     "02:77:01:00:00:11",
                      true,       {{"10.0.0.7", 24}},
                      "10.0.0.1", {},
                      "vlan",     "br0",
                      "eth0",     {{"10.0.0.1", {}}, {"fe80::1", "02:77:01:00:00:01"}}};
  Inventory inventory{"web-01",   "web-01.example", "Debian", "x86_64",          "0.1.0",
                      "10.0.0.7", {interface},      {},       {"shell", "exec"}, {"ssh"}};
  golden(
      inventory,
      R"({"hostname":"web-01","fqdn":"web-01.example","operating_system":"Debian",)"
      R"("architecture":"x86_64","software_version":"0.1.0","private_ip":"10.0.0.7","interfaces":[)"
      R"({"name":"eth0","mac":"02:77:01:00:00:11","up":true,"addresses":[{"address":"10.0.0.7",)"
      R"("prefix":24}],"gateway":"10.0.0.1","kind":"vlan","member_of":"br0","below":"eth0","gateways":[{"address":)"
      R"("10.0.0.1"},{"address":"fe80::1","mac":"02:77:01:00:00:01"}]}],"kinds":["shell","exec"],"abilities":["ssh"]})");
  golden(ZoneProxyState{true, "pos-gw:9555", "", 3, 7, 2, 4096, {"masked"}},
         R"({"listening":true,"address":"pos-gw:9555","reason":"","tunnels":3,"accepted":7,"refused":2,)"
         R"("bytes":4096,"warnings":["masked"]})");
  golden(Statistics{2.5E0, "ann", {{"/", 100, 50}}, 77},
         R"({"cpu_percent":2.5E0,"console_user":"ann","disks":[{"mount":"/","total":100,"used":50}],)"
         R"("uptime_seconds":77})");
  golden(SessionStart{kId, false, "no such user"},
         R"({"session":")" + hex("ab", 16) + R"(","started":false,"text":"no such user"})");
  golden(JobReport{HelperJob::browse, 9, {json::object{{"end", 1}}}},
         R"({"job":"browse","number":9,"lines":[{"end":1}]})");
  golden(Holdings{3, 4, std::nullopt}, R"({"trust_serial":3,"addresses_serial":4})");
  golden(Holdings{3, 4, 1440}, R"({"trust_serial":3,"addresses_serial":4,"absence_minutes":1440})");
}

template <typename Q>
AnswerTo<Q> answered(const std::string& text) {
  const ControlMessage message = decode_control(text).value();
  EXPECT_EQ(std::get<AnswerMsg>(message).ask, 9u);
  return read_answer<Q>(std::get<AnswerMsg>(message)).value();
}

TEST(ControlCodec, WritesEachAnswerAsTheSpecSays) {
  std::string text = encode_answer(9, SessionOpened{600, "web-01 (agent:17)", true}).value();
  EXPECT_EQ(text, R"j({"answer":9,"body":{"wait_limit_seconds":600,"endpoint":"web-01 (agent:17)",)j"
                  R"j("recorded":true}})j");
  EXPECT_EQ(answered<OpenSession>(text).endpoint, "web-01 (agent:17)");
  EXPECT_EQ(answered<TakeOverSession>(text).wait_limit_seconds, 600u);
  text = encode_answer(9, CertificateGrant{"PEM"}).value();
  EXPECT_EQ(text, R"({"answer":9,"body":{"certificate":"PEM"}})");
  EXPECT_EQ(answered<CertificateRequest>(text).certificate, "PEM");
  text = encode_answer(9, Done{}).value();
  EXPECT_EQ(text, R"({"answer":9,"body":{}})");
  EXPECT_FALSE(answered<EndSession>(text).note);
  EXPECT_FALSE(answered<Uninstalling>(R"({"answer":9})").note);
}

TEST(ControlCodec, FailureComesBackAsTheErrorItWas) {
  const Error error(Fault::not_found, "asset 17 is not there");
  const std::string text = encode_answer(9, to_failure(error)).value();
  EXPECT_EQ(text, R"({"answer":9,"error":{"code":"not_found","text":"asset 17 is not there"}})");
  const ControlMessage message = decode_control(text).value();
  const Result<SessionOpened> answer = read_answer<OpenSession>(std::get<AnswerMsg>(message));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Fault::not_found));
  EXPECT_EQ(answer.error().message(), "asset 17 is not there");
}

TEST(ControlCodec, FailureOfAnotherKindIsInternalAndItsTextIsMadePrintable) {
  const Failure failure = to_failure(system_error(2, "open /x"));
  EXPECT_EQ(failure.code, "internal");
  EXPECT_EQ(failure.text, "open /x: No such file or directory");
  const Error error = to_error({"of a newer version", "\x1b[2J gone"});
  EXPECT_TRUE(error.is(Fault::internal));
  EXPECT_EQ(error.message(), "\\x1b[2J gone");
}

TEST(ControlCodec, AnswerOfTheWrongShapeNamesThePath) {
  const ControlMessage message = decode_control(R"({"answer":9,"body":{"certificate":1}})").value();
  const auto answer = read_answer<CertificateRequest>(std::get<AnswerMsg>(message));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message(), "answer.certificate: expected a string");
}

TEST(ControlCodec, UnknownNoticeIsSkipped) {
  const ControlMessage message = decode_control(R"({"tell":"weather","body":{"sun":true}})").value();
  ASSERT_TRUE(std::holds_alternative<SkippedNotice>(message));
  EXPECT_EQ(std::get<SkippedNotice>(message).kind, "weather");
}

TEST(ControlCodec, UnknownQuestionIsToBeAnsweredWithUnsupported) {
  const ControlMessage message = decode_control(R"({"ask":3,"kind":"dance","body":[]})").value();
  ASSERT_TRUE(std::holds_alternative<RefusedQuestion>(message));
  const auto& refused = std::get<RefusedQuestion>(message);
  EXPECT_EQ(refused.ask, 3u);
  EXPECT_EQ(refused.failure.code, "unsupported");
  EXPECT_EQ(encode_answer(refused.ask, refused.failure).value(),
            R"({"answer":3,"error":{"code":"unsupported","text":"this version does not know 'dance'"}})");
}

TEST(ControlCodec, QuestionOfTheWrongShapeIsToBeAnsweredWithThePath) {
  const ControlMessage message =
      decode_control(R"({"ask":3,"kind":"end_session","body":{"session":5,"reason":""}})").value();
  const auto& refused = std::get<RefusedQuestion>(message);
  EXPECT_EQ(refused.failure.code, "malformed");
  EXPECT_EQ(refused.failure.text, "end_session.session: expected hex text");
}

TEST(ControlCodec, NoticeOfTheWrongShapeIsAnErrorWithThePath) {
  const auto refused = decode_control(
      R"({"tell":"statistics","body":{"disks":[{"mount":"/","total":1,"used":1},{"mount":"/","total":-1}]}})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "statistics.disks[1].total: -1 is out of range, 0 to 18446744073709551615");
}

TEST(ControlCodec, NewerMembersAreIgnored) {
  EXPECT_TRUE(decode_control(
      R"({"tell":"holdings","urgent":1,"body":{"trust_serial":1,"addresses_serial":2,"moon":{}}})"));
}

TEST(ControlCodec, RefusesWhatIsNoControlMessage) {
  const auto message = [](std::string_view text) { return decode_control(text).error().message(); };
  const std::string shapes = "control message without exactly one of ask, answer, tell";
  EXPECT_EQ(message("{}"), shapes);
  EXPECT_EQ(message(R"({"ask":1,"answer":1,"kind":"uninstalling"})"), shapes);
  EXPECT_EQ(message("[]"), "document: expected an object");
  EXPECT_EQ(message(R"({"ask":1})"), "kind: missing");
  EXPECT_EQ(message(R"({"ask":"1","kind":"uninstalling"})"), "ask: expected a whole number");
  EXPECT_EQ(message(R"({"ask":-1,"kind":"x"})"), "ask: -1 is out of range, 0 to 18446744073709551615");
  EXPECT_EQ(message(R"({"answer":1,"error":{"code":"refused"}})"), "error.text: missing");
  EXPECT_EQ(message(R"({"tell":{}})"), "tell: expected a string");
  EXPECT_TRUE(message("").starts_with("not JSON: "));
  EXPECT_TRUE(message("{\"tell\":\"\xff\"}").starts_with("not JSON: "));
  EXPECT_TRUE(message(R"({"tell":"x"} )" + std::string(limits::kControlBytes, ' ')).ends_with("are taken"));
  EXPECT_TRUE(message(std::string(1000, '[')).starts_with("not JSON: "));
}

TEST(ControlCodec, NeverSendsWhatThePeerWouldRefuse) {
  const auto large = encode_question(1, EndSession{kId, std::string(limits::kControlBytes, 'x')});
  ASSERT_FALSE(large);
  EXPECT_TRUE(large.error().is(Fault::too_large));
  EXPECT_TRUE(large.error().message().starts_with("end_session message of 65"));
  const auto bytes = encode_notice(SessionStart{kId, false, "\xff"});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().message(), "session_start message with text that is not UTF-8");
}

TEST(ControlCodec, HelloIsReadAsItWasWritten) {
  Hello hello;
  hello.role = Role::console;
  hello.software = "jump 0.1.0";
  hello.token = Secret(std::string_view("token"));
  const std::string text = encode_hello(hello).value();
  EXPECT_EQ(text, R"({"versions":{"min":1,"max":1},"role":"console","software":"jump 0.1.0","boot_id":"",)"
                  R"("token":"dG9rZW4"})");
  EXPECT_EQ(decode_hello(text)->token->reveal_text(), "token");

  hello = {};
  hello.software = "jump-client 0.1.0";
  hello.boot_id = "b";
  hello.start_nonce = kId;
  hello.instance = kId;
  hello.route = "direct 10.0.0.5:443";
  hello.fingerprint = kDigest;
  const std::string agent = encode_hello(hello).value();
  EXPECT_EQ(agent, R"({"versions":{"min":1,"max":1},"role":"agent","software":"jump-client 0.1.0",)"
                   R"("boot_id":"b","start_nonce":")" +
                       hex("ab", 16) + R"(","instance":")" + hex("ab", 16) +
                       R"(","route":"direct 10.0.0.5:443","fingerprint":")" + hex("cd", 32) + R"("})");
  EXPECT_EQ(encode_hello(decode_hello(agent).value()).value(), agent);
}

TEST(ControlCodec, RefusesAHelloThatBreaksItsRules) {
  const auto message = [](std::string_view text) { return decode_hello(text).error().message(); };
  const std::string rest = R"("software":"","boot_id":"")";
  EXPECT_EQ(message(R"({"versions":{"min":1,"max":1},"role":"console",)" + rest + "}"),
            "hello: token: a console sends one and nobody else does");
  EXPECT_EQ(message(R"({"versions":{"min":1,"max":1},"role":"agent","token":"AA",)" + rest + "}"),
            "hello: token: a console sends one and nobody else does");
  EXPECT_EQ(message(R"({"versions":{"min":2,"max":1},"role":"agent",)" + rest + "}"),
            "hello: versions: 2 to 1 is no range");
  EXPECT_EQ(message(R"({"versions":{"min":1},"role":"agent",)" + rest + "}"), "hello.versions.max: missing");
  EXPECT_EQ(message(R"({"versions":{"min":1,"max":1},"role":"king",)" + rest + "}"),
            "hello.role: unknown value 'king'");
  Hello hello;
  hello.software = std::string(limits::kHelloBytes, 'x');
  EXPECT_TRUE(encode_hello(hello).error().is(Fault::too_large));
}

TEST(ControlCodec, WelcomeIsReadAsItWasWritten) {
  const Welcome welcome{1, "agent:17", 1700000000, "jump-appliance 0.1.0", true};
  const std::string text = encode_welcome(welcome).value();
  EXPECT_EQ(text, R"({"version":1,"peer_id":"agent:17","time":1700000000,"software":"jump-appliance 0.1.0",)"
                  R"("uninstall_only":true})");
  EXPECT_EQ(decode_welcome(text)->peer_id, "agent:17");
}

TEST(ControlCodec, WelcomeOfAVersionThatWasNotOfferedIsRefused) {
  const Welcome welcome{2, "agent:17", 0, "", false};
  const auto refused = decode_welcome(encode_welcome(welcome).value());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "welcome.version: 2 was not offered, 1 to 1 were");
}

TEST(Versions, TheHighestCommonOneCounts) {
  EXPECT_EQ(agree({1, 4}, {2, 3}).value(), 3u);
  EXPECT_EQ(agree({2, 2}, {1, 9}).value(), 2u);
  EXPECT_EQ(agree({1, 1}, {1, 1}).value(), 1u);
  EXPECT_EQ(agree({1, 2}, {3, 4}).error().message(),
            "no common protocol version: this side speaks 1 to 2, the other 3 to 4");
  EXPECT_TRUE(agree({5, 6}, {3, 4}).error().is(Fault::unsupported));
}

}  // namespace
}  // namespace jump::control
