#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/tunnel/dialler.h"
#include "common/tunnel/endpoint_text.h"
#include "common/tunnel/tunnel_test_support.h"

namespace jump::tunnel::test {
namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// --- small servers ---------------------------------------------------------------------------------------

// Accepts handshakes and keeps the streams.
struct TestAppliance {
  TestAppliance(asio::io_context& io, std::shared_ptr<const TlsServer> server)
      : context(std::move(server)),
        listening(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        tasks(io.get_executor()) {
    tasks.spawn("accept", accept_all());
  }
  Address address() { return {"127.0.0.1", listening.local_endpoint().port()}; }

  Task<> accept_all() {
    for (;;) {
      auto [failed, socket] = co_await listening.async_accept(kToken);
      if (failed) co_return;
      ++accepted;
      tasks.spawn("handshake", shake(std::move(socket)));
    }
  }
  Task<> shake(tcp::socket socket) {
    Result<std::unique_ptr<TlsStream>> stream = co_await TlsStream::accept(std::move(socket), context);
    if (stream) streams.push_back(std::move(*stream));
  }

  std::shared_ptr<const TlsServer> context;
  tcp::acceptor listening;
  TaskGroup tasks;
  unsigned accepted = 0;
  std::vector<std::unique_ptr<TlsStream>> streams;
};

// A proxy that answers as it is told and then copies bytes to one place.
struct TestProxy {
  explicit TestProxy(asio::io_context& io)
      : listening(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), tasks(io.get_executor()) {
    tasks.spawn("accept", accept_all());
  }
  std::string address() { return to_text(listening.local_endpoint()); }

  Task<> accept_all() {
    for (;;) {
      auto [failed, socket] = co_await listening.async_accept(kToken);
      if (failed) co_return;
      tasks.spawn("serve", serve(std::move(socket)));
    }
  }
  Task<> serve(tcp::socket client) {
    if (socks) {
      Bytes in(512);
      for (const std::string_view reply : {"0500", "050000010000000000ff"}) {
        auto [failed, got] = co_await client.async_read_some(asio::buffer(in), kToken);
        if (failed) co_return;
        request += to_hex(ByteView(in).first(got)) + " ";
        const Bytes out = from_hex(reply).value();
        co_await asio::async_write(client, asio::buffer(out), kToken);
      }
    } else {
      std::string in;
      auto [failed, size] =
          co_await asio::async_read_until(client, asio::dynamic_buffer(in), "\r\n\r\n", kToken);
      if (failed) co_return;
      request += in;
      if (silent) {
        co_await sleep_for(std::chrono::hours(1));
      }
      co_await asio::async_write(client, asio::buffer(answer), kToken);
      if (!answer.starts_with("HTTP/1.1 200")) co_return;
    }
    tcp::socket upstream(client.get_executor());
    auto [failed] = co_await upstream.async_connect(to, kToken);
    if (failed) co_return;
    TaskGroup copies(client.get_executor());
    copies.spawn("up", copy(client, upstream));
    copies.spawn("down", copy(upstream, client));
    co_await copies.join();
  }
  static Task<> copy(tcp::socket& from, tcp::socket& to) {
    Bytes buffer(4096);
    for (;;) {
      auto [failed, got] = co_await from.async_read_some(asio::buffer(buffer), kToken);
      if (failed) break;
      auto [lost, put] = co_await asio::async_write(to, asio::buffer(buffer, got), kToken);
      if (lost) break;
    }
    boost::system::error_code ignored;
    from.close(ignored);
    to.close(ignored);
  }

  tcp::acceptor listening;
  TaskGroup tasks;
  tcp::endpoint to;
  bool socks = false;
  bool silent = false;
  std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
  std::string request;
};

struct Dialling : testing::Test {
  asio::io_context io{1};
  Site site;
  Credentials agent = site.issue(kAgent);
  TestAppliance appliance{io, site.server()};
  TestProxy proxy{io};
  DialTimes times;
  std::map<std::string, std::vector<std::string>> names;

  Dialling() { proxy.to = appliance.listening.local_endpoint(); }
  void TearDown() override {
    appliance.streams.clear();
    TaskGroup end(io.get_executor());
    end.spawn("end", stop_all());
    finish(io, end);
  }
  Task<> stop_all() {
    co_await appliance.tasks.stop();
    co_await proxy.tasks.stop();
  }

