#include "jumpoint/proxy/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/support/temp_folder.h"

namespace jump::proxy {
namespace {

using asio::ip::tcp;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

// A socket of the test's own, blocking, that gives up after 10 s.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(io_) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    const timeval limit{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void say(std::string_view text) { asio::write(socket_, asio::buffer(text.data(), text.size()), failed_); }
  std::string hear(std::size_t bytes) {
    std::string text(bytes, '\0');
    text.resize(asio::read(socket_, asio::buffer(text), failed_));
    return text;
  }
  std::string hear_all() {
    std::string text;
    asio::read(socket_, asio::dynamic_buffer(text), failed_);
    return text;
  }
  std::string ask(std::string_view text) {
    say(text);
    return hear_all();
  }
  void end() { socket_.shutdown(tcp::socket::shutdown_send, failed_); }
  void reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
  }
  const boost::system::error_code& failed() const { return failed_; }

 private:
  asio::io_context io_;
  tcp::socket socket_;
  boost::system::error_code failed_;
};

// What the appliance is to the proxy: somebody who accepts. Connections are handed to the test.
class Appliance {
 public:
  Appliance() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string authority() const { return "127.0.0.1:" + std::to_string(port()); }
  tcp::socket accept() { return acceptor_.accept(); }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
};

class ProxyTest : public ::testing::Test {
 protected:
  ProxyTest() {
    input_.settings.port = 0;  // chosen by the system
    input_.settings.host = "node.example";
    input_.targets = {appliance_.authority()};
    input_.local.emplace();
    input_.local->listen = "127.0.0.1";
  }
  ~ProxyTest() override { stop(); }

