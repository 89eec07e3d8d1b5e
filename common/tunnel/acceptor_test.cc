#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>

#include <boost/asio/write.hpp>

#include "common/tunnel/acceptor.h"
#include "common/tunnel/address.h"
#include "common/tunnel/tunnel_test_support.h"

namespace jump::tunnel::test {
namespace {

constexpr Instant kStart{100h};

// --- limits of one source ---------------------------------------------------------------------------------

TEST(SourceLimits, CountTheUnfinishedAndForgetWhoFinished) {
  SourceLimits limits;
  for (int i = 0; i < 10'000; ++i) {  // thousands behind one address
    ASSERT_TRUE(limits.begin("a", kStart));
    limits.finished("a", true, kStart);
  }
  EXPECT_EQ(limits.sources(), 0u);
  for (std::size_t i = 0; i < limits::kUnfinishedPerSource; ++i) ASSERT_TRUE(limits.begin("a", kStart));
  EXPECT_FALSE(limits.begin("a", kStart));
  EXPECT_TRUE(limits.begin("b", kStart));
  limits.finished("a", true, kStart);
  EXPECT_TRUE(limits.begin("a", kStart));
}

TEST(SourceLimits, CountFailuresForAMinute) {
  SourceLimits limits;
  for (std::size_t i = 0; i < limits::kUnfinishedPerSource; ++i) {
    ASSERT_TRUE(limits.begin("a", kStart));
    limits.finished("a", false, kStart);
  }
  EXPECT_FALSE(limits.begin("a", kStart + 59s));
  EXPECT_TRUE(limits.begin("a", kStart + 60s));
}

TEST(SourceLimits, StaySmallWhateverComes) {
  SourceLimits limits;
  for (int i = 0; i < 100'000; ++i) {
    const std::string source = std::to_string(i);
    ASSERT_TRUE(limits.begin(source, kStart));
    limits.finished(source, false, kStart);
  }
  EXPECT_LE(limits.sources(), 65536u);
  ASSERT_TRUE(limits.begin("x", kStart + 2min));
  EXPECT_EQ(limits.sources(), 1u);
}

TEST(SourceLimits, TakeANetworkOfIpv6AsOneSource) {
  const auto source = [](const char* text) { return source_of(asio::ip::make_address(text)); };
  EXPECT_EQ(source("10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(source("::ffff:10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(source("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::/64");
  EXPECT_EQ(source("2001:db8:0:1::"), source("2001:db8:0:1:ffff:ffff:ffff:ffff"));
}

// --- whose turn it is
// -----------------------------------------------------------------------------------------

Task<> take_turn(HandshakeGate& gate, HandshakeGate::Kind kind, std::string name,
                 std::vector<std::string>& order) {
  const HandshakeGate::Turn turn = co_await gate.turn(kind);
  order.push_back(name);
}

TEST(HandshakeGate, LetsThoseWhoComeBackGoFirstAndNewOnesNotStarve) {
  asio::io_context io(1);
  HandshakeGate gate(io.get_executor());
  std::vector<std::string> order;
  TaskGroup tasks(io.get_executor());
  for (int i = 0; i < 2; ++i) tasks.spawn("full", take_turn(gate, HandshakeGate::Kind::begin, "full", order));
  for (int i = 0; i < 12; ++i) tasks.spawn("psk", take_turn(gate, HandshakeGate::Kind::psk, "psk", order));
  tasks.spawn("half-done", take_turn(gate, HandshakeGate::Kind::finish, "finish", order));
  io.poll();
  EXPECT_EQ(gate.waiting(), 15u);
  TaskGroup running(io.get_executor());
  running.spawn("gate", gate.run());
  finish(io, tasks);
  std::vector<std::string> expected(8, "psk");
  expected.insert(expected.end(), {"finish", "psk", "psk", "psk", "psk", "full", "full"});
  EXPECT_EQ(order, expected);
  cancel(io, running);
  finish(io, running);
}

void spin(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

Task<> compute(HandshakeGate& gate, std::chrono::microseconds step, std::chrono::nanoseconds& spent,
               bool& over) {
  while (!over) {
    const HandshakeGate::Turn turn = co_await gate.turn(HandshakeGate::Kind::begin);
    const auto before = std::chrono::steady_clock::now();
    spin(step);
    spent += std::chrono::steady_clock::now() - before;
  }
}

Task<> work(asio::any_io_executor executor, int rounds, std::chrono::nanoseconds& spent, bool& over) {
  for (int i = 0; i < rounds; ++i) {
    const auto before = std::chrono::steady_clock::now();
    spin(100us);
    spent += std::chrono::steady_clock::now() - before;
    co_await asio::post(executor, asio::use_awaitable);
  }
  over = true;
}

TEST(HandshakeGate, TakesAtMostHalfOfABusyWorkersTime) {
  asio::io_context io(1);
  HandshakeGate gate(io.get_executor());
  std::chrono::nanoseconds handshakes{0};
  std::chrono::nanoseconds others{0};
  bool over = false;
  TaskGroup tasks(io.get_executor());
  TaskGroup running(io.get_executor());
  running.spawn("gate", gate.run());
  for (int i = 0; i < 4; ++i) tasks.spawn("handshake", compute(gate, 500us, handshakes, over));
  tasks.spawn("work", work(io.get_executor(), 500, others, over));
  finish(io, tasks);
  // About as much as the others. A busy machine adds its own pauses to both; without the gate it would be 20
  // times as much, with one that lets nobody in nothing.
  EXPECT_GT(handshakes, others / 16);
  EXPECT_LT(handshakes, others * 2);
  cancel(io, running);
  finish(io, running);
}

TEST(HandshakeGate, AWaiterThatLeavesHoldsNobodyUp) {
  asio::io_context io(1);
  HandshakeGate gate(io.get_executor());
  TaskGroup running(io.get_executor());
  running.spawn("gate", gate.run());
  for (int steps = 0; steps < 8; ++steps) {
    std::vector<std::string> order;
    TaskGroup leaving(io.get_executor());
    leaving.spawn("leaves", take_turn(gate, HandshakeGate::Kind::psk, "leaves", order));
    io.restart();
    for (int i = 0; i < steps; ++i) io.poll_one();
    cancel(io, leaving);
    finish(io, leaving);
    TaskGroup staying(io.get_executor());
    staying.spawn("stays", take_turn(gate, HandshakeGate::Kind::psk, "stays", order));
    ASSERT_TRUE(finish(io, staying));
    EXPECT_EQ(order.back(), "stays");
  }
  cancel(io, running);
  finish(io, running);
}

// --- the port
// ---------------------------------------------------------------------------------------------------

struct Accepting : testing::Test {
  asio::io_context io{1};
  Site site;
  Credentials agent = site.issue(kAgent);
  std::shared_ptr<const TlsClient> client = site.client(agent);
  Acceptor::Settings settings;
  std::vector<std::unique_ptr<TlsStream>> streams;
  std::unique_ptr<Acceptor> acceptor;
  TaskGroup running{io.get_executor()};

  void start(std::vector<std::string> addresses = {"127.0.0.1:0"}) {
    acceptor = std::make_unique<Acceptor>(
        io.get_executor(), site.server(),
        [this](std::unique_ptr<TlsStream> stream) { streams.push_back(std::move(stream)); }, settings);
    for (const std::string& address : addresses) ASSERT_TRUE(acceptor->listen(address));
    running.spawn("acceptor", acceptor->run());
  }
  ~Accepting() override {
    streams.clear();
    cancel(io, running);
    finish(io, running);
  }
  tcp::endpoint endpoint(std::size_t index = 0) {
    const Address address = parse_address(acceptor->addresses().at(index)).value();
    return {asio::ip::make_address(address.host), address.port};
  }
  tcp::socket connected(std::size_t index = 0) {
    tcp::socket socket(io);
    socket.connect(endpoint(index));
    return socket;
  }
  StreamResult shake(tcp::socket socket, TlsConnectOptions options = {}) {
    return run(io, TlsStream::connect(std::move(socket), client, std::move(options)));
  }
  void run_until(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    io.restart();
    while (!done() && std::chrono::steady_clock::now() < until) io.run_one_for(10ms);
    EXPECT_TRUE(done());
  }
};

TEST_F(Accepting, HandsOverWhatCameThroughOnEachAddress) {
  start({"127.0.0.1:0", "[::1]:0"});
  for (std::size_t i = 0; i < 2; ++i) {
    const StreamResult stream = shake(connected(i));
    ASSERT_TRUE(stream) << stream.error().message();
    run_until([&] { return streams.size() == i + 1; });
    EXPECT_EQ(streams.back()->peer()->identity, kAgent);
    EXPECT_EQ(streams.back()->info().peer_host, i == 0 ? "127.0.0.1" : "::1");
  }
  EXPECT_EQ(acceptor->counters().finished, 2u);
}

TEST_F(Accepting, RefusesToListenWhereItCannot) {
  start();
  for (const char* wrong : {"", "localhost:0", "127.0.0.1:x", "127.0.0.1:70000", ":443", "[::1:0"}) {
    const Result<void> listening = acceptor->listen(wrong);
    ASSERT_FALSE(listening) << wrong;
    EXPECT_TRUE(listening.error().is(Fault::invalid)) << listening.error().message();
  }
  const Result<void> taken = acceptor->listen(acceptor->addresses().front());
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message().find("Address already in use"), std::string::npos)
      << taken.error().message();
  EXPECT_EQ(acceptor->addresses().size(), 1u);
}

TEST_F(Accepting, ServesAHundredAtOnceFullAndByPsk) {
  start();
  const identity::Psk psk = site.psk.offer(kAgent, agent.chain.front().serial());
  constexpr std::size_t kClients = 100;  // of one source: most of them wait for their turn
  std::vector<std::optional<StreamResult>> results(kClients);
  TaskGroup clients(io.get_executor());
  for (std::size_t i = 0; i < kClients; ++i) {
    TlsConnectOptions options;
    if (i % 2 == 0) options.psk = psk;
    clients.spawn("client", keep(TlsStream::connect(connected(), client, std::move(options)), results[i]));
  }
  ASSERT_TRUE(finish(io, clients));
  run_until([&] { return streams.size() == kClients; });
  for (const auto& result : results) EXPECT_TRUE(*result) << result->error().message();
  EXPECT_EQ(acceptor->counters().failed, 0u);
  EXPECT_EQ(acceptor->counters().source_limited, 0u);
  EXPECT_EQ(acceptor->handshakes(), 0u);
}

TEST_F(Accepting, TimesOutWhoSaysNothing) {
  settings.handshake_time = 30ms;
  start();
  const tcp::socket silent = connected();
  run_until([&] { return acceptor->counters().timed_out == 1; });
  EXPECT_EQ(acceptor->handshakes(), 0u);
}

TEST_F(Accepting, MakesPlaceForOthersWhenAllPlacesAreHeldBySilence) {
  settings.handshakes_at_once = 4;
  settings.patience = 10ms;
  start();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(connected());
  run_until([&] { return acceptor->handshakes() == 4; });
  const StreamResult stream = shake(connected());
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_GE(acceptor->counters().evicted, 1u);
}

TEST_F(Accepting, NobodyIsEvictedBeforePatienceEnds) {
  settings.handshakes_at_once = 2;
  settings.patience = 1h;
  settings.handshake_time = 100ms;
  start();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 2; ++i) silent.push_back(connected());
  run_until([&] { return acceptor->handshakes() == 2; });
  // Waits in the kernel's queue until the silent ones time out.
  const StreamResult stream = shake(connected());
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_EQ(acceptor->counters().evicted, 0u);
  EXPECT_GE(acceptor->counters().timed_out, 1u);
}

TEST_F(Accepting, ASourceThatOnlyFailsIsShutOutAndOthersAreNot) {
  settings.handshake_time = 100ms;
  start({"127.0.0.1:0", "[::1]:0"});
  for (std::size_t i = 0; i < limits::kUnfinishedPerSource; ++i) {
    tcp::socket rubbish = connected();
    asio::write(rubbish, asio::buffer("GET / HTTP/1.1\r\n\r\n", 18));
    rubbish.close();
    run_until([&] { return acceptor->counters().failed == i + 1; });
  }
  EXPECT_FALSE(shake(connected()));
  EXPECT_EQ(acceptor->counters().source_limited, 1u);
  EXPECT_TRUE(shake(connected(1)));
}

TEST_F(Accepting, SurvivesHavingNoDescriptorsLeft) {
  start();
  tcp::socket refused(io, tcp::v4());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<int> taken;
  for (int one = ::open("/dev/null", O_RDONLY); one >= 0; one = ::open("/dev/null", O_RDONLY))
    taken.push_back(one);
  refused.connect(endpoint());
  run_until([&] { return acceptor->counters().out_of_descriptors > 0; });
  char byte = 0;
  boost::system::error_code failed;
  refused.read_some(asio::buffer(&byte, 1), failed);
  EXPECT_TRUE(failed);  // told at once, instead of waiting for ever
  for (const int one : taken) ::close(one);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const StreamResult stream = shake(connected());
  EXPECT_TRUE(stream) << stream.error().message();
}

TEST_F(Accepting, NewHandshakesUseTheNewCertificate) {
  start();
  const StreamResult old = shake(connected());
  ASSERT_TRUE(old);
  acceptor->set_context(site.server());
  const StreamResult fresh = shake(connected());
  ASSERT_TRUE(fresh);
  EXPECT_NE((*old)->peer()->serial, (*fresh)->peer()->serial);
}

TEST_F(Accepting, EndsWhatIsUnderWayWhenItIsStopped) {
  start();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(connected());
  run_until([&] { return acceptor->handshakes() + acceptor->parked() == 40; });
  EXPECT_EQ(acceptor->handshakes(), limits::kUnfinishedPerSource);
  cancel(io, running);
  EXPECT_TRUE(finish(io, running));
  EXPECT_EQ(acceptor->handshakes(), 0u);
}

}  // namespace
}  // namespace jump::tunnel::test
