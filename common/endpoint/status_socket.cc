#include "common/endpoint/status_socket.h"

#include <array>

#include <boost/asio/io_context.hpp>

#include "common/base/with_timeout.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kDocumentBytes = 1024 * 1024;
constexpr auto kPatience = std::chrono::seconds(3);

Task<Result<void>> write_all(platform::LocalStream& stream, std::string text) {
  const ByteView all = as_bytes(text);
  const Result<void> written = stream.write_now({&all, 1});
  if (!written) co_return written.error();
  co_return co_await stream.shutdown();
}

Task<Result<std::string>> read_all(platform::LocalStream& stream) {
  std::string text;
  std::array<std::uint8_t, 4096> piece;
  while (text.size() < kDocumentBytes) {
    const Result<std::size_t> got = stream.read_now(piece);
    if (!got && got.error().is(Fault::closed)) co_return text;
    if (!got) co_return got.error();
    text += as_text(ByteView(piece.data(), *got));
    if (*got > 0) continue;
    const Result<void> ready = co_await stream.readable();
    if (!ready && !ready.error().is(Fault::closed)) co_return ready.error();
  }
  co_return Error(Fault::too_large, "the status does not end");
}

Task<> ask(asio::any_io_executor executor, const std::string& path, Result<std::string>& answer) {
  Result<platform::Handle> end = platform::connect_local(path);
  if (!end) {
    answer = end.error();
    co_return;
  }
  platform::LocalStream stream(executor, std::move(*end));
  Task<Result<std::string>> reading = read_all(stream);
  answer = co_await with_timeout(kPatience, "the answer of the service on " + path, std::move(reading));
}

}  // namespace

StatusSocket::StatusSocket(asio::any_io_executor executor, platform::LocalListener listener,
                           std::function<std::string()> describe)
    : executor_(executor), listener_(std::move(listener)), describe_(std::move(describe)) {}

Result<std::unique_ptr<StatusSocket>> StatusSocket::open(asio::any_io_executor executor,
                                                         const std::string& path,
                                                         std::function<std::string()> describe) {
  Result<platform::LocalListener> listener = platform::LocalListener::bind(executor, path, 0600);
  if (!listener) return listener.error();
  return std::unique_ptr<StatusSocket>(new StatusSocket(executor, std::move(*listener), std::move(describe)));
}

Task<> StatusSocket::run() {
  while (true) {
    Result<platform::Handle> end = co_await listener_.accept();
    if (!end && end.error().code == asio::error::operation_aborted) co_return;
    if (!end) {
      co_await sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    platform::LocalStream stream(executor_, std::move(*end));
    // One at a time: a reader that does not read holds up others for a second, and nobody else.
    Task<Result<void>> writing = write_all(stream, describe_());
    (void)co_await with_timeout(std::chrono::seconds(1), "status", std::move(writing));
  }
}

Result<std::string> read_status(const std::string& path) {
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  Result<std::string> answer = Error(Fault::internal, "not asked");
  tasks.spawn("status", ask(io.get_executor(), path, answer));
  io.run();
  return answer;
}

}  // namespace jump::endpoint
