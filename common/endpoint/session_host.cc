#include "common/endpoint/session_host.h"

#include <boost/asio/io_context.hpp>

#include "common/base/log.h"
#include "common/identity/random.h"
#include "common/session/codec.h"
#include "common/tunnel/link.h"
#include "common/tunnel/local_transport.h"
#include "platform/local_door.h"
#include "platform/local_stream.h"
#include "platform/pipe.h"
#include "platform/privileges.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kSetupBytes = 128 * 1024;
constexpr auto kRetryLeast = std::chrono::milliseconds(50);
constexpr auto kRetryMost = std::chrono::seconds(2);
constexpr std::uint32_t kSlot = 1;  // a local socket carries one session

Result<SessionSetup> read_setup() {
  const Result<Secret> text = platform::read_to_end(platform::standard_input(), kSetupBytes);
  if (!text) return wrap(text.error(), "read the set-up of the session");
  return from_json_text<SessionSetup>(text->reveal_text(), kSetupBytes);
}

mux::SessionEnd::Options end_options(const SessionSetup& setup) {
  mux::SessionEnd::Options options;
  options.console = false;
  options.session = setup.ticket.session;
  const ByteView secret = setup.ticket.endpoint_secret.reveal();
  std::copy_n(secret.begin(), std::min<std::size_t>(secret.size(), 32), options.secret.begin());
  options.instance = identity::random_array<16>();
  options.wait_limit = std::chrono::seconds(setup.ticket.wait_limit_seconds);
  return options;
}

mux::StreamOptions stream_options(const SessionSetup& setup) {
  mux::StreamOptions options;
  options.interactive = setup.ticket.kind != control::SessionKind::files;
  const char* kind = boost::describe::enum_to_string(setup.ticket.kind, "?");
  if (session::terminal_of(kind, setup.ticket.arguments)) options.retain = limits::kShellKept;
  return options;
}

class Host : tunnel::LinkHandler {
 public:
  Host(asio::any_io_executor executor, SessionSetup& setup, KindRunner runner, platform::LocalDoor* door)
      : executor_(executor),
        setup_(setup),
        runner_(runner),
        door_(door),
        tasks_(executor),
        io_(executor, end_options(setup), stream_options(setup)) {}

  Task<> run() {
    tasks_.spawn("session connections", connect_again());
    tasks_.spawn("session wait limit", io_.watch());
    Result<void> result = co_await runner_(io_, setup_);
    if (!result && !result.error().is(Fault::closed)) {
      log::warning("session", "failed", {{"error", result.error().message()}});
      session::Fail fail;
      fail.text = result.error().message();
      const session::Message message(fail);
      io_.send_lasting(session::encode(message));
    }
    // Everything is with the console, or nobody will ever ask.
    co_await io_.flushed();
    const std::string text = result ? std::string() : result.error().message();
    co_await io_.leave(result ? mux::Reason::finished : mux::Reason::failed, text, io_.end().wait_limit());
    log::info("session", "over", {{"reason", io_.end().notice().text}});
    co_await tasks_.stop();
  }

 private:
  Task<> connect_again() {
    Duration pause = kRetryLeast;
    while (io_.end().state() != mux::SessionEnd::State::over) {
      Result<platform::Handle> end =
          door_ != nullptr ? door_->connect() : platform::connect_local(setup_.socket);
      if (!end) {
        co_await sleep_for(pause);
        pause = std::min<Duration>(pause * 2, kRetryMost);
        continue;
      }
      pause = kRetryLeast;
      tunnel::LocalTransport transport(executor_, std::move(*end));
      tunnel::Link link(executor_, transport, *this);
      const Error why = co_await one_connection(link);
      log::debug("session", "local connection ended", {{"reason", why.message()}});
      co_await sleep_for(kRetryLeast);
    }
  }

  Task<Error> one_connection(tunnel::Link& link) {
    // Also when this is cancelled: nothing may keep pointing to the link.
    struct Leave {
      Host& host;
      ~Leave() {
        host.link_ = nullptr;
        host.io_.end().unbind(BootClock::now());
      }
    } leave{*this};
    link_ = &link;
    io_.end().bind(link.outbox(), kSlot, BootClock::now());
    link.set_busy(true);
    co_return co_await link.run();
  }

  Result<void> on_frame(const mux::FrameView& frame, Instant now) override {
    if (frame.header.slot != kSlot) return {};
    // What the other end did wrong ends the session, not the connection.
    const Result<void> result = io_.end().on_frame(frame.header, frame.body(), now);
    if (!result) log::warning("session", "the other end broke a rule", {{"error", result.error().message()}});
    return {};
  }
  void on_go_away(const mux::GoAwayBody& body) override {
    if (link_ != nullptr) link_->close(Error(Fault::closed, "told to go away: " + body.text));
  }

  asio::any_io_executor executor_;
  SessionSetup& setup_;
  KindRunner runner_;
  platform::LocalDoor* door_;
  TaskGroup tasks_;
  SessionIo io_;
  tunnel::Link* link_ = nullptr;
};

Task<> run_host(asio::any_io_executor executor, SessionSetup& setup, KindRunner runner,
                platform::LocalDoor* door) {
  Host host(executor, setup, runner, door);
  co_await host.run();
}

int refuse(const Error& error) {
  log::error("session", "cannot start", {{"error", error.message()}});
  return 1;
}

}  // namespace

int run_session_process(KindRunner runner, Reach reach) {
  platform::ignore_broken_pipes();
  std::optional<platform::LocalDoor> door;
  if (reach == Reach::by_door) {
    Result<platform::LocalDoor> opened = platform::LocalDoor::open();
    if (!opened) return refuse(opened.error());
    door.emplace(std::move(*opened));
  }
  Result<SessionSetup> setup = read_setup();
  if (!setup) return refuse(setup.error());
  if (door) {
    const Result<void> led = door->lead_to(setup->socket);
    if (!led) return refuse(led.error());
  }
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  tasks.spawn("session host", run_host(io.get_executor(), *setup, runner, door ? &*door : nullptr));
  io.run();
  return 0;
}

}  // namespace jump::endpoint
