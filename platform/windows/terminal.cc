#include "platform/terminal.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/secret.h"
#include "platform/handle.h"
#include "platform/windows/blocking.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr std::size_t kAnswerBytes = 1024;
constexpr DWORD kKeysAtOnce = 4096;
constexpr std::size_t kShownAtOnce = 8192;
constexpr auto kLook = std::chrono::milliseconds(250);
constexpr wchar_t kEndOfInput = 0x1a;  // Ctrl-Z at the beginning of a line

HANDLE native_of(Standard which) {
  return ::GetStdHandle(which == Standard::input    ? STD_INPUT_HANDLE
                        : which == Standard::output ? STD_OUTPUT_HANDLE
                                                    : STD_ERROR_HANDLE);
}

bool is_console(HANDLE handle) {
  DWORD mode = 0;
  return ::GetConsoleMode(handle, &mode) != 0;
}

Handle open_console(const wchar_t* name) {
  return own_handle(::CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                  nullptr, OPEN_EXISTING, 0, nullptr));
}

bool is_high_half(wchar_t unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}

// What is typed, as UTF-8. Where the console edits lines itself their ends are "\n", as of a file's.
class Keys {
 public:
  explicit Keys(HANDLE console) : console_(console) {}

  Result<Bytes> get() {
    std::wstring text(kKeysAtOnce, L'\0');
    while (true) {
      DWORD size = 0;
      const DWORD offset = half_ == 0 ? 0 : 1;
      text[0] = half_;
      DWORD mode = 0;
      ::GetConsoleMode(console_, &mode);
      if (::ReadConsoleW(console_, text.data() + offset, kKeysAtOnce - offset, &size, nullptr) == 0)
        return windows_error("read from the console");
      std::wstring_view typed(text.data(), size + offset);
      // Interrupted by Ctrl-C or by us.
      if (size == 0) continue;
      const bool lines = (mode & ENABLE_LINE_INPUT) != 0;
      if (lines && typed.front() == kEndOfInput) return Bytes();
      half_ = is_high_half(typed.back()) ? typed.back() : L'\0';
      if (half_ != 0) typed.remove_suffix(1);
      std::string bytes = to_utf8(typed);
      if (lines) std::erase(bytes, '\r');
      if (!bytes.empty()) return to_bytes(bytes);
    }
  }

 private:
  HANDLE console_;
  wchar_t half_ = 0;  // of a character that comes in two
};

// Bytes of a character that a write cuts off.
std::size_t unfinished(std::string_view text) {
  const std::size_t most = std::min<std::size_t>(3, text.size());
  for (std::size_t back = 1; back <= most; ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return whole > back ? back : 0;
  }
  return 0;
}

class Shown {
 public:
  explicit Shown(HANDLE console) : console_(console) {}

  Result<void> put(ByteView bytes) {
    rest_ += as_text(bytes);
    const std::size_t cut = unfinished(rest_);
    const std::wstring text = to_wide(std::string_view(rest_).substr(0, rest_.size() - cut));
    rest_.erase(0, rest_.size() - cut);
    for (std::size_t at = 0; at < text.size();) {
      DWORD size = 0;
      const auto most = static_cast<DWORD>(std::min(text.size() - at, kShownAtOnce));
      if (::WriteConsoleW(console_, text.data() + at, most, &size, nullptr) == 0)
        return windows_error("write to the console");
      at += size;
    }
    return {};
  }

 private:
  HANDLE console_;
  std::string rest_;
};

BlockingReader::Get getter(HANDLE handle) {
  if (!is_console(handle)) return [handle] { return get_bytes(handle); };
  return [keys = Keys(handle)]() mutable { return keys.get(); };
}

BlockingWriter::Put putter(HANDLE handle) {
  if (!is_console(handle)) return [handle](ByteView bytes) { return put_bytes(handle, bytes); };
  return [shown = Shown(handle)](ByteView bytes) mutable { return shown.put(bytes); };
}

