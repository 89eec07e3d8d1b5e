#include "tools/console/terminal/screen.h"

namespace jump::console {
namespace {

constexpr auto kReportTime = std::chrono::milliseconds(500);  // for the terminal to say where its cursor is

// One writer at a time; also let go when the writer is cancelled.
struct Turn {
  bool& busy;
  Event& free;
  ~Turn() {
    busy = false;
    free.set();
  }
};

}  // namespace

Screen::Screen(asio::any_io_executor executor, StandardPipe& output, bool quiet)
    : output_(output), quiet_(quiet), free_(executor) {}

Task<Result<void>> Screen::locked_write(std::string_view bytes) {
  co_return co_await output_.write(as_bytes(bytes));
}

Task<Result<void>> Screen::program(ByteView bytes) {
  while (busy_) co_await free_.wait();
  busy_ = true;
  const Turn turn{busy_, free_};
  if (line_.shown()) {
    const std::string hiding = line_.hide();
    const Result<void> hidden = co_await locked_write(hiding);
    if (!hidden) co_return hidden;
  }
  if (replaying_) {
    const std::string shown = queries_.feed(as_text(bytes));
    tracker_.feed(shown);
    co_return co_await locked_write(shown);
  }
  tracker_.feed(as_text(bytes));
  co_return co_await output_.write(bytes);
}

Task<> Screen::replay_over() {
  while (busy_) co_await free_.wait();
  busy_ = true;
  const Turn turn{busy_, free_};
  replaying_ = false;
  const std::string shown = queries_.rest();
  static_cast<void>(co_await locked_write(shown));
}

Task<Result<void>> Screen::own(std::string text) {
  while (busy_) co_await free_.wait();
  busy_ = true;
  const Turn turn{busy_, free_};
  co_return co_await locked_write(text);
}

Task<> Screen::leave() {
  std::string text = terminal_reset(tracker_.alternate()) + "\r\n";
  static_cast<void>(co_await own(std::move(text)));
}

Task<> Screen::lost(std::string text) {
  if (!quiet_) co_return;
  while (busy_) co_await free_.wait();
  busy_ = true;
  const Turn turn{busy_, free_};
  const std::optional<TerminalSize> size = terminal_size();
  if (!size) co_return;
  std::string out;
  if (!line_.shown() && !tracker_.alternate() && !asking_) {
    asking_ = true;
    asked_ = BootClock::now();
    cursor_row_.reset();
    report_.expect();
    out = "\x1b[6n";
  } else if (line_.shown() || tracker_.alternate() || cursor_row_ ||
             BootClock::now() - asked_ >= kReportTime) {
    asking_ = false;
    out = line_.show(text, *size, tracker_.alternate(), cursor_row_);
  }
  if (!out.empty()) static_cast<void>(co_await locked_write(out));
}

Task<bool> Screen::back() {
  while (busy_) co_await free_.wait();
  busy_ = true;
  const Turn turn{busy_, free_};
  asking_ = false;
  const std::string hiding = line_.hide();
  if (!hiding.empty()) static_cast<void>(co_await locked_write(hiding));
  co_return line_.redraw_due();
}

std::string Screen::typed(std::string_view bytes) {
  return report_.feed(bytes, cursor_row_);
}

std::string Screen::held() {
  if (!report_.expecting() || BootClock::now() - asked_ < kReportTime) return {};
  return report_.give_up();
}

}  // namespace jump::console