  static Task<Result<std::vector<asio::ip::address>>> found(std::vector<std::string> texts,
                                                            std::string host) {
    std::vector<asio::ip::address> addresses;
    for (const std::string& text : texts) addresses.push_back(asio::ip::make_address(text));
    if (host == "slow") co_await sleep_for(std::chrono::hours(1));
    if (addresses.empty()) co_return Error(Fault::not_found, "look up " + host + ": no such host");
    co_return addresses;
  }
  Dialler dialler() {
    return Dialler(
        io.get_executor(), [](std::uint64_t) { return std::uint64_t{0}; },
        [this](std::string host) { return found(names[host], host); }, times);
  }
  DialRequest request(std::vector<Address> targets, std::vector<Route> routes = {Route{}}) {
    DialRequest made;
    made.targets = std::move(targets);
    made.routes = std::move(routes);
    made.client = site.client(agent);
    return made;
  }
  Route by(RouteKind kind, std::vector<std::string> proxies) {
    Route route;
    route.kind = kind;
    route.proxies = std::move(proxies);
    return route;
  }
  std::uint16_t port() { return appliance.address().port; }
  // Nobody listens there.
  std::uint16_t free_port() {
    tcp::acceptor taken(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return taken.local_endpoint().port();
  }
};

// A listening socket whose queue is full: SYNs to it are answered by nobody, as by a host that is gone.
struct Silence {
  explicit Silence(asio::io_context& io, const asio::ip::address& at)
      : listening(io, at.is_v6() ? tcp::v6() : tcp::v4()) {
    listening.bind(tcp::endpoint(at, 0));
    listening.listen(0);
    for (int i = 0; i < 3; ++i) {
      fillers.emplace_back(io);
      fillers.back().async_connect(listening.local_endpoint(), [](const boost::system::error_code&) {});
    }
    io.poll();
  }
  tcp::acceptor listening;
  std::list<tcp::socket> fillers;
};

TEST_F(Dialling, GoesStraightToTheAppliance) {
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled = run(io, dialler.dial(request({appliance.address()})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->route_text, "direct " + to_text(appliance.address()));
  EXPECT_EQ(dialled->stream->peer()->identity.role, identity::PeerRole::appliance);
  EXPECT_TRUE(dialler.attempts().empty());
}

TEST_F(Dialling, ResolvesNamesAndSaysWhichFailed) {
  names["appliance"] = {"127.0.0.1"};
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled = run(io, dialler.dial(request({{"nowhere", 443}, {"appliance", port()}})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->target.host, "appliance");
  const Result<Dialled> none = run(io, dialler.dial(request({{"nowhere", 443}})));
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(Fault::unavailable));
  EXPECT_EQ(none.error().message(), "direct: look up nowhere: no such host");
}

TEST_F(Dialling, TakesTheNextAddressWhenOneRefuses) {
  const std::uint16_t nobody = free_port();
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({{"127.0.0.1", nobody}, {"127.0.0.2", nobody}, appliance.address()})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  ASSERT_EQ(dialler.attempts().size(), 2u);
  EXPECT_EQ(dialler.attempts()[0],
            "direct: connect 127.0.0.1:" + std::to_string(nobody) + ": Connection refused");
}

TEST_F(Dialling, DoesNotWaitForADeadIpv6Address) {
  // The same port dead on IPv6 and alive on IPv4 cannot be had on loopback, so the dead one is a host of its
  // own.
  const Silence dead(io, asio::ip::address_v6::loopback());
  names["dual"] = {"127.0.0.1", "::1"};
  times.connect.stagger = 20ms;
  Dialler dialler = this->dialler();
  const auto before = std::chrono::steady_clock::now();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({{"::1", dead.listening.local_endpoint().port()}, {"dual", port()}})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_EQ(dialled->target.host, "dual");
}

TEST_F(Dialling, IsNotHeldUpByASlowNameServer) {
  Dialler dialler = this->dialler();
  names["slow"] = {"127.0.0.1"};
  const Result<Dialled> dialled = run(io, dialler.dial(request({{"slow", 443}, appliance.address()})));
  EXPECT_TRUE(dialled);
}

TEST_F(Dialling, GivesUpASilentAddressInTime) {
  const Silence dead(io, asio::ip::address_v4::loopback());
  times.connect.attempt = 30ms;
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({{"127.0.0.1", dead.listening.local_endpoint().port()}})));
  ASSERT_FALSE(dialled);
  EXPECT_NE(dialled.error().message().find("no answer within 0.03 s"), std::string::npos)
      << dialled.error().message();
}

TEST_F(Dialling, GoesOnWhenTlsSaysItIsTheWrongOne) {
  Site other;
  TestAppliance impostor(io, other.server());
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled = run(io, dialler.dial(request({impostor.address(), appliance.address()})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->target.port, port());
  ASSERT_EQ(dialler.attempts().size(), 1u);
  const Result<Dialled> refused =
      run(io, dialler.dial(request({{"127.0.0.1", free_port()}, impostor.address()})));
  ASSERT_FALSE(refused);
  // Of all that failed, this is what a person has to know.
  EXPECT_TRUE(refused.error().is(Fault::unauthenticated)) << refused.error().message();
  TaskGroup end(io.get_executor());
  end.spawn("end", impostor.tasks.stop());
  finish(io, end);
}

TEST_F(Dialling, TimesOutATlsServerThatSaysNothing) {
  tcp::acceptor mute(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  times.tls = 30ms;
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({{"127.0.0.1", mute.local_endpoint().port()}})));
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Fault::timed_out)) << dialled.error().message();
}

