#include <algorithm>
#include <array>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/base/with_timeout.h"
#include "platform/process.h"

namespace jump::platform {
namespace {

// Past the limit nothing is kept; `complete` tells.
Task<Result<void>> collect(Pipe& from, std::string& to, std::size_t limit, bool& complete) {
  std::array<std::uint8_t, 16384> piece;
  while (true) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got) co_return got.error();
    if (*got == 0) co_return Result<void>();
    const std::size_t room = limit - to.size();
    to += as_text(ByteView(piece.data(), std::min(room, *got)));
    if (*got > room) complete = false;
  }
}

Task<Result<Captured>> capture(PipedProcess& piped, std::size_t limit) {
  using namespace asio::experimental::awaitable_operators;
  Captured captured;
  bool complete = true;
  bool ignored = true;
  const auto [out, err] = co_await (collect(piped.output, captured.output, limit, complete) &&
                                    collect(piped.error_output, captured.error_output, 4096, ignored));
  if (!out) co_return out.error();
  if (!err) co_return err.error();
  if (!complete) {
    co_return Error(Fault::too_large, "its output is longer than " + std::to_string(limit) + " bytes");
  }
  Result<ExitStatus> exit = co_await piped.process.wait();
  if (!exit) co_return exit.error();
  captured.exit = std::move(*exit);
  co_return captured;
}

}  // namespace

Task<Result<Captured>> run_and_capture(ProcessSpec spec, std::size_t limit, std::chrono::nanoseconds time) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Result<PipedProcess> piped = start_with_pipes(executor, spec);
  if (!piped) co_return piped.error();
  piped->input.close();
  Task<Result<Captured>> work = capture(*piped, limit);
  Result<Captured> captured = co_await with_timeout(time, spec.argv.front(), std::move(work));
  if (!captured) piped->process.kill();
  co_return captured;
}

}  // namespace jump::platform