  void start() {
    ProxyOptions options;
    options.workers = 2;
    options.log = *AccessLog::open(folder_ / "access.log", 0, 0);
    options.show = [this](const control::ZoneProxyState& state) { shown(state); };
    std::promise<void> ready;
    thread_ = std::thread([this, &ready, options = std::move(options)]() mutable {
      Proxy proxy(io_.get_executor(), std::move(options));
      TaskGroup group(io_.get_executor());
      proxy_ = &proxy;
      group_ = &group;
      proxy.set(check_input(input_));
      group.spawn("proxy", proxy.run());
      ready.set_value();
      while (!group.empty()) io_.run_one();
      proxy.stop_workers();
      io_.restart();
      io_.poll();
    });
    ready.get_future().wait();
    static_cast<void>(appliance_.accept());  // the proxy's look whether the appliance can be reached
    wait_for([](const control::ZoneProxyState& state) { return state.listening; });
  }
  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { group_->cancel(); });
    thread_.join();
  }
  void set() {
    asio::post(io_, [this, settings = check_input(input_)] { proxy_->set(settings); });
  }
  // On the proxy's thread.
  template <typename F>
  auto ask(F question) {
    std::promise<decltype(question(*proxy_))> answer;
    asio::post(io_, [&] { answer.set_value(question(*proxy_)); });
    return answer.get_future().get();
  }
  void shown(const control::ZoneProxyState& state) {
    const std::lock_guard lock(mutex_);
    states_.push_back(state);
    more_.notify_all();
  }
  template <typename F>
  control::ZoneProxyState wait_for(F condition) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(more_.wait_for(lock, 10s, [&] { return !states_.empty() && condition(states_.back()); }));
    return states_.back();
  }
  std::uint16_t port() {
    const std::string address = ask([](Proxy& proxy) { return proxy.state().address; });
    return parse_authority(address)->port;
  }
  std::string connect_line() const {
    return "CONNECT " + appliance_.authority() + " HTTP/1.1\r\nHost: " + appliance_.authority() + "\r\n\r\n";
  }
  static constexpr std::string_view kGranted = "HTTP/1.1 200 Connection established\r\n\r\n";
  std::string log() {
    stop();
    std::ifstream file(folder_ / "access.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::TempFolder folder_;
  Appliance appliance_;
  Input input_;
  asio::io_context io_{1};
  Proxy* proxy_ = nullptr;
  TaskGroup* group_ = nullptr;
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<control::ZoneProxyState> states_;
  std::thread thread_;
};

TEST_F(ProxyTest, CarriesBytesBothWaysAndHalfCloses) {
  start();
  Client client(port());
  client.say(connect_line());
  ASSERT_EQ(client.hear(kGranted.size()), kGranted);
  tcp::socket server = appliance_.accept();
  client.say("to the appliance");
  client.end();
  std::string got;
  boost::system::error_code failed;
  asio::read(server, asio::dynamic_buffer(got), failed);
  EXPECT_EQ(got, "to the appliance");
  EXPECT_EQ(failed, asio::error::eof);
  // The other half is still open.
  asio::write(server, asio::buffer(std::string("and back")));
  server.close();
  EXPECT_EQ(client.hear_all(), "and back");
  EXPECT_EQ(client.failed(), asio::error::eof);
  const std::string line = log();
  EXPECT_THAT(line, HasSubstr("\"verdict\":\"tunnel\",\"status\":200,\"reason\":\"ended\""));
  EXPECT_THAT(line, HasSubstr("\"up\":16,\"down\":8"));
}

TEST_F(ProxyTest, CarriesMuchThroughASlowReader) {
  start();
  Client client(port());
  client.say(connect_line());
  ASSERT_EQ(client.hear(kGranted.size()), kGranted);
  tcp::socket server = appliance_.accept();
  constexpr std::size_t kBytes = 32 * 1024 * 1024;
  std::string much(kBytes, '\0');
  for (std::size_t i = 0; i < kBytes; ++i) much[i] = static_cast<char>(i * 7919 >> 8);
  std::thread writer([&] {
    asio::write(server, asio::buffer(much));
    server.close();
  });
  std::string got;
  while (true) {
    const std::string piece = client.hear(100'001);
    got += piece;
    if (piece.size() < 100'001) break;
  }
  writer.join();
  EXPECT_TRUE(got == much);
}

TEST_F(ProxyTest, PassesAResetOn) {
  start();
  Client client(port());
  client.say(connect_line());
  ASSERT_EQ(client.hear(kGranted.size()), kGranted);
  tcp::socket server = appliance_.accept();
  client.reset();
  boost::system::error_code failed;
  char byte = 0;
  server.read_some(asio::buffer(&byte, 1), failed);
  EXPECT_EQ(failed, asio::error::connection_reset);
}

TEST_F(ProxyTest, RefusesEveryOtherTarget) {
  start();
  for (const std::string& target :
       {std::string("127.0.0.1:1"), "localhost:" + std::to_string(appliance_.port()),
        std::string("a.example:443"), "127.0.0.2:" + std::to_string(appliance_.port()),
        "[::1]:" + std::to_string(appliance_.port())}) {
    Client client(port());
    EXPECT_THAT(client.ask("CONNECT " + target + " HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 403 ")) << target;
  }
  Client mapped(port());
  mapped.say("CONNECT [::ffff:127.0.0.1]:" + std::to_string(appliance_.port()) + " HTTP/1.0\r\n\r\n");
  EXPECT_EQ(mapped.hear(kGranted.size()), kGranted);
  EXPECT_THAT(Client(port()).ask("GET http://127.0.0.1/ HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Client(port()).ask("rubbish\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Client(port()).ask(connect_line() + connect_line()), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ProxyTest, RedirectsOnlyToTheAppliance) {
  input_.settings.allow_http_get = true;
  start();
  const std::string place = "\r\nLocation: https://" + appliance_.authority() + "/x\r\n";
  EXPECT_THAT(Client(port()).ask("GET http://127.0.0.1/x HTTP/1.0\r\n\r\n"), HasSubstr(place));
  EXPECT_THAT(Client(port()).ask("GET http://" + appliance_.authority() + "/x HTTP/1.0\r\n\r\n"),
              HasSubstr(place));
  EXPECT_THAT(Client(port()).ask("GET http://a.example/x HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Client(port()).ask("GET http://127.0.0.1:8080/x HTTP/1.0\r\n\r\n"),
              StartsWith("HTTP/1.1 403 "));
}

TEST_F(ProxyTest, LimitsHeaderInSizeAndTime) {
  input_.local->header_milliseconds = 300;
  start();
  EXPECT_THAT(Client(port()).ask("CONNECT a:1 HTTP/1.1\r\nX: " + std::string(1'000'000, 'x')),
              StartsWith("HTTP/1.1 400 "));
  Client silent(port());
  Client slow(port());
  slow.say("CONN");
  EXPECT_THAT(slow.hear_all(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(silent.hear_all(), StartsWith("HTTP/1.1 408 "));
  // In pieces is fine.
  Client pieces(port());
  for (const char c : connect_line()) pieces.say(std::string_view(&c, 1));
  EXPECT_EQ(pieces.hear(kGranted.size()), kGranted);
}

TEST_F(ProxyTest, LimitsConnectionsOfASource) {
  input_.local->connections_per_source = 3;
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(port()));
    clients.back()->say(connect_line());
    ASSERT_EQ(clients.back()->hear(kGranted.size()), kGranted);
  }
  EXPECT_THAT(Client(port()).hear_all(), StartsWith("HTTP/1.1 429 "));
  clients.back()->reset();
  // Its place is free as soon as the proxy has seen it go.
  std::string answer;
  for (int tries = 0; tries < 1000 && answer != kGranted; ++tries) {
    Client again(port());
    again.say(connect_line());
    answer = again.hear(kGranted.size());
  }
  EXPECT_EQ(answer, kGranted);
}

TEST_F(ProxyTest, LimitsAllConnections) {
  input_.local->connections = 2;
  start();
  Client one(port());
  Client two(port());
  one.say(connect_line());
  two.say(connect_line());
  ASSERT_EQ(one.hear(kGranted.size()), kGranted);
  ASSERT_EQ(two.hear(kGranted.size()), kGranted);
  EXPECT_THAT(Client(port()).hear_all(), StartsWith("HTTP/1.1 429 "));
}

TEST_F(ProxyTest, ClosesTunnelsThatNewRulesForbid) {
  start();
  Client client(port());
  client.say(connect_line());
  ASSERT_EQ(client.hear(kGranted.size()), kGranted);
  input_.settings.restriction = "deny";
  input_.settings.prefixes = {"10.0.0.0/8", "127.0.0.0/8"};
  set();
  EXPECT_EQ(client.hear_all(), "");
  EXPECT_THAT(Client(port()).hear_all(), StartsWith("HTTP/1.1 403 "));
  // Faulty settings change nothing, and are told.
  input_.settings.prefixes = {"nonsense"};
  set();
  const control::ZoneProxyState state =
      wait_for([](const control::ZoneProxyState& now) { return !now.warnings.empty(); });
  EXPECT_THAT(state.warnings.back(), HasSubstr("line 1: 'nonsense'"));
  EXPECT_THAT(Client(port()).hear_all(), StartsWith("HTTP/1.1 403 "));
  input_.settings.prefixes = {"10.0.0.0/8"};
  set();
  wait_for([](const control::ZoneProxyState& now) { return now.warnings.empty(); });
  Client again(port());
  again.say(connect_line());
  EXPECT_EQ(again.hear(kGranted.size()), kGranted);
  EXPECT_THAT(log(), HasSubstr("\"rule\":2,\"reason\":\"the network restrictions were changed\""));
}

TEST_F(ProxyTest, ClosesTunnelsToAnAddressThatIsNoLongerTheAppliances) {
  start();
  Client client(port());
  client.say(connect_line());
  ASSERT_EQ(client.hear(kGranted.size()), kGranted);
  input_.targets = {"127.0.0.1:9"};
  set();
  EXPECT_EQ(client.hear_all(), "");
  EXPECT_THAT(Client(port()).ask(connect_line()), StartsWith("HTTP/1.1 403 "));
}

// Rules that allow and forbid in turn while clients come: who is in when the last rules stand is allowed.
TEST_F(ProxyTest, StandsThousandChangesUnderLoad) {
  input_.local->connections_per_source = 4000;
  start();
  std::atomic<bool> done{false};
  std::atomic<int> granted{0};
  const std::uint16_t to = port();
  std::thread accepts([&] {
    std::vector<tcp::socket> kept;
    while (!done) kept.push_back(appliance_.accept());
  });
  std::vector<std::thread> load;
  for (int i = 0; i < 2; ++i) {
    load.emplace_back([&] {
      while (!done) {
        Client client(to);
        client.say(connect_line());
        const std::string answer = client.hear(kGranted.size());
        // Closed by a change, forbidden, or granted; never anything else.
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 403 ") || answer == kGranted) << answer;
        if (answer == kGranted) ++granted;
      }
    });
  }
  // Not so fast that nobody would see an allowing rule.
  for (int round = 0; round < 200 || granted < 50; ++round) {
    input_.settings.restriction = round % 2 == 0 ? "deny" : "allow";
    input_.settings.prefixes = {"127.0.0.0/8", std::to_string(round % 200) + ".0.0.0/8"};
    set();
    ask([](Proxy&) { return true; });
  }
  Client allowed(to);
  input_.settings.restriction = "allow";
  set();
  ask([](Proxy&) { return true; });
  Client sure(to);
  sure.say(connect_line());
  EXPECT_EQ(sure.hear(kGranted.size()), kGranted);
  done = true;
  for (std::thread& thread : load) thread.join();
  Client last(appliance_.port());  // wakes accept()
  accepts.join();
}

TEST_F(ProxyTest, SaysWhenTheApplianceDoesNotAnswer) {
  start();
  input_.targets = {"127.0.0.1:9", appliance_.authority()};
  set();
  ask([](Proxy&) { return true; });
  EXPECT_THAT(Client(port()).ask("CONNECT 127.0.0.1:9 HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 502 "));
}

TEST(ProxyAlone, DoesNotListenWithoutAWayToTheAppliance) {
  asio::io_context io(1);
  std::vector<control::ZoneProxyState> states;
  ProxyOptions options;
  options.workers = 1;
  options.show = [&](const control::ZoneProxyState& state) { states.push_back(state); };
  Proxy proxy(io.get_executor(), std::move(options));
  Input input;
  input.settings.port = 0;
  input.settings.host = "node.example";
  input.targets = {"127.0.0.1:9"};
  proxy.set(check_input(input));
  TaskGroup group(io.get_executor());
  group.spawn("proxy", proxy.run());
  while (states.empty() || states.back().reason.find("refused") == std::string::npos) io.run_one();
  EXPECT_FALSE(states.back().listening);
  EXPECT_THAT(states.back().reason,
              StartsWith("the appliance cannot be reached from here without a proxy: connect "));
  group.cancel();
  while (!group.empty()) io.run_one();
}

TEST(ProxySettings, AreLookedThrough) {
  Input input;
  input.targets = {"appliance.example:443"};
  ASSERT_TRUE(check_input(input));
  EXPECT_EQ(check_input(input)->limits.connections_per_source, 256u);
  const auto fault = [](const Input& faulty) {
    const Result<Settings> settings = check_input(faulty);
    return settings ? std::string() : settings.error().message();
  };
  Input other = input;
  other.settings.host = "http://node.example";
  EXPECT_THAT(fault(other), HasSubstr("without http://"));
  other = input;
  other.targets = {"appliance.example"};
  EXPECT_THAT(fault(other), HasSubstr("'appliance.example': expected HOST:PORT"));
  other.targets.clear();
  EXPECT_THAT(fault(other), HasSubstr("expected 1 to 32"));
  other = input;
  other.settings.restriction = "some";
  EXPECT_THAT(fault(other), HasSubstr("expected none, deny or allow"));
  other = input;
  other.local.emplace();
  other.local->header_bytes = 9000;
  EXPECT_THAT(fault(other), HasSubstr("header_bytes 9000: expected 256 to 8192"));
  other = input;
  other.settings.host = "10.0.0.7";
  EXPECT_THAT(check_input(other)->warnings.at(0), HasSubstr("is an address"));
  EXPECT_TRUE(read_input(R"({"settings":{"host":"","port":9555,"allow_http_get":false,"restriction":"none"},)"
                         R"("targets":["a:1"],"local":{"unknown":1}})"));
  EXPECT_TRUE(read_input(R"({"settings":{"host":"","port":9555,"allow_http_get":false,"restriction":"none"},)"
                         R"("targets":["a:1"],"local":null})"));
}

TEST(SourceTable, CountsIPv6ByNetwork) {
  SourceTable table;
  EXPECT_EQ(table.add(*access::parse_address("2001:db8::1")), 1u);
  EXPECT_EQ(table.add(*access::parse_address("2001:db8::2")), 2u);
  EXPECT_EQ(table.add(*access::parse_address("2001:db8:0:1::2")), 1u);
  EXPECT_EQ(table.add(*access::parse_address("10.0.0.1")), 1u);
  EXPECT_EQ(table.add(*access::parse_address("10.0.0.2")), 1u);
  table.remove(*access::parse_address("2001:db8::3"));
  EXPECT_EQ(table.total(), 4u);
  EXPECT_EQ(table.add(*access::parse_address("2001:db8::1")), 2u);
}

TEST(AccessLogFile, RotatesBySizeAndOnDemand) {
  test::TempFolder folder;
  const std::string path = folder / "access.log";
  {
    AccessLog log = *AccessLog::open(path, 100, 2);
    log.write(std::string(80, 'a') + "\n");
  }
  {
    AccessLog log = *AccessLog::open(path, 100, 2);
    log.write(std::string(80, 'b') + "\n");
  }
  const auto text = [](const std::string& name) {
    std::ifstream file(name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_THAT(text(path), StartsWith("bbb"));
  EXPECT_THAT(text(path + ".1"), StartsWith("aaa"));
  EXPECT_FALSE(AccessLog::open(folder / "none/access.log", 0, 0));
}

}  // namespace
}  // namespace jump::proxy
