#include "tools/console/session/console_tunnel.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/session/codec.h"
#include "tools/console/session/fake_appliance.h"
#include "tools/console/session/opened_session.h"

namespace jump::console {
namespace {

using namespace std::chrono_literals;

struct ConsoleTunnels : testing::Test {
  asio::io_context io{1};
  test::FakeAppliance appliance{io};
  ConsoleTunnel tunnel{io.get_executor(), appliance.dial(), Secret(std::string_view("jct_token")),
                       "jump test", Backoff(1ms)};
  TaskGroup group{io.get_executor()};

  // Runs the scenario with the tunnel beside it; everything has ended afterwards.
  void run(Task<> scenario) {
    group.spawn("tunnel", tunnel.run());
    jump::test::run_task(io, whole(std::move(scenario)));
  }
  Task<> whole(Task<> scenario) {
    co_await std::move(scenario);
    co_await group.stop();
    co_await appliance.stop();
  }
  Task<OpenedSessionPtr> opened() {
    EXPECT_TRUE(co_await tunnel.up());
    json::value arguments = json::object();
    Result<OpenedSessionPtr> session =
        co_await open_session(tunnel, 17, control::SessionKind::shell, std::move(arguments));
    EXPECT_TRUE(session) << session.error().message();
    co_return std::move(*session);
  }
  Task<> live(endpoint::SessionIo& session) {
    while (session.end().state() != mux::SessionEnd::State::live) {
      co_await session.state_changed().wait_for(100ms);
    }
  }
};

Task<std::string> read_text(session::Stream& stream, std::size_t size) {
  std::string text;
  Bytes buffer(4096);
  while (text.size() < size) {
    const Result<std::size_t> got = co_await stream.read(buffer);
    if (!got || *got == 0) break;
    text += as_text(ByteView(buffer).first(*got));
    stream.taken(*got);
  }
  co_return text;
}

TEST_F(ConsoleTunnels, SaysHelloAsAConsoleWithItsToken) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> { EXPECT_TRUE(co_await t.tunnel.up()); };
  run(scenario(*this));
  ASSERT_EQ(appliance.hellos.size(), 1u);
  EXPECT_EQ(appliance.hellos[0].role, control::Role::console);
  EXPECT_EQ(appliance.hellos[0].token->reveal_text(), "jct_token");
  EXPECT_FALSE(appliance.hellos[0].boot_id.empty());
}

TEST_F(ConsoleTunnels, TheFirstFailureToDialIsTheEnd) {
  appliance.reachable = false;
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const Result<void> up = co_await t.tunnel.up();
    EXPECT_FALSE(up);
    EXPECT_NE(up.error().message().find("connection refused"), std::string::npos);
  };
  run(scenario(*this));
  EXPECT_EQ(appliance.dials, 1);
}

TEST_F(ConsoleTunnels, ARefusalIsTheEndAndIsSaid) {
  appliance.refuses = mux::GoAwayBody{mux::GoAway::unauthenticated, 0, "the token has expired"};
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const Result<void> up = co_await t.tunnel.up();
    EXPECT_FALSE(up);
    EXPECT_EQ(up.error().message(), "the token has expired");
  };
  run(scenario(*this));
  EXPECT_EQ(appliance.dials, 1);
}

TEST_F(ConsoleTunnels, ARefusalLaterEndsWhatIsAskedAndTheSessions) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    co_await t.live(session->io());
    t.appliance.refuses = mux::GoAwayBody{mux::GoAway::disabled, 0, "the user was disabled"};
    t.appliance.cut();
    while (!session->over()) co_await session->io().state_changed().wait_for(100ms);
    EXPECT_EQ(session->over()->message(), "the user was disabled");
    json::value arguments = json::object();
    const Result<OpenedSessionPtr> another =
        co_await open_session(t.tunnel, 17, control::SessionKind::shell, std::move(arguments));
    EXPECT_FALSE(another);
  };
  run(scenario(*this));
}

TEST_F(ConsoleTunnels, BytesGoOnWhereTheyStoppedOverManyCuts) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    Result<std::unique_ptr<session::Stream>> near_end = session->open_stream("tty");
    EXPECT_TRUE(near_end);
    const Result<session::Message> said =
        co_await session::receive_message(t.appliance.endpoint(), session::End::console);
    EXPECT_TRUE(said);
    EXPECT_EQ(std::get<session::StreamOpen>(*said).stream, 2u);
    EXPECT_EQ(std::get<session::StreamOpen>(*said).purpose, "tty");
    Result<std::unique_ptr<session::Stream>> far_end = t.appliance.endpoint().adopt_stream(2);
    EXPECT_TRUE(far_end);
    std::string typed;
    std::string printed;
    for (int round = 0; round < 20; ++round) {
      const std::string line = "line " + std::to_string(round) + "\n";
      EXPECT_TRUE(co_await (*near_end)->write(as_bytes(line)));
      EXPECT_TRUE(co_await (*far_end)->write(as_bytes(line)));
      // Cut with both on their way; what is typed meanwhile arrives too.
      t.appliance.cut();
      EXPECT_TRUE(co_await (*near_end)->write(as_bytes(line)));
      typed += co_await read_text(**far_end, line.size() * 2);
      printed += co_await read_text(**near_end, line.size());
    }
    std::string expected;
    std::string once;
    for (int round = 0; round < 20; ++round) {
      const std::string line = "line " + std::to_string(round) + "\n";
      expected += line + line;
      once += line;
    }
    EXPECT_EQ(typed, expected);
    EXPECT_EQ(printed, once);
    near_end->reset();
    far_end->reset();
  };
  run(scenario(*this));
  EXPECT_GT(appliance.hellos.size(), 2u);
  // Slots count from one on each tunnel.
  for (const std::uint32_t slot : appliance.slots) EXPECT_EQ(slot, 1u);
}