// A console's mode, set back when this goes, and when the console is closed or the program is broken off.
class Mode {
 public:
  Mode(HANDLE console, DWORD on, DWORD off) : console_(console) {
    if (::GetConsoleMode(console, &before_) == 0) return;
    changed_ = ::SetConsoleMode(console, (before_ | on) & ~off) != 0;
  }
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;
  ~Mode() { give_back(); }

  bool changed() const { return changed_; }
  void give_back() {
    if (std::exchange(changed_, false)) ::SetConsoleMode(console_, before_);
  }

 private:
  HANDLE console_;
  DWORD before_ = 0;
  bool changed_ = false;
};

// Programs of the other side print ECMA-48; where the console does not know it, it is shown as it is.
constexpr DWORD kPlainOutput = ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING;

}  // namespace

// --- questions
// ----------------------------------------------------------------------------------------------

Result<std::string> ask_on_terminal(const std::string& prompt, bool echo) {
  const Handle input = open_console(L"CONIN$");
  const Handle output = open_console(L"CONOUT$");
  if (!input.valid() || !output.valid() || !is_console(native_handle(input)))
    return Error(Fault::unavailable, "no terminal to ask on");
  const Mode mode(native_handle(input),
                  ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT | (echo ? DWORD{ENABLE_ECHO_INPUT} : 0),
                  ENABLE_VIRTUAL_TERMINAL_INPUT | (echo ? 0 : DWORD{ENABLE_ECHO_INPUT}));
  Shown shown(native_handle(output));
  if (const Result<void> asked = shown.put(as_bytes(prompt)); !asked) return asked.error();
  Keys keys(native_handle(input));
  std::string line;
  while (!line.ends_with('\n')) {
    Result<Bytes> piece = keys.get();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    line += as_text(*piece);
    wipe(piece->data(), piece->size());
    if (line.size() > kAnswerBytes) return Error(Fault::too_large, "the answer is longer than 1024 bytes");
  }
  if (!echo) static_cast<void>(shown.put(as_bytes("\r\n")));
  if (line.empty()) return Error(Fault::closed, "no answer");
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

// --- size and raw mode
// --------------------------------------------------------------------------------------

bool is_terminal(Standard which) {
  return is_console(native_of(which));
}

std::optional<TerminalSize> terminal_size() {
  if (!is_terminal(Standard::output) && !is_terminal(Standard::input)) return std::nullopt;
  const Handle output = open_console(L"CONOUT$");
  CONSOLE_SCREEN_BUFFER_INFO about{};
  if (!output.valid() || ::GetConsoleScreenBufferInfo(native_handle(output), &about) == 0)
    return std::nullopt;
  const int columns = about.srWindow.Right - about.srWindow.Left + 1;
  const int rows = about.srWindow.Bottom - about.srWindow.Top + 1;
  if (columns <= 0 || rows <= 0) return std::nullopt;
  return TerminalSize{static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)};
}

struct SizeWatch::Impl {
  std::optional<TerminalSize> seen = terminal_size();
};

SizeWatch::SizeWatch(asio::any_io_executor) : impl_(std::make_unique<Impl>()) {}
SizeWatch::~SizeWatch() = default;

Task<> SizeWatch::changed() {
  while (true) {
    co_await sleep_for(kLook);
    const std::optional<TerminalSize> now = terminal_size();
    if (std::exchange(impl_->seen, now) != now) co_return;
  }
}

struct RawMode::Saved {
  Saved(HANDLE in, HANDLE out)
      : input(in, ENABLE_VIRTUAL_TERMINAL_INPUT,
              ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT | ENABLE_PROCESSED_INPUT),
        output(out, kPlainOutput | DISABLE_NEWLINE_AUTO_RETURN, 0) {}

  static Result<std::unique_ptr<RawMode>> enter(HANDLE in, HANDLE out) {
    auto saved = std::make_unique<Saved>(in, out);
    if (!saved->input.changed()) return windows_error("set the console to raw mode");
    CHECK(current.exchange(saved.get()) == nullptr);
    ::SetConsoleCtrlHandler(&restore, TRUE);
    return std::unique_ptr<RawMode>(new RawMode(std::move(saved)));
  }
  ~Saved() {
    ::SetConsoleCtrlHandler(&restore, FALSE);
    Saved* self = this;
    current.compare_exchange_strong(self, nullptr);
  }

