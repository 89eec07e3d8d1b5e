// The two commands that dial the appliance themselves: the goodbye of uninstall, and doctor.
#include <cstdio>

#include <boost/asio/io_context.hpp>

#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/endpoint/appliance_dialler.h"
#include "common/endpoint/control_channel.h"
#include "common/endpoint/service.h"
#include "common/identity/random.h"
#include "common/identity/verify.h"
#include "common/tunnel/link.h"
#include "platform/files.h"
#include "platform/machine.h"
#include "platform/ownership.h"

namespace jump::endpoint {
namespace {

constexpr auto kGoodbyeTime = std::chrono::seconds(10);

Begin begin_of(const ServiceSpec& service, const EndpointState& state) {
  Begin begin;
  begin.role = service.role;
  begin.software = software(service);
  const Result<std::string> boot = platform::boot_id();
  begin.boot_id = boot ? *boot : "unknown";
  begin.instance = identity::random_array<16>();
  begin.identity_folder = identity_folder(service.data);
  begin.trust = state.trust;
  begin.routes = service.routes;
  for (const std::string& address : state.addresses) begin.routes.addresses.push_back(address);
  begin.routes.zone_proxies = state.zone_proxies;
  return begin;
}

class Goodbye : tunnel::LinkHandler {
 public:
  Goodbye(asio::any_io_executor executor, tunnel::TlsStream& stream)
      : channel_(executor), welcomed_(executor), tasks_(executor), link_(executor, stream, *this) {}

  Task<Result<void>> say(const Begin& begin) {
    Task<Result<void>> saying = ask(begin);
    co_return co_await and_stop(tasks_, std::move(saying));
  }

 private:
  Task<Result<void>> ask(const Begin& begin) {
    tasks_.spawn("link", run_link());
    control::Hello hello;
    hello.role = begin.role;
    hello.software = begin.software;
    hello.boot_id = begin.boot_id;
    hello.instance = begin.instance;
    const Result<std::string> text = control::encode_hello(hello);
    if (!text) co_return text.error();
    link_.outbox().control(mux::encode_json(mux::Kind::hello, *text));
    co_await welcomed_.wait();
    Result<void> result = refused_ ? Result<void>(*refused_) : Result<void>();
    if (result) {
      control::Uninstalling question;
      question.reason = "uninstalled on the machine";
      const Result<control::Done> done = co_await channel_.ask(std::move(question));
      if (!done) result = done.error();
    }
    link_.close(Error(Fault::closed, "done"));
    co_return result;
  }

  Task<> run_link() {
    const Error why = co_await link_.run();
    if (!refused_) refused_ = why;
    channel_.fail(why);
    welcomed_.set();
  }
  Result<void> on_frame(const mux::FrameView& frame, Instant) override {
    const auto kind = static_cast<mux::Kind>(frame.header.kind);
    if (kind == mux::Kind::welcome) {
      channel_.attach(link_.outbox());
      welcomed_.set();
    } else if (kind == mux::Kind::control) {
      const auto message =
          channel_.on_frame(frame.header, frame.body(), control::Sender::appliance, control::Phase::normal);
      if (!message) return message.error();
    }
    return {};
  }
  void on_go_away(const mux::GoAwayBody& body) override {
    refused_ = Error(Fault::refused, body.text);
    link_.close(*refused_);
  }