TEST_F(Dialling, ComesBackByPskAndDropsOneThatIsRefused) {
  Dialler dialler = this->dialler();
  DialRequest again = request({appliance.address()});
  again.psk = site.psk.offer(kAgent, agent.chain.front().serial());
  Result<Dialled> dialled = run(io, dialler.dial(again));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_TRUE(dialled->stream->resumed());
  EXPECT_FALSE(dialled->psk_rejected);

  again.psk->key = Secret(Bytes(32, 1));
  dialled = run(io, dialler.dial(again));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_FALSE(dialled->stream->resumed());
  EXPECT_TRUE(dialled->psk_rejected);
  EXPECT_EQ(dialler.attempts().size(), 1u);
}

TEST_F(Dialling, GoesThroughAnHttpProxy) {
  Dialler dialler = this->dialler();
  Route route = by(RouteKind::http_proxy, {proxy.address()});
  route.user = "me";
  route.password = Secret("secret");
  const Result<Dialled> dialled = run(io, dialler.dial(request({{"appliance.example", 443}}, {route})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->route_text, "http-proxy " + proxy.address());
  EXPECT_TRUE(proxy.request.starts_with("CONNECT appliance.example:443 HTTP/1.1\r\n")) << proxy.request;
  EXPECT_NE(proxy.request.find("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), std::string::npos);
  // Through it, end to end.
  const Result<void> written = run(io, write_bytes(*dialled->stream, as_bytes("hello")));
  ASSERT_TRUE(written);
  const Result<Bytes> got = receive(io, *appliance.streams.front(), 5);
  EXPECT_EQ(as_text(*got), "hello");
}

TEST_F(Dialling, GoesThroughSocks5WithTheNameUnresolved) {
  proxy.socks = true;
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled = run(
      io, dialler.dial(request({{"appliance.example", 443}}, {by(RouteKind::socks5, {proxy.address()})})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(proxy.request, "050100 0501000311" + to_hex(as_bytes("appliance.example")) + "01bb ");
  EXPECT_EQ(dialled->route_text, "socks5 " + proxy.address());
}

TEST_F(Dialling, LeavesARouteThatFailsForTheNextAndSaysWhy) {
  proxy.answer = "HTTP/1.1 403 Forbidden\r\n\r\nnot on my watch\n";
  const std::uint16_t nobody = free_port();
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({appliance.address()},
                                   {by(RouteKind::socks5, {"127.0.0.1:" + std::to_string(nobody)}),
                                    by(RouteKind::http_proxy, {proxy.address()}), Route{}})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->route, 2u);
  const std::string proxied = "127.0.0.1:" + std::to_string(nobody);
  EXPECT_EQ(dialler.attempts(), (std::vector<std::string>{
                                    "socks5 " + proxied + ": connect " + proxied + ": Connection refused",
                                    "http-proxy " + proxy.address() + ": the proxy refused " +
                                        to_text(appliance.address()) + ": 403 Forbidden (not on my watch)"}));
}

TEST_F(Dialling, TimesOutAProxyThatSaysNothing) {
  proxy.silent = true;
  times.proxy = 30ms;
  Dialler dialler = this->dialler();
  const Result<Dialled> dialled =
      run(io, dialler.dial(request({appliance.address()}, {by(RouteKind::http_proxy, {proxy.address()})})));
  ASSERT_FALSE(dialled);
  EXPECT_NE(dialled.error().message().find("proxy dialogue for"), std::string::npos)
      << dialled.error().message();
  EXPECT_EQ(appliance.accepted, 0u);
}

TEST_F(Dialling, MovesToAnotherZoneProxyNodeAndStaysThere) {
  const std::string dead = "127.0.0.1:" + std::to_string(free_port());
  Dialler dialler = this->dialler();
  // With this Random the order of two is turned round: the dead one first.
  const Route zone = by(RouteKind::zone_proxy, {proxy.address(), dead});
  Result<Dialled> dialled = run(io, dialler.dial(request({appliance.address()}, {zone})));
  ASSERT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled->route_text, "zone-proxy " + proxy.address());
  EXPECT_EQ(dialler.attempts().size(), 1u);
  dialled = run(io, dialler.dial(request({appliance.address()}, {zone})));
  ASSERT_TRUE(dialled);
  EXPECT_TRUE(dialler.attempts().empty());
}

// A node whose own way to the appliance is cut takes connections all the same.
TEST_F(Dialling, LeavesASilentZoneProxyNodeForTheNext) {
  TestProxy mute(io);
  mute.silent = true;
  times.node = 30ms;
  Dialler dialler = this->dialler();
  const Route zone = by(RouteKind::zone_proxy, {proxy.address(), mute.address()});
  Result<Dialled> dialled = run(io, dialler.dial(request({appliance.address()}, {zone})));
  EXPECT_TRUE(dialled) << dialled.error().message();
  EXPECT_EQ(dialled ? dialled->route_text : "", "zone-proxy " + proxy.address());
  EXPECT_EQ(dialler.attempts().size(), 1u);
  EXPECT_NE(dialler.attempts().at(0).find(mute.address()), std::string::npos);
  TaskGroup end(io.get_executor());
  end.spawn("end", mute.tasks.stop());
  finish(io, end);
}

TEST_F(Dialling, WithoutTargetsOrRoutesSaysSo) {
  Dialler dialler = this->dialler();
  EXPECT_TRUE(run(io, dialler.dial(request({}))).error().is(Fault::invalid));
  EXPECT_EQ(run(io, dialler.dial(request({appliance.address()}, {}))).error().message(),
            "no route is configured");
}

Task<> keep_dialled(Task<Result<Dialled>> dialling, std::optional<Result<Dialled>>& into) {
  into.emplace(co_await std::move(dialling));
}

TEST_F(Dialling, CanBeCancelledAtEveryAwait) {
  names["appliance"] = {"::1", "127.0.0.1"};
  for (const bool proxied : {false, true}) {
    for (int steps = 0; steps < 60; ++steps) {
      Dialler dialler = this->dialler();
      std::optional<Result<Dialled>> result;
      TaskGroup group(io.get_executor());
      std::vector<Route> routes{proxied ? by(RouteKind::http_proxy, {proxy.address()}) : Route{}};
      group.spawn("dial",
                  keep_dialled(dialler.dial(request({{"appliance", port()}}, std::move(routes))), result));
      io.restart();
      for (int i = 0; i < steps; ++i) io.poll_one();
      cancel(io, group);
      ASSERT_TRUE(finish(io, group)) << steps;
    }
  }
}

TEST(Resolver, FindsLocalhostAndGivesUpInTime) {
  asio::io_context io(1);
  const Resolve resolve = make_resolve(io.get_executor());
  const Result<std::vector<asio::ip::address>> found = run(io, resolve("localhost"));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->front().is_loopback());
  const Resolve hasty = make_resolve(io.get_executor(), 0ns);
  const auto none = run(io, hasty("localhost"));
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(Fault::timed_out));
}

}  // namespace
}  // namespace jump::tunnel::test
