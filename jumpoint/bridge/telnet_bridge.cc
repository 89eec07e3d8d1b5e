#include "jumpoint/bridge/telnet_bridge.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/scoped_group.h"
#include "common/session/endings.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/telnet_login.h"
#include "jumpoint/bridge/telnet_protocol.h"
#include "platform/target_socket.h"

namespace jump::bridge {
namespace {

using tcp = asio::ip::tcp;

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr std::size_t kAnswersMost = 64 * 1024;  // that a target which reads nothing may leave waiting

TelnetProtocol::Settings settings_of(const session::Target& target, const session::ShellStart& start) {
  TelnetProtocol::Settings settings;
  settings.terminal = target.terminal == "VT100" ? "VT100" : "XTERM";
  settings.environment = target.environment;
  settings.columns = start.columns;
  settings.rows = start.rows;
  return settings;
}

class TelnetRun {
 public:
  TelnetRun(session::Session& session, tcp::socket socket, const session::Target& target,
            const session::ShellStart& start)
      : group(socket.get_executor()),
        session_(session),
        socket_(std::move(socket)),
        person_(socket_.get_executor(), session),
        protocol_(settings_of(target, start)),
        changed_(socket_.get_executor()),
        to_send_(socket_.get_executor()),
        turn_(socket_.get_executor()) {}

  TaskGroup group;

  Task<Result<void>> go(session::Target target) {
    // What a device sends as urgent is a part of its text, and a mark in it.
    boost::system::error_code ignored;
    socket_.set_option(tcp::socket::out_of_band_inline(true), ignored);
    socket_.non_blocking(true, ignored);
    platform::ask_for_signs_of_life(socket_.native_handle(), std::chrono::seconds(target.keep_alive_seconds));
    group.spawn("session messages", person_.run());
    Result<void> done = co_await serve(std::move(target));
    if (done) co_return done;
    if (done.error().is(Fault::closed)) {
      if (!person_.left()) co_return done;
      co_return Result<void>();
    }
    co_return co_await session::fail_session(session_, done.error());
  }

 private:
  Task<Result<void>> serve(session::Target target) {
    const std::string who = printable(target.host, 128) + ":" + std::to_string(target.port);
    Result<void> ready = prepare_login(target);
    if (!ready) co_return ready;
    Result<Conversation::Opened> opened = co_await person_.next_open();
    if (!opened) co_return opened.error();
    const std::string& purpose = opened->open.purpose;
    if (purpose != "tty")
      co_return Error(Fault::refused, "a terminal has no stream '" + printable(purpose, 32) + "'");
    stream_ = std::move(opened->stream);
    person_.on_resize = [this](const session::Resize& size) {
      send(protocol_.resized(size.columns, size.rows));
    };
    person_.on_signal = [this](const session::Signal& signal) {
      if (signal.name == "INT") interrupt();
    };
    if (person_.size()) send(protocol_.resized(person_.size()->columns, person_.size()->rows));
    group.spawn("telnet keys", read_keys());
    group.spawn("telnet to target", write_target());
    group.spawn("telnet from target", read_target());
    group.spawn("telnet person", watch_person());
    while (!over_ && !broken_ && !person_.gone()) co_await changed_.wait();
    person_.on_resize = nullptr;
    person_.on_signal = nullptr;
    if (broken_) co_return Error(Fault::unavailable, who + ": " + broken_->message());
    if (person_.gone() && !person_.left()) co_return *person_.gone();
    co_return co_await conclude();
  }

  Result<void> prepare_login(session::Target& target) {
    std::optional<session::Credential> stored = std::exchange(target.credential, std::nullopt);
    std::string name = target.username;
    std::optional<Secret> password;
    if (stored) {
      if (!stored->username.empty()) name = stored->username;
      password = std::move(stored->password);
    }
    // A name alone is typed by who knows that it is wanted.
    if (!password) return {};
    const session::LoginPrompts prompts = target.login_prompts.value_or(session::LoginPrompts());
    Result<TelnetLogin> login = TelnetLogin::create(prompts, name, std::move(password), BootClock::now());
    if (!login) return login.error();
    login_.emplace(std::move(*login));
    return {};
  }

  Task<Result<void>> conclude() {
    stream_->end();
    session::Exit exit;
    exit.status = 0;
    const session::Message message(exit);
    session_.send_lasting(session::encode(message));
    std::vector<session::Stream*> streams{stream_.get()};
    if (person_.left()) co_return co_await session::taken_or_given_up(session_, std::move(streams));
    co_return co_await session::all_taken(session_, std::move(streams));
  }

  void send(std::string bytes) {
    if (bytes.empty()) return;
    if (waiting_.size() + bytes.size() > kAnswersMost)
      return fail(Error(Fault::unavailable, "it reads nothing"));
    waiting_ += bytes;
    to_send_.ring();
  }