  ControlChannel channel_;
  Event welcomed_;
  TaskGroup tasks_;
  tunnel::Link link_;
  std::optional<Error> refused_;
};

// What faces the network here has the tunnel process's rights, also when root gave the command.
Result<platform::ActingAs> act_as_tunnel(const ServiceSpec& service) {
  const Result<platform::User> owner = platform::owner_of(identity_folder(service.data));
  if (!owner) return owner.error();
  return platform::ActingAs::begin(*owner);
}

Task<Result<void>> say_goodbye(asio::any_io_executor executor, const Begin& begin) {
  Result<std::unique_ptr<ApplianceDialler>> dialler = ApplianceDialler::create(executor, begin);
  if (!dialler) co_return dialler.error();
  Result<ApplianceDialler::Dialled> dialled = co_await (*dialler)->dial();
  if (!dialled) co_return dialled.error();
  Goodbye goodbye(executor, *dialled->stream);
  co_return co_await goodbye.say(begin);
}

Task<> timed_goodbye(asio::any_io_executor executor, const Begin& begin, Result<void>& result) {
  Task<Result<void>> saying = say_goodbye(executor, begin);
  result = co_await with_timeout(kGoodbyeTime, "the goodbye to the appliance", std::move(saying));
}

// As its owner: root's files stay root's, a service user's the service user's.
Result<EndpointState> load_own_state(const ServiceSpec& service) {
  const Result<platform::User> owner = platform::owner_of(service.data);
  if (!owner) return owner.error();
  const Result<platform::ActingAs> acting = platform::ActingAs::begin(*owner);
  if (!acting) return acting.error();
  return load_state(service.data);
}

struct Finding {
  std::string what;
  bool ok = false;
  std::string text;
};

Task<> try_dialling(asio::any_io_executor executor, const Begin& begin, std::vector<Finding>& findings) {
  Result<std::unique_ptr<ApplianceDialler>> dialler = ApplianceDialler::create(executor, begin);
  if (!dialler) {
    findings.push_back({"identity", false, dialler.error().message()});
    co_return;
  }
  findings.push_back({"identity", true, "key and certificate are there"});
  Result<ApplianceDialler::Dialled> dialled = co_await (*dialler)->dial();
  for (const std::string& attempt : (*dialler)->attempts()) findings.push_back({"route", false, attempt});
  if (!dialled) {
    findings.push_back({"tls", false, dialled.error().message()});
    co_return;
  }
  findings.push_back({"route", true, dialled->route + " to " + dialled->address});
  const auto& peer = dialled->stream->peer();
  findings.push_back({"tls", true, "the appliance proved itself under the site's CA"});
  if (peer && peer->not_yet_valid) {
    findings.push_back({"clock", false,
                        "this machine's clock is behind: the appliance's certificate begins " +
                            iso8601(peer->not_before) + ", here it is " + iso8601(wall_seconds())});
  } else {
    findings.push_back({"clock", true, "within the certificates' times"});
  }
}

}  // namespace

Result<void> tell_uninstalled(const ServiceSpec& service, const EndpointState& state) {
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  const Begin begin = begin_of(service, state);
  const Result<platform::ActingAs> acting = act_as_tunnel(service);
  if (!acting) return acting.error();
  Result<void> result;
  tasks.spawn("goodbye", timed_goodbye(io.get_executor(), begin, result));
  io.run();
  return result;
}

int doctor(const ServiceSpec& service, bool json) {
  std::vector<Finding> findings;
  const Result<EndpointState> state = load_own_state(service);
  if (state) {
    findings.push_back({"enrolment", true, state->peer_id + " since " + iso8601(state->enrolled)});
    const Result<platform::ActingAs> acting = act_as_tunnel(service);
    if (!acting) findings.push_back({"identity", false, acting.error().message()});
    asio::io_context io(1);
    TaskGroup tasks(io.get_executor());
    const Begin begin = begin_of(service, *state);
    tasks.spawn("doctor", try_dialling(io.get_executor(), begin, findings));
    io.run();
  } else {
    findings.push_back({"enrolment", false, "not enrolled: " + state.error().message()});
  }
  const bool running = service_runs(service);
  findings.push_back({"service", running, running ? "running" : "not running"});
  for (const std::string& ability : service.abilities) findings.push_back({"ability", true, ability});
  for (const std::string& lacking : service.lacking) findings.push_back({"ability", false, lacking});
  bool well = true;
  json::array report;
  for (const Finding& finding : findings) {
    well = well && finding.ok;
    if (json) {
      report.push_back({{"what", finding.what}, {"ok", finding.ok}, {"text", finding.text}});
    } else {
      std::printf("%-4s %-10s %s\n", finding.ok ? "ok" : "BAD", finding.what.c_str(),
                  printable(finding.text).c_str());
    }
  }
  if (json) std::printf("%s\n", json::serialize(report).c_str());
  return well ? 0 : 1;
}

}  // namespace jump::endpoint
