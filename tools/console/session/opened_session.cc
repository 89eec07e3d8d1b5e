#include "tools/console/session/opened_session.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

// Longer than the appliance waits for the endpoint: its words say more.
constexpr auto kOpenTimeout = limits::kTicketLife + std::chrono::seconds(15);
constexpr auto kHangUpTime = std::chrono::seconds(2);  // for the program to end by itself
constexpr auto kLeaveTime = std::chrono::seconds(3);
constexpr std::size_t kPromptsMost = 16;  // that wait for their answer
// What an endpoint says whose software is from before commands had terminals, and what that means.
constexpr std::string_view kNoTerminal = "a command has no further stream 'tty'";
constexpr std::string_view kNoTerminalWords =
    "its software is too old to give a command a terminal: update it, or leave -t out";

mux::StreamOptions stream_options(bool interactive) {
  mux::StreamOptions options;
  options.interactive = interactive;
  return options;
}

mux::SessionEnd::Options fresh_options() {
  mux::SessionEnd::Options options;
  options.console = true;
  options.session = identity::random_array<16>();
  options.secret = identity::random_array<32>();
  options.instance = identity::random_array<16>();
  return options;
}

Task<Result<control::SessionOpened>> ask_to_open(ConsoleTunnel& tunnel,
                                                 const mux::SessionEnd::Options& options, std::int64_t asset,
                                                 control::SessionKind kind, json::value arguments,
                                                 std::optional<control::AdHocTarget> ad_hoc) {
  if (tunnel.over()) co_return *tunnel.over();
  control::OpenSession question;
  question.session = options.session;
  question.asset = static_cast<std::uint64_t>(asset);
  question.kind = kind;
  question.console_secret_hash = identity::sha256(options.secret);
  question.arguments = std::move(arguments);
  question.ad_hoc = std::move(ad_hoc);
  auto asking = tunnel.control().ask(std::move(question));
  co_return co_await with_timeout(kOpenTimeout, "the appliance; it is not known whether the session started",
                                  std::move(asking));
}

Task<Result<control::SessionOpened>> ask_to_take_over(ConsoleTunnel& tunnel,
                                                      const mux::SessionEnd::Options& options) {
  if (tunnel.over()) co_return *tunnel.over();
  control::TakeOverSession question;
  question.session = options.session;
  question.console_secret_hash = identity::sha256(options.secret);
  auto asking = tunnel.control().ask(question);
  co_return co_await with_timeout(kOpenTimeout, "the appliance", std::move(asking));
}

}  // namespace

OpenedSession::OpenedSession(ConsoleTunnel& tunnel, mux::SessionEnd::Options options, bool interactive,
                             control::SessionOpened opened)
    : tunnel_(tunnel),
      opened_(std::move(opened)),
      id_(to_hex(options.session)),
      // "web-01 (agent:17)": people know it by its name.
      endpoint_(printable(opened_.endpoint.substr(0, opened_.endpoint.rfind(" (")), 128)),
      io_(
          tunnel.executor(),
          [&] {
            options.wait_limit = std::chrono::seconds(opened_.wait_limit_seconds);
            return options;
          }(),
          stream_options(interactive)),
      heard_(tunnel.executor()),
      prompted_(tunnel.executor()) {
  tunnel_.add(io_);
}

OpenedSession::~OpenedSession() {
  tunnel_.remove(io_);
}

Result<std::unique_ptr<session::Stream>> OpenedSession::open_stream(std::string purpose,
                                                                    json::value arguments) {
  Result<std::unique_ptr<session::Stream>> stream = io_.open_stream();
  if (!stream) return stream;
  session::StreamOpen open;
  open.stream = (*stream)->number();
  open.purpose = std::move(purpose);
  open.arguments = std::move(arguments);
  send(open);
  return stream;
}

Task<> OpenedSession::listen() {
  TaskGroup beside(tunnel_.executor());
  beside.spawn("prompts", answer_prompts());
  Task<Result<void>> work = take_messages();
  static_cast<void>(co_await and_stop(beside, std::move(work)));
}