  // The console is closed, or Ctrl-Break ends the program: others decide about that.
  static BOOL WINAPI restore(DWORD) {
    if (Saved* const saved = current.exchange(nullptr)) {
      saved->input.give_back();
      saved->output.give_back();
    }
    return FALSE;
  }

  static std::atomic<Saved*> current;
  Mode input;
  Mode output;
};
std::atomic<RawMode::Saved*> RawMode::Saved::current{nullptr};

RawMode::RawMode(std::unique_ptr<Saved> saved) : saved_(std::move(saved)) {}
RawMode::~RawMode() = default;

Result<std::unique_ptr<RawMode>> RawMode::enter() {
  return Saved::enter(native_of(Standard::input), native_of(Standard::output));
}

bool RawMode::suspend() {
  return false;
}

struct AskingTerminal::Impl {
  Impl(asio::any_io_executor executor, Handle in, Handle out)
      : input(std::make_shared<Handle>(std::move(in))),
        output(std::make_shared<Handle>(std::move(out))),
        reader(executor, [kept = input, keys = Keys(native_handle(*input))]() mutable { return keys.get(); }),
        writer(executor, [kept = output, shown = Shown(native_handle(*output))](ByteView bytes) mutable {
          return shown.put(bytes);
        }) {}

  // The threads may outlive this for a moment.
  std::shared_ptr<Handle> input;
  std::shared_ptr<Handle> output;
  std::unique_ptr<RawMode> raw;
  BlockingReader reader;
  BlockingWriter writer;
};

AskingTerminal::AskingTerminal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AskingTerminal::~AskingTerminal() = default;

Result<std::unique_ptr<AskingTerminal>> AskingTerminal::open(asio::any_io_executor executor) {
  Handle input = open_console(L"CONIN$");
  Handle output = open_console(L"CONOUT$");
  if (!input.valid() || !output.valid() || !is_console(native_handle(input)))
    return Error(Fault::unavailable, "no terminal to ask on");
  auto impl = std::make_unique<Impl>(executor, std::move(input), std::move(output));
  Result<std::unique_ptr<RawMode>> raw =
      RawMode::Saved::enter(native_handle(*impl->input), native_handle(*impl->output));
  if (!raw) return raw.error();
  impl->raw = std::move(*raw);
  return std::unique_ptr<AskingTerminal>(new AskingTerminal(std::move(impl)));
}

Task<Result<std::size_t>> AskingTerminal::read(std::span<std::uint8_t> into) {
  return impl_->reader.read(into);
}
Task<Result<void>> AskingTerminal::write(ByteView bytes) {
  return impl_->writer.write(bytes);
}

// --- standard handles
// ---------------------------------------------------------------------------------------

struct StandardPipe::Impl {
  Impl(asio::any_io_executor executor, Standard standard)
      : which(standard),
        native(native_of(standard)),
        mode(native, standard == Standard::input ? 0 : kPlainOutput, 0),
        reader(executor, getter(native)),
        writer(executor, putter(native)) {}

  Standard which;
  HANDLE native;
  Mode mode;
  BlockingReader reader;
  BlockingWriter writer;
};

StandardPipe::StandardPipe(asio::any_io_executor executor, Standard which)
    : impl_(std::make_unique<Impl>(executor, which)) {}
StandardPipe::~StandardPipe() = default;

Task<Result<std::size_t>> StandardPipe::read(std::span<std::uint8_t> into) {
  return impl_->reader.read(into);
}
Task<Result<void>> StandardPipe::write(ByteView bytes) {
  return impl_->writer.write(bytes);
}

void StandardPipe::close() noexcept {
  impl_->reader.close();
  impl_->writer.close();
  impl_->mode.give_back();
  // Something else must not get this number.
  const int nothing = ::_open("NUL", _O_RDWR | _O_BINARY);
  if (nothing < 0) return;
  ::_dup2(nothing, static_cast<int>(impl_->which));
  ::_close(nothing);
}

}  // namespace jump::platform
