#include "agent/sysinfo/sysinfo.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "common/session/codec.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"

namespace jump::agent {
namespace {

Task<std::string> ask(session::Session& session, std::string purpose) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream();
  CHECK(stream.has_value());
  session::StreamOpen open;
  open.stream = (*stream)->number();
  open.purpose = purpose;
  session.send(session::encode(open));
  (*stream)->end();
  std::string text;
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = co_await (*stream)->read(piece);
    if (!got) co_return got.error().message();
    if (*got == 0) co_return text;
    text += as_text(ByteView(piece.data(), *got));
    (*stream)->taken(*got);
  }
}

Task<> keep_result(Task<Result<void>> work, std::optional<Result<void>>& to) {
  to = co_await std::move(work);
}

TEST(Sysinfo, ReportsOnThisMachine) {
  asio::io_context io(1);
  test::MemorySessionPair pair(io.get_executor());
  TaskGroup endpoint(io.get_executor());
  std::optional<Result<void>> result;
  endpoint.spawn("sysinfo", keep_result(run_sysinfo(pair.endpoint()), result));

  const std::string text = test::run_task(io, ask(pair.console(), "report"));
  const Result<session::SystemReport> report =
      from_json_text<session::SystemReport>(text, session::kSystemReportMost);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->system.hostname.empty());
  EXPECT_GT(report->processor.count, 0u);
  EXPECT_TRUE(report->memory);
  EXPECT_FALSE(report->interfaces.empty());
  bool found = false;
  for (const session::ReportProcess& process : report->processes) found = found || process.pid == ::getpid();
  EXPECT_TRUE(found);
  EXPECT_TRUE(!report->services.empty() || report->services_missing);

  EXPECT_EQ(test::run_task(io, ask(pair.console(), "tty")), "system information has no stream 'tty'");
  pair.console().send(session::encode(session::Hangup()));
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(*result);
}

}  // namespace
}  // namespace jump::agent
