#include "jumpoint/bridge/conversation.h"

#include <chrono>
#include <utility>
#include <variant>

#include "common/base/limits.h"
#include "common/base/log.h"

namespace jump::bridge {
namespace {

constexpr auto kAnswerLimit = std::chrono::minutes(5);
constexpr std::size_t kOpensMost = limits::kLiveStreams;  // that wait to be served; further ones are reset
constexpr std::size_t kTextMost = 512;
constexpr std::size_t kFieldsMost = 16;

}  // namespace

Conversation::Conversation(asio::any_io_executor executor, session::Session& session)
    : executor_(executor), session_(session), bell_(executor) {}

Task<> Conversation::run() {
  while (!gone_) {
    Result<session::Message> message = co_await session::receive_message(session_, session::End::console);
    if (!message) {
      leave(message.error());
    } else {
      act(std::move(*message));
    }
  }
}

void Conversation::act(session::Message message) {
  if (auto* size = std::get_if<session::Resize>(&message)) {
    if (!session::check_size(size->columns, size->rows)) return;
    size_ = *size;
    if (on_resize) on_resize(*size);
  } else if (const auto* signal = std::get_if<session::Signal>(&message)) {
    if (on_signal) on_signal(*signal);
  } else if (auto* open = std::get_if<session::StreamOpen>(&message)) {
    this->open(std::move(*open));
  } else if (auto* answer = std::get_if<session::PromptAnswer>(&message)) {
    // One of an earlier prompt comes too late.
    if (asked_ == 0 || answer->id != asked_) return;
    answer_ = std::move(*answer);
    asked_no_more();
    bell_.ring();
  } else if (std::holds_alternative<session::Hangup>(message)) {
    left_ = true;
    leave(Error(Fault::closed, "the console left"));
  }
}

void Conversation::open(session::StreamOpen wanted) {
  Result<std::unique_ptr<session::Stream>> stream = session_.adopt_stream(wanted.stream);
  if (!stream) {
    log::info("session", "stream not adopted", {{"why", stream.error().message()}});
    return;
  }
  if (opened_.size() >= kOpensMost) {
    (*stream)->reset("too many streams wait to be served");
    return;
  }
  opened_.push_back(Opened{std::move(wanted), std::move(*stream)});
  bell_.ring();
}

void Conversation::leave(Error reason) {
  gone_ = std::move(reason);
  bell_.ring();
}

Task<Result<Conversation::Opened>> Conversation::next_open() {
  while (opened_.empty()) {
    if (gone_) co_return *gone_;
    co_await bell_.wait();
  }
  Opened next = std::move(opened_.front());
  opened_.pop_front();
  co_return next;
}

void Conversation::asked_no_more() {
  asked_ = 0;
  session_.forget_lasting(question_);
  question_.clear();
}

Task<Result<std::vector<Secret>>> Conversation::ask(session::Prompt prompt) {
  if (prompt.fields.size() > kFieldsMost) {
    co_return Error(Fault::too_large, "the target asks " + std::to_string(prompt.fields.size()) +
                                          " questions at once, at most " + std::to_string(kFieldsMost) +
                                          " are passed on");
  }
  prompt.id = ++last_prompt_;
  prompt.title = printable(prompt.title, kTextMost);
  prompt.instruction = printable(prompt.instruction, kTextMost);
  for (session::PromptField& field : prompt.fields) field.text = printable(field.text, kTextMost);
  const std::size_t fields = prompt.fields.size();
  asked_ = prompt.id;
  answer_.reset();
  const session::Message message(std::move(prompt));
  question_ = session::encode(message);
  session_.send_lasting(question_);
  const Instant until = BootClock::now() + kAnswerLimit;
  while (!answer_) {
    if (gone_) co_return *gone_;
    const bool rung = co_await bell_.wait_until(until);
    if (!rung) {
      asked_no_more();
      co_return Error(Fault::timed_out, "no answer to the target's question within 5 minutes");
    }
  }
  session::PromptAnswer answer = std::move(*answer_);
  answer_.reset();
  if (answer.cancelled) co_return Error(Fault::refused, "cancelled by the representative");
  if (answer.answers.size() != fields)
    co_return Error(Fault::malformed, "the console answered another number of questions");
  co_return std::move(answer.answers);
}

void Conversation::remark(bool warning, std::string_view text, bool quiet) {
  session::Remark remark;
  remark.warning = warning;
  remark.text = printable(text, kTextMost);
  if (quiet) remark.quiet = true;
  const session::Message message(std::move(remark));
  session_.send(session::encode(message));
}

Task<> Conversation::until_gone() {
  while (!gone_) co_await bell_.wait();
}

}  // namespace jump::bridge
