#include "common/base/clock.h"
#include "common/base/with_timeout.h"
#include "common/control/codec.h"
#include "common/identity/sha256.h"
#include "common/session/messages.h"
#include "tools/bench/fleet.h"
#include "tools/bench/measure.h"
#include "tools/bench/streams.h"
#include "tools/bench/way.h"

namespace jump::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

Task<> run_end(MuxEnd& end) {
  static_cast<void>(co_await end.run());
}

Task<Result<control::SessionOpened>> ask(MuxEnd& console, control::OpenSession question) {
  Task<Result<control::SessionOpened>> asking = console.channel().ask(std::move(question));
  co_return co_await with_timeout(kPatience, "the appliance's word about the session", std::move(asking));
}

Task<Result<void>> wait_for_life(endpoint::SessionIo& session) {
  Task<Result<void>> waiting = live(session);
  co_return co_await with_timeout(kPatience, "the other end of the session", std::move(waiting));
}

class ApplianceWay : public Way {
 public:
  ApplianceWay(const Appliance& appliance, Fleet& fleet) : appliance_(appliance), fleet_(fleet) {
    attach_console();
    fleet_.on_ticket(0, [this](const identity::Ticket& ticket) { start_endpoint(ticket); });
    const mux::SessionEnd::Options options = session_options(true);
    control::OpenSession question;
    question.session = options.session;
    question.asset = fleet_.asset(0);
    question.kind = control::SessionKind::forward;
    question.console_secret_hash = identity::sha256(options.secret);
    question.arguments = to_json(session::ForwardStart{"127.0.0.1", 1});
    must(console_.run(ask(*tunnel_, std::move(question))));
    console_.call([&] {
      session_ = std::make_unique<endpoint::SessionIo>(console_.executor(), options, mux::StreamOptions());
      tunnel_->add(*session_);
    });
    must(console_.run(wait_for_life(*session_)));
    must(fleet_.worker().run(wait_for_life(*endpoint_)));
    bulk_ = open();
    pings_ = open();
    fleet_.worker().spawn(echo(*pings_.endpoint));
  }
  ~ApplianceWay() override {
    console_.call([&] {
      bulk_.console.reset();
      pings_.console.reset();
      tunnel_->remove(*session_);
      tunnel_->close("over");
    });
    console_.stop();
    fleet_.worker().call([&] { pings_.endpoint->reset("over"); });
    // The echo has seen the reset when this returns.
    fleet_.worker().run(breathe());
    fleet_.worker().call([&] {
      bulk_.endpoint.reset();
      pings_.endpoint.reset();
      fleet_.tunnel(0).remove(*endpoint_);
      endpoint_.reset();
    });
  }

  std::string name() const override { return "appliance"; }
  void move(std::uint64_t bytes) override {
    auto sent = fleet_.worker().start(send_bytes(*bulk_.endpoint, bytes));
    must(console_.run(receive_bytes(*bulk_.console, bytes)));
    must(sent.get());
  }
  std::vector<double> ping(std::size_t times) override {
    return must(console_.run(bench::ping(*pings_.console, times)));
  }
  double relay_cpu() override { return cpu_of(appliance_.pid()); }

 private:
  struct Streams {
    std::unique_ptr<session::Stream> console;
    std::unique_ptr<session::Stream> endpoint;
  };

  static Task<bool> breathe() {
    co_await sleep_for(std::chrono::milliseconds(20));
    co_return true;
  }

  void attach_console() {
    DialTo to;
    to.port = appliance_.port();
    to.alpn = std::string(tunnel::kAlpnConsole);
    StreamPtr stream = must(console_.run(dial(appliance_.client(), std::move(to))));
    control::Hello hello;
    hello.role = control::Role::console;
    hello.software = "jump-bench";
    hello.boot_id = "00000000-0000-4000-8000-000000000002";
    hello.token = Secret(std::string_view(appliance_.token()));
    console_.call([&] {
      tunnel_ = std::make_unique<MuxEnd>(console_.executor(), std::move(stream), std::move(hello));
    });
    console_.spawn(run_end(*tunnel_));
    must(console_.run(tunnel_->welcomed()));
  }

  // On the agents' thread, when the order has come.
  void start_endpoint(const identity::Ticket& ticket) {
    mux::SessionEnd::Options options = session_options(false);
    options.session = ticket.session;
    const ByteView secret = ticket.endpoint_secret.reveal();
    std::copy_n(secret.begin(), std::min(secret.size(), options.secret.size()), options.secret.begin());
    endpoint_ =
        std::make_unique<endpoint::SessionIo>(fleet_.worker().executor(), options, mux::StreamOptions());
    const control::Notice started(control::SessionStart{ticket.session, true, ""});
    fleet_.tunnel(0).channel().tell(started);
    fleet_.tunnel(0).add(*endpoint_);
  }

  Streams open() {
    Streams streams;
    streams.console = must(console_.call([&] { return session_->open_stream(); }));
    const std::uint32_t number = streams.console->number();
    streams.endpoint = must(fleet_.worker().call([&] { return endpoint_->adopt_stream(number); }));
    return streams;
  }

  const Appliance& appliance_;
  Fleet& fleet_;
  std::unique_ptr<endpoint::SessionIo> endpoint_;  // of the agents' thread
  std::unique_ptr<endpoint::SessionIo> session_;
  std::unique_ptr<MuxEnd> tunnel_;
  Streams bulk_;
  Streams pings_;
  Worker console_;
};

}  // namespace

std::unique_ptr<Way> appliance_way(const Appliance& appliance, Fleet& fleet) {
  return std::make_unique<ApplianceWay>(appliance, fleet);
}

}  // namespace jump::bench
