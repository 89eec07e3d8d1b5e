#include "common/control/codec.h"

#include <array>
#include <optional>

namespace jump {
BOOST_DESCRIBE_ENUM(Fault, invalid, too_large, malformed, refused, not_found, already_exists, expired,
                    unauthenticated, timed_out, closed, unavailable, unsupported, internal)
}  // namespace jump

namespace jump::control {
namespace {

constexpr std::size_t kTextOfPeer = 512;

template <typename Table>
std::string_view kind_at(const Table& table, std::size_t index) {
  return std::apply(
      [&](const auto&... rows) { return std::array<std::string_view, sizeof...(rows)>{rows.kind...}[index]; },
      table);
}

template <typename Variant>
json::value body_of(const Variant& message) {
  return std::visit([](const auto& m) { return to_json(m); }, message);
}

Result<std::string> finish(json::object object, std::string_view what, std::size_t limit) {
  std::string text = json::serialize(object);
  if (text.size() > limit) {
    return Error(Fault::too_large, std::string(what) + " message of " + std::to_string(text.size()) +
                                       " bytes, at most " + std::to_string(limit) + " can be sent");
  }
  if (!is_utf8(text))
    return Error(Fault::invalid, std::string(what) + " message with text that is not UTF-8");
  return text;
}

// Reads the body as the message of the row that is called `kind`; nothing when there is no such row.
template <typename Variant, typename Table>
std::optional<Result<Variant>> read_as(const Table& table, const std::string& kind, const json::value& body) {
  std::optional<Result<Variant>> found;
  const auto try_row = [&](const auto& row) {
    if (row.kind != kind) return;
    using Message = typename std::remove_cvref_t<decltype(row)>::Message;
    Result<Message> message = from_json<Message>(body, kind);
    if (message) {
      found.emplace(Variant(std::move(*message)));
    } else {
      found.emplace(message.error());
    }
  };
  std::apply([&](const auto&... rows) { (try_row(rows), ...); }, table);
  return found;
}

// The three shapes as they stand in the JSON, before the body is looked at.
struct Envelope {
  std::optional<std::uint64_t> ask;
  std::optional<std::string> kind;
  std::optional<std::uint64_t> answer;
  std::optional<Failure> error;
  std::optional<std::string> tell;
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (ask, kind, answer, error, tell))

Result<ControlMessage> decode_question(std::uint64_t ask, const std::optional<std::string>& kind,
                                       const json::value& body) {
  if (!kind) return Error(Fault::malformed, "kind: missing");
  std::optional<Result<Question>> question = read_as<Question>(kQuestions, *kind, body);
  if (!question) {
    const Failure failure{"unsupported", "this version does not know '" + printable(*kind, 64) + "'"};
    return ControlMessage(RefusedQuestion{ask, *kind, failure});
  }
  if (!*question) return ControlMessage(RefusedQuestion{ask, *kind, to_failure(question->error())});
  return ControlMessage(QuestionMsg{ask, std::move(**question)});
}

Result<ControlMessage> decode_notice(const std::string& kind, const json::value& body) {
  std::optional<Result<Notice>> notice = read_as<Notice>(kNotices, kind, body);
  if (!notice) return ControlMessage(SkippedNotice{kind});
  if (!*notice) return notice->error();
  return ControlMessage(NoticeMsg{std::move(**notice)});
}

Result<void> check_hello(const Hello& hello) {
  if (hello.versions.min > hello.versions.max) {
    return Error(Fault::malformed, "versions: " + std::to_string(hello.versions.min) + " to " +
                                       std::to_string(hello.versions.max) + " is no range");
  }
  if (hello.token.has_value() != (hello.role == Role::console)) {
    return Error(Fault::malformed, "token: a console sends one and nobody else does");
  }
  return {};
}

}  // namespace

std::string_view kind_of(const Question& question) {
  return kind_at(kQuestions, question.index());
}

std::string_view kind_of(const Notice& notice) {
  return kind_at(kNotices, notice.index());
}

Result<std::string> encode_question(std::uint64_t ask, const Question& question) {
  const std::string_view kind = kind_of(question);
  json::object object;
  object["ask"] = ask;
  object["kind"] = json::string(kind);
  object["body"] = body_of(question);
  return finish(std::move(object), kind, limits::kControlBytes);
}

Result<std::string> encode_answer(std::uint64_t ask, const Answer& answer) {
  json::object object;
  object["answer"] = ask;
  object[std::holds_alternative<Failure>(answer) ? "error" : "body"] = body_of(answer);
  return finish(std::move(object), "answer", limits::kControlBytes);
}

Result<std::string> encode_notice(const Notice& notice) {
  const std::string_view kind = kind_of(notice);
  json::object object;
  object["tell"] = json::string(kind);
  object["body"] = body_of(notice);
  return finish(std::move(object), kind, limits::kControlBytes);
}

Result<ControlMessage> decode_control(std::string_view text) {
  const Result<json::value> document = parse_json_value(text, limits::kControlBytes);
  if (!document) return document.error();
  Result<Envelope> envelope = from_json<Envelope>(*document);
  if (!envelope) return envelope.error();
  const int shapes = envelope->ask.has_value() + envelope->answer.has_value() + envelope->tell.has_value();
  if (shapes != 1) return Error(Fault::malformed, "control message without exactly one of ask, answer, tell");

  const json::value* found = document->get_object().if_contains("body");
  const json::value body = found == nullptr ? json::value(json::object()) : *found;
  if (envelope->ask) return decode_question(*envelope->ask, envelope->kind, body);
  if (envelope->tell) return decode_notice(*envelope->tell, body);
  if (envelope->error) return ControlMessage(AnswerMsg{*envelope->answer, to_error(*envelope->error)});
  return ControlMessage(AnswerMsg{*envelope->answer, body});
}

Result<void> check_sender(Sender from, const ControlMessage& message, Phase phase) {
  std::string_view kind;
  if (const auto* question = std::get_if<QuestionMsg>(&message)) kind = kind_of(question->question);
  if (const auto* refused = std::get_if<RefusedQuestion>(&message)) kind = refused->kind;
  if (const auto* notice = std::get_if<NoticeMsg>(&message)) kind = kind_of(notice->notice);
  if (allowed(from, kind, phase)) return {};
  const std::string_view now = phase == Phase::normal ? "" : ", which is being removed";
  return Error(Fault::refused, std::string(kind) + " may not be sent by this " +
                                   std::string(sender_name(from)) + std::string(now));
}

Failure to_failure(const Error& error) {
  if (error.code.category() != fault_category()) return {"internal", error.message()};
  const auto fault = static_cast<Fault>(error.code.value());
  return {boost::describe::enum_to_string(fault, "internal"), error.message()};
}

Error to_error(const Failure& failure) {
  Fault fault = Fault::internal;
  boost::describe::enum_from_string(failure.code.c_str(), fault);
  return {fault, printable(failure.text, kTextOfPeer)};
}

Result<std::string> encode_hello(const Hello& hello) {
  Result<void> good = check_hello(hello);
  if (!good) return good.error();
  return finish(to_json(hello).get_object(), "hello", limits::kHelloBytes);
}

Result<Hello> decode_hello(std::string_view text) {
  const Result<json::value> document = parse_json_value(text, limits::kHelloBytes);
  if (!document) return document.error();
  Result<Hello> hello = from_json<Hello>(*document, "hello");
  if (!hello) return hello;
  Result<void> good = check_hello(*hello);
  if (!good) return wrap(good.error(), "hello");
  return hello;
}

Result<std::string> encode_welcome(const Welcome& welcome) {
  return finish(to_json(welcome).get_object(), "welcome", limits::kHelloBytes);
}

Result<Welcome> decode_welcome(std::string_view text, const Versions& offered) {
  const Result<json::value> document = parse_json_value(text, limits::kHelloBytes);
  if (!document) return document.error();
  Result<Welcome> welcome = from_json<Welcome>(*document, "welcome");
  if (!welcome) return welcome;
  if (welcome->version < offered.min || welcome->version > offered.max) {
    return Error(Fault::unsupported, "welcome.version: " + std::to_string(welcome->version) +
                                         " was not offered, " + std::to_string(offered.min) + " to " +
                                         std::to_string(offered.max) + " were");
  }
  return welcome;
}

Result<std::uint32_t> agree(const Versions& ours, const Versions& theirs) {
  const std::uint32_t highest = std::min(ours.max, theirs.max);
  if (highest < std::max(ours.min, theirs.min)) {
    return Error(Fault::unsupported, "no common protocol version: this side speaks " +
                                         std::to_string(ours.min) + " to " + std::to_string(ours.max) +
                                         ", the other " + std::to_string(theirs.min) + " to " +
                                         std::to_string(theirs.max));
  }
  return highest;
}

}  // namespace jump::control
