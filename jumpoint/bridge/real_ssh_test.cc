// The SSH bridge against real servers on loopback: OpenSSH, dropbear, and ones that misbehave.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/endpoint/dial_tcp.h"
#include "common/files/client.h"
#include "common/session/codec.h"
#include "jumpoint/bridge/lock_up.h"
#include "jumpoint/bridge/ssh_bridge.h"
#include "jumpoint/bridge/ssh_host_key.h"
#include "platform/process.h"
#include "platform/users.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::bridge {
namespace {

using test::run_task;
using tcp = asio::ip::tcp;

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  ::chmod(path.c_str(), 0600);
}

Task<bool> run_program(std::vector<std::string> argv) {
  platform::ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  const Result<platform::Captured> done =
      co_await platform::run_and_capture(std::move(spec), 65536, std::chrono::seconds(20));
  co_return done && done->exit.status == 0;
}

// Keys that all tests share; making them takes longer than a test.
struct Keys {
  test::TempFolder folder;
  bool there = false;
  Keys() {
    // sshd wants every folder above a key closed to others.
    asio::io_context io(1);
    there = true;
    const auto make = [&](const std::vector<std::string>& words) {
      std::vector<std::string> argv{"ssh-keygen", "-q", "-N", ""};
      argv.insert(argv.end(), words.begin(), words.end());
      there = there && run_task(io, run_program(std::move(argv)));
    };
    for (const char* name : {"host", "other_host", "user", "ca"})
      make({"-t", "ed25519", "-f", folder / name});
    make({"-t", "rsa", "-b", "2048", "-f", folder / "rsa"});
    make({"-t", "rsa", "-b", "2048", "-f", folder / "host_rsa"});
    there = there && run_task(io, run_program({"ssh-keygen", "-q", "-s", folder / "ca", "-I", "test", "-n",
                                               "root", folder / "user.pub"}));
    write_text(folder / "authorized", read_text(folder / "user.pub") + read_text(folder / "rsa.pub"));
  }
  std::string text(const std::string& name) { return read_text(folder / name); }
};
Keys& keys() {
  static Keys made;
  return made;
}

