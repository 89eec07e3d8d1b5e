// The dialler against proxies that others wrote. Skipped, and said so, where they are not installed.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <spawn.h>
#include <sys/wait.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/tunnel/acceptor.h"
#include "common/tunnel/dialler.h"
#include "common/tunnel/endpoint_text.h"
#include "common/tunnel/tunnel_test_support.h"
#include "tests/support/temp_folder.h"

namespace jump::tunnel::test {
namespace {

std::string installed(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/"}) {
    if (std::filesystem::exists(folder + name)) return folder + name;
  }
  return {};
}

// A program that runs until this goes.
class Program {
 public:
  explicit Program(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    EXPECT_EQ(::posix_spawn(&pid_, argv[0], &quiet, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

struct RealProxy : testing::Test {
  asio::io_context io{1};
  jump::test::TempFolder folder;
  Site site;
  Credentials agent = site.issue(kAgent);
  std::vector<std::unique_ptr<TlsStream>> streams;
  Acceptor acceptor{io.get_executor(), site.server(),
                    [this](std::unique_ptr<TlsStream> stream) { streams.push_back(std::move(stream)); }};
  TaskGroup running{io.get_executor()};
  std::string port;  // of the proxy

  void SetUp() override {
    ASSERT_TRUE(acceptor.listen("127.0.0.1:0"));
    running.spawn("acceptor", acceptor.run());
    tcp::acceptor free(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    port = std::to_string(free.local_endpoint().port());
  }
  void TearDown() override {
    streams.clear();
    cancel(io, running);
    finish(io, running);
  }
  std::uint16_t appliance_port() { return parse_address(acceptor.addresses().front())->port; }
  void wait_for_port() {
    const auto until = std::chrono::steady_clock::now() + 10s;
    boost::system::error_code failed = asio::error::connection_refused;
    while (failed && std::chrono::steady_clock::now() < until) {
      tcp::socket socket(io);
      socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(port))}, failed);
    }
    ASSERT_FALSE(failed) << "the proxy does not start";
  }
  Result<Dialled> dial(Dialler& dialler, RouteKind kind, std::string user, std::string password) {
    DialRequest request;
    request.targets = {{"localhost", appliance_port()}};
    Route route;
    route.kind = kind;
    route.proxies = {"127.0.0.1:" + port};
    route.user = std::move(user);
    route.password = Secret(password);
    request.routes = {route};
    request.client = site.client(agent);
    return run(io, dialler.dial(std::move(request)));
  }
  void carry(Dialled& dialled) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (streams.empty() && std::chrono::steady_clock::now() < until) io.run_one_for(10ms);
    ASSERT_FALSE(streams.empty());
    const Bytes bytes = pattern(200'000);
    ASSERT_TRUE(run(io, write_bytes(*streams.back(), bytes)));
    const Result<Bytes> got = receive(io, *dialled.stream, 200'000);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_TRUE(std::equal(got->begin(), got->end(), bytes.begin()));
  }
};

TEST_F(RealProxy, Tinyproxy) {
  const std::string program = installed("tinyproxy");
  if (program.empty()) GTEST_SKIP() << "SKIPPED: tinyproxy is not installed";
  const std::string file = folder / "tinyproxy.conf";
  std::ofstream(file) << "Port " << port
                      << "\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nLogLevel Error\n"
                      << "BasicAuth me secret\nConnectPort " << appliance_port() << "\n";
  const Program proxy({program, "-d", "-c", file});
  wait_for_port();
  Dialler dialler(io.get_executor(), make_random());
  Result<Dialled> dialled = dial(dialler, RouteKind::http_proxy, "me", "secret");
  ASSERT_TRUE(dialled) << dialled.error().message();
  carry(*dialled);
  dialled = dial(dialler, RouteKind::http_proxy, "me", "wrong");
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Fault::refused));
  EXPECT_NE(dialled.error().message().find(": 401 "), std::string::npos) << dialled.error().message();
}

TEST_F(RealProxy, Microsocks) {
  const std::string program = installed("microsocks");
  if (program.empty()) GTEST_SKIP() << "SKIPPED: microsocks is not installed";
  const Program proxy({program, "-i", "127.0.0.1", "-p", port, "-u", "me", "-P", "secret"});
  wait_for_port();
  Dialler dialler(io.get_executor(), make_random());
  Result<Dialled> dialled = dial(dialler, RouteKind::socks5, "me", "secret");
  ASSERT_TRUE(dialled) << dialled.error().message();
  carry(*dialled);
  dialled = dial(dialler, RouteKind::socks5, "me", "wrong");
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Fault::refused)) << dialled.error().message();
  dialled = dial(dialler, RouteKind::socks5, "", "");
  ASSERT_FALSE(dialled);
  EXPECT_NE(dialled.error().message().find("wants a user and a password"), std::string::npos)
      << dialled.error().message();
}

}  // namespace
}  // namespace jump::tunnel::test