Task<Result<void>> OpenedSession::take_messages() {
  while (!exit_ && !failure_) {
    Result<session::Message> message = co_await session::receive_message(io_, session::End::endpoint);
    if (!message) {
      broken_ = message.error();
    } else if (const auto* exit = std::get_if<session::Exit>(&*message)) {
      exit_ = *exit;
    } else if (const auto* fail = std::get_if<session::Fail>(&*message)) {
      failure_ = fail->text == kNoTerminal ? kNoTerminalWords : fail->text;
    } else if (auto* prompt = std::get_if<session::Prompt>(&*message)) {
      if (prompts_.size() >= kPromptsMost) {
        broken_ = Error(Fault::malformed, "it asks more than a person can answer");
      } else {
        prompts_.push_back(std::move(*prompt));
        prompted_.set();
        continue;
      }
    } else if (const auto* remark = std::get_if<session::Remark>(&*message)) {
      if (asker_ != nullptr && !remark->quiet.value_or(false)) asker_->remark(*remark, endpoint_);
      continue;
    } else {
      continue;
    }
    heard_.set();
    if (broken_) co_return *broken_;
  }
  co_return Result<void>();
}

// One after the other: a person reads one question at a time.
Task<> OpenedSession::answer_prompts() {
  while (true) {
    while (prompts_.empty()) co_await prompted_.wait();
    session::Prompt prompt = std::move(prompts_.front());
    prompts_.pop_front();
    const std::uint32_t id = prompt.id;
    Result<session::PromptAnswer> answer = Error(Fault::unavailable, "asks for something; nobody can answer");
    if (asker_ != nullptr) {
      auto asking = asker_->answer(std::move(prompt), endpoint_);
      answer = co_await std::move(asking);
    }
    session::PromptAnswer said;
    said.id = id;
    said.cancelled = true;
    if (answer) said = std::move(*answer);
    send(session::Message(std::move(said)));
    if (answer) continue;
    // In our own words, before the other end finds some.
    if (!failure_) failure_ = answer.error().message();
    heard_.set();
    co_return;
  }
}

std::optional<Error> OpenedSession::over() const {
  if (tunnel_.over()) return tunnel_.over();
  if (io_.end().state() == mux::SessionEnd::State::over) {
    const mux::Notice& notice = io_.end().notice();
    return Error(Fault::closed, notice.text.empty() ? "the session is over" : printable(notice.text));
  }
  return broken_;
}

Task<> OpenedSession::finish() {
  if (over()) co_return;
  co_await io_.leave(mux::Reason::finished, "", kLeaveTime);
}

Task<> OpenedSession::hang_up() {
  if (over()) co_return;
  const session::Message hangup(std::in_place_type<session::Hangup>);
  send(hangup);
  const Instant until = BootClock::now() + kHangUpTime;
  while (!exit_ && !failure_ && !over() && io_.end().state() == mux::SessionEnd::State::live) {
    const Duration rest = until - BootClock::now();
    if (rest <= Duration(0)) break;
    co_await heard_.wait_for(rest);
  }
  if (over()) co_return;
  co_await io_.leave(mux::Reason::ended_by_owner, "ended by its owner", kLeaveTime);
}

Task<> OpenedSession::let_go() {
  if (over()) co_return;
  co_await io_.leave(mux::Reason::let_go, "the console let go", kLeaveTime);
}

Task<Result<OpenedSessionPtr>> open_session(ConsoleTunnel& tunnel, std::int64_t asset,
                                            control::SessionKind kind, json::value arguments,
                                            std::optional<control::AdHocTarget> ad_hoc) {
  const mux::SessionEnd::Options options = fresh_options();
  Result<control::SessionOpened> opened =
      co_await ask_to_open(tunnel, options, asset, kind, std::move(arguments), std::move(ad_hoc));
  if (!opened) co_return opened.error();
  const bool interactive = kind != control::SessionKind::files;
  co_return std::make_unique<OpenedSession>(tunnel, options, interactive, std::move(*opened));
}

Task<Result<OpenedSessionPtr>> attach_session(ConsoleTunnel& tunnel, std::string id) {
  mux::SessionEnd::Options options = fresh_options();
  options.take_over = true;
  const Result<Bytes> bytes = from_hex(id);
  if (!bytes || bytes->size() != options.session.size())
    co_return Error(Fault::invalid, "'" + id + "' is no session");
  std::ranges::copy(*bytes, options.session.begin());
  Result<control::SessionOpened> opened = co_await ask_to_take_over(tunnel, options);
  if (!opened) co_return opened.error();
  co_return std::make_unique<OpenedSession>(tunnel, options, true, std::move(*opened));
}

int status_of(const session::Exit& exit) {
  if (exit.signal) return status_of_signal(*exit.signal);
  return exit.status ? *exit.status & 0xFF : kJumpFailed;
}

}  // namespace jump::console