  void interrupt() {
    send(TelnetProtocol::interrupt());
    if (!broken_) urgent_at_ = waiting_.size() - 1;
  }

  void fail(Error error) {
    if (!broken_) broken_ = std::move(error);
    changed_.set();
  }

  Task<> read_keys() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await stream_->read(piece);
      if (!got || *got == 0) co_return;
      if (login_) login_->stop();
      while (!waiting_.empty() && !broken_) co_await to_send_.wait();
      const std::string_view keys = as_text(ByteView(piece.data(), *got));
      send(protocol_.typed(keys));
      if (!protocol_.remote_echo()) co_await echo(std::string(keys));
      stream_->taken(*got);
    }
  }

  // A target that does not show what is typed expects us to (RFC 857).
  Task<> echo(std::string keys) {
    std::string shown;
    for (const char c : keys) {
      if (c == '\r' || c == '\n') shown += "\r\n";
      if (c == 8 || c == 127) shown += "\b \b";
      if (static_cast<unsigned char>(c) >= ' ' && c != 127) shown += c;
    }
    if (shown.empty()) co_return;
    const Result<void> ignored = co_await show(as_bytes(shown));
  }

  // Two tasks have something to show, and a stream has one writer.
  Task<Result<void>> show(ByteView bytes) {
    while (showing_) co_await turn_.wait();
    showing_ = true;
    Result<void> shown = co_await stream_->write(bytes);
    showing_ = false;
    turn_.ring();
    co_return shown;
  }

  Task<> write_target() {
    while (!broken_) {
      if (waiting_.empty()) {
        co_await to_send_.wait();
        continue;
      }
      const bool urgent = urgent_at_ == std::size_t{0};
      std::string bytes = waiting_.substr(0, urgent ? 1 : urgent_at_.value_or(waiting_.size()));
      boost::system::error_code failed;
      if (urgent) {
        urgent_at_.reset();
        co_await socket_.async_send(asio::buffer(bytes), tcp::socket::message_out_of_band,
                                    asio::redirect_error(asio::use_awaitable, failed));
      } else {
        co_await asio::async_write(socket_, asio::buffer(bytes),
                                   asio::redirect_error(asio::use_awaitable, failed));
      }
      // Passwords were among it.
      const std::size_t size = bytes.size();
      wipe(bytes.data(), size);
      if (failed) co_return fail(Error(failed, "write"));
      wipe(waiting_.data(), size);
      waiting_.erase(0, size);
      if (urgent_at_) *urgent_at_ -= size;
      to_send_.ring();
    }
  }

  Task<> read_target() {
    std::array<char, kPieceBytes> piece;
    while (true) {
      boost::system::error_code failed;
      co_await socket_.async_wait(tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, failed));
      const bool synch = platform::urgent_ahead(socket_.native_handle());
      const std::size_t size = failed ? 0 : socket_.read_some(asio::buffer(piece), failed);
      if (failed == asio::error::would_block) continue;
      if (failed == asio::error::eof) break;
      if (failed) co_return fail(Error(failed, "read"));
      const TelnetProtocol::Output out = protocol_.received(std::string_view(piece.data(), size), synch);
      send(out.answers);
      if (login_) answer_questions(out.text);
      if (out.text.empty()) continue;
      const Result<void> shown = co_await show(as_bytes(out.text));
      if (!shown) co_return;
    }
    over_ = true;
    changed_.set();
  }

  void answer_questions(const std::string& text) {
    const std::optional<Secret> answer = login_->printed(text, BootClock::now());
    if (!answer) return;
    std::string keys(answer->reveal_text());
    keys += '\r';
    send(protocol_.typed(keys));
    wipe(keys.data(), keys.size());
  }

  Task<> watch_person() {
    co_await person_.until_gone();
    changed_.set();
  }

  session::Session& session_;
  tcp::socket socket_;
  Conversation person_;
  TelnetProtocol protocol_;
  std::optional<TelnetLogin> login_;
  std::unique_ptr<session::Stream> stream_;
  Event changed_;
  Bell to_send_;
  Bell turn_;
  bool showing_ = false;
  std::string waiting_;
  std::optional<std::size_t> urgent_at_;  // a byte of waiting_
  bool over_ = false;
  std::optional<Error> broken_;
};

}  // namespace

Task<Result<void>> run_telnet(session::Session& session, tcp::socket socket, session::Target target,
                              session::ShellStart start) {
  Result<void> fine = session::check(start);
  if (!fine) co_return co_await session::fail_session(session, fine.error());
  TelnetRun run(session, std::move(socket), target, start);
  Task<Result<void>> work = run.go(std::move(target));
  co_return co_await and_stop(run.group, std::move(work));
}

}  // namespace jump::bridge