TEST_F(ConsoleTunnels, AsksAgainUntilItIsAnswered) {
  appliance.answers = false;
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    EXPECT_TRUE(co_await t.tunnel.up());
    TaskGroup beside(t.io.get_executor());
    const auto help = [](ConsoleTunnels& u) -> Task<> {
      while (u.appliance.opens.empty()) co_await asio::post(u.io, asio::use_awaitable);
      u.appliance.answers = true;
      u.appliance.cut();
    };
    beside.spawn("help", help(t));
    const OpenedSessionPtr session = co_await t.opened();
    EXPECT_EQ(session->endpoint(), "web-01");
    co_await beside.stop();
  };
  run(scenario(*this));
  ASSERT_EQ(appliance.opens.size(), 2u);
  // The same session with the same secret: the second question changes nothing.
  EXPECT_EQ(appliance.opens[0].session, appliance.opens[1].session);
  EXPECT_EQ(appliance.opens[0].console_secret_hash, appliance.opens[1].console_secret_hash);
}

TEST_F(ConsoleTunnels, TellsHowTheProgramEndedAndLeaves) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    TaskGroup beside(t.io.get_executor());
    beside.spawn("listener", session->listen());
    session::Exit exit;
    exit.signal = "KILL";
    t.appliance.endpoint().send(session::encode(exit));
    while (!session->exit()) co_await session->heard().wait_for(100ms);
    EXPECT_EQ(status_of(*session->exit()), 137);
    co_await session->finish();
    EXPECT_EQ(session->io().end().state(), mux::SessionEnd::State::over);
    co_await beside.stop();
  };
  run(scenario(*this));
  ASSERT_EQ(appliance.leaves.size(), 1u);
  EXPECT_EQ(appliance.leaves[0].reason, mux::Reason::finished);
}

TEST_F(ConsoleTunnels, HangingUpAsksTheProgramFirst) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    const OpenedSessionPtr session = co_await t.opened();
    co_await t.live(session->io());
    TaskGroup beside(t.io.get_executor());
    beside.spawn("listener", session->listen());
    const auto program = [](ConsoleTunnels& u) -> Task<> {
      const Result<session::Message> said =
          co_await session::receive_message(u.appliance.endpoint(), session::End::console);
      EXPECT_TRUE(said && std::holds_alternative<session::Hangup>(*said));
      session::Exit exit;
      exit.signal = "HUP";
      u.appliance.endpoint().send(session::encode(exit));
    };
    beside.spawn("program", program(t));
    co_await session->hang_up();
    EXPECT_TRUE(session->exit());
    co_await beside.stop();
  };
  run(scenario(*this));
  ASSERT_EQ(appliance.leaves.size(), 1u);
  EXPECT_EQ(appliance.leaves[0].reason, mux::Reason::ended_by_owner);
}

TEST_F(ConsoleTunnels, AnotherConsoleTakesTheTerminalOver) {
  const auto scenario = [](ConsoleTunnels& t) -> Task<> {
    OpenedSessionPtr first = co_await t.opened();
    Result<std::unique_ptr<session::Stream>> near_end = first->open_stream("tty");
    const Result<session::Message> said =
        co_await session::receive_message(t.appliance.endpoint(), session::End::console);
    EXPECT_TRUE(said);
    Result<std::unique_ptr<session::Stream>> far_end = t.appliance.endpoint().adopt_stream(2);
    EXPECT_TRUE(co_await (*far_end)->write(as_bytes("prompt> ")));
    EXPECT_EQ(co_await read_text(**near_end, 8), "prompt> ");

    Result<OpenedSessionPtr> attached = co_await attach_session(t.tunnel, first->id());
    const OpenedSessionPtr second = std::move(*attached);
    while (second->io().end().state() != mux::SessionEnd::State::live || !second->io().end().live_stream(0)) {
      co_await second->io().state_changed().wait_for(100ms);
    }
    Result<std::unique_ptr<session::Stream>> again = second->io().learnt_stream(2);
    EXPECT_TRUE(again);
    // What the first one saw last is shown again, and typing arrives.
    EXPECT_EQ(co_await read_text(**again, 8), "prompt> ");
    EXPECT_TRUE(co_await (*again)->write(as_bytes("ls\n")));
    EXPECT_EQ(co_await read_text(**far_end, 3), "ls\n");
    while (!first->over()) co_await first->io().state_changed().wait_for(100ms);
    EXPECT_EQ(first->over()->message(), "taken over by user:anna");
    near_end->reset();
    again->reset();
    far_end->reset();
  };
  run(scenario(*this));
}

}  // namespace
}  // namespace jump::console
