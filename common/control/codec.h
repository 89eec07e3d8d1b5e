// Control messages to JSON text and back. The text goes in control frames (common/mux/control_frames.h),
// hello and welcome in frames of their own.
//
// Every encoder refuses what the peer would refuse: text above the limit, strings that are not UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <boost/mp11.hpp>

#include "common/base/limits.h"
#include "common/control/rules.h"

namespace jump::control {

namespace codec_detail {
template <typename Row>
using MessageOf = typename Row::Message;
template <typename Table>
using VariantOf = boost::mp11::mp_transform<MessageOf, boost::mp11::mp_rename<Table, std::variant>>;
template <typename Message>
struct IsRowOf {
  template <typename Row>
  using fn = std::is_same<typename Row::Message, Message>;
};
using QuestionTable = std::remove_const_t<decltype(kQuestions)>;
using NoticeTable = std::remove_const_t<decltype(kNotices)>;
}  // namespace codec_detail

using Question = codec_detail::VariantOf<codec_detail::QuestionTable>;
using Notice = codec_detail::VariantOf<codec_detail::NoticeTable>;
using Answer = std::variant<SessionOpened, CertificateGrant, Done, Failure>;

// What answers question Q: AnswerTo<OpenSession> is SessionOpened.
template <typename Q>
using AnswerTo = typename boost::mp11::mp_at<
    codec_detail::QuestionTable,
    boost::mp11::mp_find_if_q<codec_detail::QuestionTable, codec_detail::IsRowOf<Q>>>::Answer;

std::string_view kind_of(const Question& question);
std::string_view kind_of(const Notice& notice);

// `ask` is the asker's number for the question, never used for another one on the same tunnel.
Result<std::string> encode_question(std::uint64_t ask, const Question& question);
Result<std::string> encode_answer(std::uint64_t ask, const Answer& answer);
Result<std::string> encode_notice(const Notice& notice);

// --- what arrives ---------------------------------------------------------------------------------

struct QuestionMsg {
  std::uint64_t ask = 0;
  Question question;
};
// A question of an unknown kind, or with a body of the wrong shape: to be answered with `failure`.
struct RefusedQuestion {
  std::uint64_t ask = 0;
  std::string kind;
  Failure failure;
};
// Whoever asked knows what the body is: read_answer().
struct AnswerMsg {
  std::uint64_t ask = 0;
  Result<json::value> body;
};
struct NoticeMsg {
  Notice notice;
};
// A notice of a kind that this version does not know.
struct SkippedNotice {
  std::string kind;
};
using ControlMessage = std::variant<QuestionMsg, RefusedQuestion, AnswerMsg, NoticeMsg, SkippedNotice>;

// An error is the peer's fault and closes its tunnel. It names the place: "inventory.interfaces[2].mac:
// expected a string".
Result<ControlMessage> decode_control(std::string_view text);

// Whether `from` may send this now. The error closes its tunnel.
Result<void> check_sender(Sender from, const ControlMessage& message, Phase phase = Phase::normal);

// The answer to a Q, or the failure that the peer answered, or why the body is no such answer.
template <typename Q>
Result<AnswerTo<Q>> read_answer(const AnswerMsg& message) {
  if (!message.body) return message.body.error();
  return from_json<AnswerTo<Q>>(*message.body, "answer");
}

// An Error as the peer gets it and gives it back: the Fault by name, the context as the text. Other codes
// (the operating system's) become "internal" with their whole message. The text of a peer is made
// printable and cut to 512 bytes.
Failure to_failure(const Error& error);
Error to_error(const Failure& failure);

// --- the first frame of each side -------------------------------------------------------------------

// At most limits::kHelloBytes. A token is a console's and only a console's.
Result<std::string> encode_hello(const Hello& hello);
Result<Hello> decode_hello(std::string_view text);
Result<std::string> encode_welcome(const Welcome& welcome);
// `offered` is what the hello said: another version is refused.
Result<Welcome> decode_welcome(std::string_view text, const Versions& offered = {});

// The highest version that both speak; unsupported, with both ranges, when there is none.
Result<std::uint32_t> agree(const Versions& ours, const Versions& theirs);

}  // namespace jump::control