// A user of this machine with a password, for one test.
class TestUser {
 public:
  explicit TestUser(asio::io_context& io)
      : io_(io), name_("jumptest" + std::to_string(::getpid() % 100'000)) {
    made_ = run_task(io_, run_program({"useradd", "-M", "-s", "/bin/sh", "-d", "/", name_}));
    const std::string set = "echo '" + name_ + ":open sesame' | chpasswd";
    made_ = made_ && run_task(io_, run_program({"sh", "-c", set}));
  }
  // Whatever of it still runs.
  ~TestUser() { static_cast<void>(run_task(io_, run_program({"userdel", "-f", name_}))); }
  bool made() const { return made_; }
  const std::string& name() const { return name_; }

 private:
  asio::io_context& io_;
  std::string name_;
  bool made_ = false;
};

std::uint16_t free_port() {
  asio::io_context io(1);
  const tcp::acceptor probe(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  return probe.local_endpoint().port();
}

struct RealSsh : testing::Test {
  asio::io_context io{1};
  test::TempFolder folder;
  test::MemorySessionPair pair{io.get_executor()};
  TaskGroup endpoint{io.get_executor()};
  std::optional<Result<void>> result;
  std::optional<platform::PipedProcess> server;
  std::vector<session::Prompt> prompts;
  std::vector<session::Remark> remarks;
  std::vector<std::vector<std::string>> answers;  // to the prompts with fields, in order
  bool confirm_host_key = true;
  bool locked = false;
  Duration handshake_limit = std::chrono::seconds(10);
  session::Target target;
  std::map<std::string, std::unique_ptr<session::Stream>> streams;

  RealSsh() {
    target.host = "127.0.0.1";
    target.username = "root";
    target.credential.emplace();
    target.credential->private_key = Secret(keys().text("user"));
  }
  ~RealSsh() override {
    streams.clear();
    pair.close("the test is over");
    test::run_to_end(io, endpoint);
    if (server) server->process.kill();
  }
  void SetUp() override {
    if (::geteuid() != 0 || !keys().there || !std::filesystem::exists("/usr/sbin/sshd"))
      GTEST_SKIP() << "needs root, sshd and ssh-keygen";
  }

  void start_sshd(const std::vector<std::string>& more = {}, const std::string& host_key = "host") {
    std::filesystem::create_directories("/run/sshd");
    target.port = free_port();
    std::string config = "ListenAddress 127.0.0.1\nPort " + std::to_string(target.port) + "\nHostKey " +
                         (keys().folder / host_key) + "\nPidFile none\nStrictModes no\nAuthorizedKeysFile " +
                         (keys().folder / "authorized") +
                         "\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
                         "PermitRootLogin yes\nSubsystem sftp internal-sftp\n";
    for (const std::string& line : more) config = line + "\n" + config;
    write_text(folder / "config", config);
    start({"/usr/sbin/sshd", "-D", "-e", "-f", folder / "config"}, "listening");
  }

  void start(std::vector<std::string> argv, const std::string& ready) {
    platform::ProcessSpec spec;
    spec.argv = std::move(argv);
    spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    Result<platform::PipedProcess> started = platform::start_with_pipes(io.get_executor(), std::move(spec));
    ASSERT_TRUE(started) << started.error().message();
    server.emplace(std::move(*started));
    run_task(io, wait_for(server->error_output, ready));
  }
  static Task<> wait_for(platform::Pipe& pipe, std::string words) {
    std::string text;
    std::array<std::uint8_t, 1024> piece;
    while (text.find(words) == std::string::npos) {
      const Result<std::size_t> got = co_await pipe.read(piece);
      if (!got || *got == 0) break;
      text += as_text(ByteView(piece.data(), *got));
    }
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }

  void begin(control::SessionKind kind, json::value arguments) {
    endpoint.spawn("bridge", run_bridge(kind, std::move(arguments)));
  }
  Task<> run_bridge(control::SessionKind kind, json::value arguments) {
    const tcp::endpoint to(asio::ip::address_v4::loopback(), target.port);
    Result<tcp::socket> socket = co_await endpoint::connect_tcp(to);
    EXPECT_TRUE(socket) << socket.error().message();
    SshOptions options = ssh_options(target);
    options.handshake_limit = handshake_limit;
    Result<std::unique_ptr<SshConnection>> connection =
        SshConnection::create(io.get_executor(), std::move(*socket), options);
    EXPECT_TRUE(connection) << connection.error().message();
    if (locked) {
      const Result<void> done = lock_up(Walls::target_only, 0);
      EXPECT_TRUE(done) << done.error().message();
      EXPECT_EQ(::open("/etc/passwd", O_RDONLY), -1);
      EXPECT_EQ(::socket(AF_INET, SOCK_STREAM, 0), -1);
      EXPECT_EQ(::fork(), -1);
      EXPECT_EQ(::connect(0, nullptr, 0), -1);
      EXPECT_EQ(errno, EPERM);
    }
    result = co_await run_ssh(pair.endpoint(), std::move(*connection), target, kind, std::move(arguments));
  }

  void open(const std::string& purpose) {
    Result<std::unique_ptr<session::Stream>> opened = pair.console().open_stream();
    CHECK(opened.has_value());
    session::StreamOpen message;
    message.stream = (*opened)->number();
    message.purpose = purpose;
    send(message);
    streams[purpose] = std::move(*opened);
  }
  void send(const session::Message& message) { pair.console().send(session::encode(message)); }

  // What the endpoint says, prompts answered on the way, up to its exit or failure.
  Task<session::Message> conversation() {
    while (true) {
      Result<session::Message> got =
          co_await session::receive_message(pair.console(), session::End::endpoint);
      if (!got) {
        session::Fail lost;
        lost.text = "LOST: " + got.error().message();
        co_return lost;
      }
      if (auto* prompt = std::get_if<session::Prompt>(&*got)) {
        session::PromptAnswer answer;
        answer.id = prompt->id;
        if (prompt->kind == session::PromptKind::host_key) {
          answer.cancelled = !confirm_host_key;
        } else if (answers.empty()) {
          answer.cancelled = true;
        } else {
          for (const std::string& text : answers.front()) answer.answers.emplace_back(text);
          answers.erase(answers.begin());
        }
        prompts.push_back(std::move(*prompt));
        send(answer);
      } else if (auto* remark = std::get_if<session::Remark>(&*got)) {
        remarks.push_back(std::move(*remark));
      } else {
        co_return *got;
      }
    }
  }

  static Task<std::string> read_all(session::Stream& stream) {
    std::string text;
    std::array<std::uint8_t, 65536> piece;
    while (true) {
      const Result<std::size_t> got = co_await stream.read(piece);
      if (!got || *got == 0) co_return text;
      stream.taken(*got);
      text += as_text(ByteView(piece.data(), *got));
    }
  }

  struct Outcome {
    std::string output, errors, failure;
    session::Exit exit;
  };
  Task<Outcome> exec(std::vector<std::string> argv, std::string input = {}) {
    session::ExecStart start;
    start.argv = std::move(argv);
    begin(control::SessionKind::exec, to_json(start));
    open("stdio");
    open("stderr");
    Outcome outcome;
    if (!input.empty()) {
      const Result<void> written = co_await streams["stdio"]->write(as_bytes(input));
      EXPECT_TRUE(written);
    }
    streams["stdio"]->end();
    streams["stderr"]->end();
    const session::Message last = co_await conversation();
    if (const auto* fail = std::get_if<session::Fail>(&last)) outcome.failure = fail->text;
    if (const auto* exit = std::get_if<session::Exit>(&last)) {
      outcome.exit = *exit;
      outcome.output = co_await read_all(*streams["stdio"]);
      outcome.errors = co_await read_all(*streams["stderr"]);
    }
    co_return outcome;
  }
  Outcome run_exec(std::vector<std::string> argv, std::string input = {}) {
    return run_task(io, exec(std::move(argv), std::move(input)));
  }
};

TEST_F(RealSsh, RunsACommandWithItsOwnStreamsAndStatus) {
  start_sshd();
  const Outcome done = run_exec({"sh", "-c", "cat; echo it\\'s err >&2; exit 3"}, "in\xff put");
  EXPECT_EQ(done.failure, "");
  EXPECT_EQ(done.output, "in\xff put");
  EXPECT_EQ(done.errors, "it's err\n");
  EXPECT_EQ(done.exit.status, 3);
  ASSERT_EQ(prompts.size(), 1u) << "the first use of the host key";
  EXPECT_EQ(prompts[0].kind, session::PromptKind::host_key);
  EXPECT_EQ(keys().text("host.pub").rfind(prompts[0].host_key.value_or("?"), 0), 0u);
  EXPECT_TRUE(remarks.empty()) << remarks[0].text;
}

// In a process of its own: there is no way back.
TEST_F(RealSsh, WorksBehindItsWalls) {
  start_sshd();
  EXPECT_EXIT(
      {
        io.notify_fork(asio::execution_context::fork_child);
        locked = true;
        const Outcome done = run_exec({"sh", "-c", "cat; exit 4"}, std::string(200'000, 'z'));
        const bool fine = done.output.size() == 200'000 && done.exit.status == 4 && !HasFailure();
        if (!fine) std::fprintf(stderr, "not so: %s\n", done.failure.c_str());
        ::_exit(fine ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(RealSsh, AsksForNameAndPasswordAndTellsWhenTheyAreWrong) {
  const TestUser user(io);
  if (!user.made()) GTEST_SKIP() << "no user can be made here";
  start_sshd({"UsePAM yes", "PasswordAuthentication yes"});
  target.username.clear();
  target.credential.reset();
  answers = {{user.name()}, {"wrong"}, {"open sesame"}};
  const Outcome typed = run_exec({"id -un"});
  EXPECT_EQ(typed.output, user.name() + "\n") << typed.failure;
  EXPECT_EQ(prompts.size(), 4u) << "host key, name, two passwords";
}

// PAM asks by keyboard-interactive; the stored password answers the one unseen question.
TEST_F(RealSsh, AStoredPasswordAnswersKeyboardInteractive) {
  const TestUser user(io);
  if (!user.made()) GTEST_SKIP() << "no user can be made here";
  start_sshd({"UsePAM yes", "KbdInteractiveAuthentication yes"});
  target.credential.emplace();
  target.credential->username = user.name();
  target.credential->password = Secret(std::string_view("open sesame"));
  const Outcome done = run_exec({"id -un"});
  EXPECT_EQ(done.output, user.name() + "\n") << done.failure;
  EXPECT_EQ(prompts.size(), 1u) << "the host key only";
}

// A server of another make, without strict key exchange.
TEST_F(RealSsh, QuestionsReachThePersonAndAMissingStrictKeyExchangeIsTold) {
  const std::string script = JUMP_SOURCE "/jumpoint/bridge/paramiko_server.py";
  if (!run_task(io, run_program({"python3", "-c", "import paramiko"})))
    GTEST_SKIP() << "python3-paramiko is not installed";
  target.port = free_port();
  target.credential.reset();
  start({"/usr/bin/python3", "-B", script, std::to_string(target.port)}, "listening");
  answers = {{"monday", "1"}, {"sunday", "123456"}};
  const Outcome done = run_exec({"something"});
  EXPECT_EQ(done.output, "ran something\n") << done.failure;
  EXPECT_EQ(done.exit.status, 5);
  ASSERT_EQ(prompts.size(), 3u);
  EXPECT_EQ(prompts[1].title, "Two of two");
  EXPECT_EQ(prompts[1].instruction, "Say both");
  ASSERT_EQ(prompts[1].fields.size(), 2u);
  EXPECT_TRUE(prompts[1].fields[0].echo);
  EXPECT_FALSE(prompts[1].fields[1].echo);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_TRUE(remarks[0].warning);
  EXPECT_NE(remarks[0].text.find("strict key exchange"), std::string::npos);
}

TEST_F(RealSsh, DropbearWorksToo) {
  if (!std::filesystem::exists("/usr/sbin/dropbear")) GTEST_SKIP() << "dropbear is not installed";
  const std::string key = folder / "dropbear_key";
  ASSERT_TRUE(run_task(io, run_program({"dropbearkey", "-t", "ed25519", "-f", key})));
  target.port = free_port();
  start({"/usr/sbin/dropbear", "-F", "-E", "-s", "-r", key, "-p", "127.0.0.1:" + std::to_string(target.port)},
        "Not backgrounding");
  // Its users' keys stand in their home folders, which are left alone here: the answer is enough.
  const Outcome done = run_exec({"true"});
  EXPECT_NE(done.failure.find("root was not let in"), std::string::npos) << done.failure;
  EXPECT_EQ(prompts.size(), 1u);
}

TEST_F(RealSsh, TheCommandFilterRefusesAndReports) {
  start_sshd();
  target.filter.mode = session::FilterMode::enforce;
  target.filter.deny = {"rm .*"};
  const Outcome refused = run_exec({"rm -rf /nowhere"});
  EXPECT_NE(refused.failure.find("not allowed here"), std::string::npos) << refused.failure;
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_TRUE(remarks[0].quiet) << "the failure tells the person, the remark the events";
}

TEST_F(RealSsh, GivesACommandATerminal) {
  start_sshd();
  session::ExecStart start;
  start.argv = {"test -t 0 && test -t 1 && test -t 2 && stty size; exit 4"};
  start.terminal.emplace();
  start.terminal->columns = 100;
  begin(control::SessionKind::exec, to_json(start));
  open("tty");
  const session::Message last = run_task(io, conversation());
  ASSERT_TRUE(std::holds_alternative<session::Exit>(last));
  EXPECT_EQ(std::get<session::Exit>(last).status, 4);
  EXPECT_EQ(run_task(io, read_all(*streams["tty"])), "24 100\r\n");
}

TEST_F(RealSsh, TellsTheSignalThatKilled) {
  start_sshd();
  const Outcome done = run_exec({"kill -TERM $$"});
  EXPECT_EQ(done.exit.signal, "TERM") << done.failure;
}

TEST_F(RealSsh, AnUnconfirmedHostKeyEndsItBeforeAnythingIsSent) {
  start_sshd();
  confirm_host_key = false;
  EXPECT_NE(run_exec({"true"}).failure.find("not confirmed"), std::string::npos);
}

TEST_F(RealSsh, AKeptHostKeyAsksNothingAndAChangedOneIsRefusedWithBothFingerprints) {
  start_sshd();
  target.host_keys = {keys().text("other_host.pub")};
  const Outcome refused = run_exec({"true"});
  const Result<HostKey> shown = parse_host_key(keys().text("host.pub"));
  const Result<HostKey> kept = parse_host_key(keys().text("other_host.pub"));
  ASSERT_TRUE(shown && kept);
  EXPECT_NE(refused.failure.find(shown->fingerprint), std::string::npos) << refused.failure;
  EXPECT_NE(refused.failure.find(kept->fingerprint), std::string::npos) << refused.failure;
  EXPECT_TRUE(prompts.empty());
}

TEST_F(RealSsh, LogsInByRsaKeyAndByCertificate) {
  start_sshd();
  target.host_keys = {keys().text("host.pub")};
  target.credential->private_key = Secret(keys().text("rsa"));
  EXPECT_EQ(run_exec({"true"}).exit.status, 0);
  EXPECT_TRUE(prompts.empty());
}

TEST_F(RealSsh, LogsInByCertificate) {
  start_sshd({"TrustedUserCAKeys " + (keys().folder / "ca.pub"), "AuthorizedKeysFile none"});
  target.credential->certificate = keys().text("user-cert.pub");
  const Outcome done = run_exec({"echo", "in"});
  EXPECT_EQ(done.output, "in\n") << done.failure;
}

TEST_F(RealSsh, AServerThatOffersOnlyOldAlgorithmsNeedsTheFlag) {
  const std::vector<std::string> old{"KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc",
                                     "MACs hmac-sha1", "HostKeyAlgorithms ssh-rsa"};
  start_sshd(old, "host_rsa");
  const Outcome refused = run_exec({"true"});
  EXPECT_NE(refused.failure.find("127.0.0.1"), std::string::npos);
  EXPECT_NE(refused.failure.find("kex"), std::string::npos) << refused.failure;
}

TEST_F(RealSsh, TheFlagLetsOldAlgorithmsIn) {
  const std::vector<std::string> old{"KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc",
                                     "MACs hmac-sha1", "HostKeyAlgorithms ssh-rsa"};
  start_sshd(old, "host_rsa");
  target.legacy_algorithms = true;
  const Outcome done = run_exec({"echo", "old"});
  EXPECT_EQ(done.output, "old\n") << done.failure;
}

TEST_F(RealSsh, AShellHasTheTerminalsTypeAndSizeAndItsExitStatus) {
  start_sshd();
  target.terminal = "VT100";
  target.keep_alive_seconds = 1;
  session::ShellStart start;
  start.columns = 101;
  start.rows = 33;
  begin(control::SessionKind::shell, to_json(start));
  open("tty");
  run_task(io, [](RealSsh& test) -> Task<> {
    session::Stream& tty = *test.streams["tty"];
    const std::string typed = "stty size; echo $TERM; exit 7\r";
    const Result<void> written = co_await tty.write(as_bytes(typed));
    EXPECT_TRUE(written);
    const session::Message last = co_await test.conversation();
    const std::string text = co_await read_all(tty);
    EXPECT_NE(text.find("33 101"), std::string::npos) << text;
    EXPECT_NE(text.find("vt100"), std::string::npos) << text;
    const auto* exit = std::get_if<session::Exit>(&last);
    EXPECT_TRUE(exit != nullptr && exit->status == 7) << session::encode(last);
    tty.end();
  }(*this));
}

TEST_F(RealSsh, FilesGoBothWays) {
  start_sshd();
  const std::string here = folder / "here";
  std::filesystem::create_directories(here + "/sub/empty");
  write_text(here + "/small", "hello\n");
  std::string big(5'000'000, 'x');
  for (std::size_t at = 0; at < big.size(); at += 97) big[at] = static_cast<char>('a' + at % 26);
  write_text(here + "/sub/big", big);
  std::filesystem::create_symlink("../small", here + "/sub/link");
  begin(control::SessionKind::files, json::object{});
  endpoint.spawn("conversation", [](RealSsh& test) -> Task<> {
    const session::Message ignored = co_await test.conversation();
  }(*this));
  run_task(io, [](RealSsh& test, std::string from, std::string base, std::string big_text) -> Task<> {
    files::PutRequest put;
    put.from = from;
    put.to = base + "/there";
    put.recursive = true;
    const Result<files::TransferResult> sent = co_await files::put(test.pair.console(), put, nullptr);
    EXPECT_TRUE(sent) << sent.error().message();
    if (sent) EXPECT_EQ(sent->skipped_count, 0u);
    EXPECT_EQ(read_text(base + "/there/small"), "hello\n");
    EXPECT_EQ(read_text(base + "/there/sub/big"), big_text);
    EXPECT_EQ(std::filesystem::read_symlink(base + "/there/sub/link"), "../small");
    files::GetRequest get;
    get.from = base + "/there";
    get.to = base + "/back";
    get.recursive = true;
    const Result<files::TransferResult> got = co_await files::get(test.pair.console(), get, nullptr);
    EXPECT_TRUE(got) << got.error().message();
    EXPECT_EQ(read_text(base + "/back/sub/big"), big_text);
    const Result<files::TransferResult> again = co_await files::put(test.pair.console(), put, nullptr);
    EXPECT_TRUE(again) << again.error().message();
    const Result<files::Listing> listed = co_await files::list(test.pair.console(), base + "/there");
    EXPECT_TRUE(listed && listed->entries.size() == 3);
    const Result<files::TransferResult> removed =
        co_await files::remove(test.pair.console(), base + "/there", true);
    EXPECT_TRUE(removed) << removed.error().message();
    EXPECT_FALSE(std::filesystem::exists(base + "/there"));
    const Result<files::Entry> missing = co_await files::stat(test.pair.console(), base + "/there");
    EXPECT_FALSE(missing);
    test.send(session::Hangup());
  }(*this, here, folder.path().string(), big));
}

TEST_F(RealSsh, ASilentTargetIsGivenUpInTime) {
  const tcp::acceptor silent(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  target.port = silent.local_endpoint().port();
  handshake_limit = std::chrono::milliseconds(200);
  const Outcome done = run_exec({"true"});
  EXPECT_NE(done.failure.find("no answer within 0.2 s"), std::string::npos) << done.failure;
}

TEST_F(RealSsh, RubbishIsRefusedWithWords) {
  tcp::acceptor listener(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  target.port = listener.local_endpoint().port();
  endpoint.spawn("rubbish", [](tcp::acceptor& on) -> Task<> {
    tcp::socket socket = co_await on.async_accept(asio::use_awaitable);
    const std::string rubbish(100'000, '\x81');
    co_await asio::async_write(socket, asio::buffer(rubbish), asio::use_awaitable);
  }(listener));
  const Outcome done = run_exec({"true"});
  EXPECT_NE(done.failure.find("SSH handshake"), std::string::npos) << done.failure;
}

}  // namespace
}  // namespace jump::bridge
