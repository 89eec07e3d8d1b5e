#include "tools/console/session/shell.h"

#include <cstdio>
#include <cstdlib>

#include "platform/signals.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr std::size_t kTypedMost = 1024 * 1024;
constexpr std::size_t kPiece = 16 * 1024;
constexpr auto kQuietAfter = std::chrono::seconds(1);  // shorter losses are not worth a line
constexpr auto kAnswerPoll = std::chrono::milliseconds(250);
constexpr auto kAttachTime = std::chrono::seconds(30);
constexpr auto kReplayPause = std::chrono::milliseconds(300);
constexpr auto kReplayMost = std::chrono::seconds(3);
constexpr std::uint32_t kTerminalStream = 2;
constexpr char kEndOfInput = 4;  // Ctrl-D, termios(3) VEOF

std::uint16_t within(std::uint16_t value) {
  return std::clamp<std::uint16_t>(value, 1, 1000);
}

session::Resize resize_to(TerminalSize size) {
  session::Resize resize;
  resize.columns = within(size.columns);
  resize.rows = within(size.rows);
  return resize;
}

}  // namespace

session::ShellStart own_terminal() {
  session::ShellStart start;
  const char* term = std::getenv("TERM");
  if (term != nullptr && *term != '\0') start.term = term;
  if (!session::check(start)) start.term = "xterm";
  const TerminalSize size = terminal_size().value_or(TerminalSize{});
  start.columns = within(size.columns);
  start.rows = within(size.rows);
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* locale = std::getenv(name);
    if (locale == nullptr || *locale == '\0') continue;
    start.locale = locale;
    if (!session::check(start)) start.locale.reset();
    break;
  }
  return start;
}

Shell::Shell(OpenedSession& session, bool attached, Asker& asker)
    : session_(session),
      io_(session.io()),
      attached_(attached),
      interactive_(is_terminal(Standard::input)),
      input_(session.tunnel().executor(), Standard::input),
      output_(session.tunnel().executor(), Standard::output),
      screen_(session.tunnel().executor(), output_, interactive_ && is_terminal(Standard::output)),
      escapes_(interactive_),
      asker_(asker),
      dialogue_over_(session.tunnel().executor()),
      typed_more_(session.tunnel().executor()),
      typed_room_(session.tunnel().executor()),
      ended_(session.tunnel().executor()) {
  asker_.move_to(interactive_ ? this : nullptr);
  session_.ask_with(asker_);
}

Shell::~Shell() {
  asker_.move_to(nullptr);
}

Task<ShellEnding> Shell::run() {
  // Those that leaving needs, and those that must not stand in its way.
  TaskGroup lasting(session_.tunnel().executor());
  TaskGroup tasks(session_.tunnel().executor());
  lasting.spawn("wait limit", io_.watch());
  const Result<void> got = co_await get_stream();
  if (!got) {
    co_await lasting.stop();
    co_return ShellEnding{kJumpFailed, got.error().message()};
  }
  if (interactive_) {
    Result<std::unique_ptr<RawMode>> raw = RawMode::enter();
    if (raw) raw_ = std::move(*raw);
  }
  lasting.spawn("listener", session_.listen());
  tasks.spawn("end", watch_end());
  tasks.spawn("keys", read_keys());
  tasks.spawn("typed", send_keys());
  tasks.spawn("output", show_output());
  tasks.spawn("connection", watch_connection());
  tasks.spawn("size", watch_size());
  tasks.spawn("signals", watch_signals());
  if (attached_) tasks.spawn("replay", watch_replay());
  while (!ending_) co_await ended_.wait();
  co_await tasks.stop();
  static_cast<void>(co_await screen_.back());
  ShellEnding ending = std::move(*ending_);
  if (leave_ == Leave::hang_up) co_await session_.hang_up();
  if (leave_ == Leave::let_go) co_await session_.let_go();
  if (leave_ == Leave::no) co_await session_.finish();
  co_await lasting.stop();
  const bool in_the_middle = leave_ != Leave::no || !ending.text.empty();
  if (raw_ && in_the_middle) co_await screen_.leave();
  raw_.reset();
  co_return ending;
}

Task<Result<void>> Shell::get_stream() {
  if (!attached_) {
    Result<std::unique_ptr<session::Stream>> stream = session_.open_stream("tty");
    if (!stream) co_return stream.error();
    stream_ = std::move(*stream);
    co_return Result<void>();
  }
  // Its number is known; that it is there is learnt from the endpoint, stream 0 with it.
  const Instant until = BootClock::now() + kAttachTime;
  while (io_.end().state() != mux::SessionEnd::State::live || !io_.end().live_stream(0)) {
    if (const std::optional<Error> over = session_.over()) co_return *over;
    if (BootClock::now() >= until) {
      co_return Error(Fault::timed_out,
                      session_.endpoint() + " is not connected: " + printable(io_.end().notice().text));
    }
    co_await io_.state_changed().wait_for(std::chrono::seconds(1));
  }
  Result<std::unique_ptr<session::Stream>> stream = io_.learnt_stream(kTerminalStream);
  screen_.replay();
  // It may be over already: then only how it ended is still to be heard.
  if (stream) stream_ = std::move(*stream);
  output_over_ = !stream;
  co_return Result<void>();
}

void Shell::end(int status, std::string text, Leave leave) {
  if (ending_) return;
  ending_ = ShellEnding{status, std::move(text)};
  leave_ = leave;
  ended_.set();
}

// --- keys
// ---------------------------------------------------------------------------------------------------

Task<> Shell::read_keys() {
  Bytes buffer(kPiece);
  while (!ending_) {
    while (typed_.size() >= kTypedMost) co_await typed_room_.wait();
    const Result<std::size_t> size = co_await input_.read(buffer);
    if (!size || *size == 0) break;
    std::string typed = screen_.typed(as_text(ByteView(buffer).first(*size)));
    if (dialogue_ != nullptr) co_await converse(typed);
    for (EscapeParser::Part& part : escapes_.feed(typed)) {
      typed_ += part.bytes;
      typed_more_.set();
      if (!part.has_command) continue;
      const bool go_on = co_await obey(part.command);
      if (!go_on) co_return;
    }
  }
  if (interactive_) {
    // The terminal is gone; the program is not to blame.
    end(status_of_signal("HUP"), "", Leave::let_go);
  } else {
    typed_ += kEndOfInput;
    input_over_ = true;
    typed_more_.set();
  }
}

// --- questions
// ----------------------------------------------------------------------------------------------

Task<Result<void>> Shell::run(Dialogue& dialogue) {
  // Also when this is cancelled: nothing may keep pointing to the dialogue.
  struct Left {
    Dialogue*& place;
    ~Left() { place = nullptr; }
  } const leave{dialogue_};
  std::string opening = dialogue.begin();
  co_await show_dialogue(std::move(opening));
  dialogue_ = &dialogue;
  while (!dialogue.over()) co_await dialogue_over_.wait();
  co_return Result<void>();
}

// What is typed behind the last answer is for the program.
Task<> Shell::converse(std::string& typed) {
  std::string shown = dialogue_->feed(typed);
  if (dialogue_->over()) dialogue_over_.set();
  co_await show_dialogue(std::move(shown));
}

Task<> Shell::show_dialogue(std::string text) {
  if (is_terminal(Standard::output)) {
    static_cast<void>(co_await screen_.own(std::move(text)));
  } else {
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  }
}

void Shell::remark(const std::string& line) {
  const std::string text = line + (raw_ ? "\r\n" : "\n");
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

Task<bool> Shell::obey(Escape command) {
  switch (command) {
    case Escape::leave:
      end(status_of_signal("HUP"), "left " + session_.endpoint(), Leave::hang_up);
      co_return false;
    case Escape::let_go:
      end(kDone, "let go; come back with: jump shell --attach " + session_.id(), Leave::let_go);
      co_return false;
    case Escape::help:
      static_cast<void>(co_await screen_.own(escape_help()));
      co_return true;
    case Escape::suspend:
      if (raw_ && !raw_->suspend()) {
        static_cast<void>(co_await screen_.own("[jump: this system does not stop programs]\r\n"));
      }
      send_size();
      co_return true;
  }
  co_return true;
}

Task<> Shell::send_keys() {
  while (true) {
    while (typed_.empty()) co_await typed_more_.wait();
    if (!stream_) co_return;
    const std::string piece = typed_.substr(0, kPiece);
    typed_.erase(0, piece.size());
    typed_room_.set();
    const Result<void> written = co_await stream_->write(as_bytes(piece));
    // Why, is said by the listener or by the end of the output.
    if (!written) co_return;
  }
}

// --- output
// -------------------------------------------------------------------------------------------------

Task<> Shell::show_output() {
  Bytes buffer(kPiece);
  while (stream_ && !output_over_) {
    const Result<std::size_t> size = co_await stream_->read(buffer);
    if (!size || *size == 0) break;
    const Result<void> shown = co_await screen_.program(ByteView(buffer).first(*size));
    if (!shown) {
      end(status_of_signal("PIPE"), "", Leave::hang_up);
      co_return;
    }
    stream_->taken(*size);
    output_seen_ = true;
  }
  output_over_ = true;
  session_.heard().set();
}

// The program has ended and all that it printed is on the terminal; or nothing more will come.
Task<> Shell::watch_end() {
  while (true) {
    const std::optional<Error> over = session_.over();
    if (session_.failure()) {
      end(kJumpFailed, session_.endpoint() + ": " + printable(*session_.failure()));
    } else if (session_.exit() && (output_over_ || over)) {
      end(status_of(*session_.exit()), "");
    } else if (over) {
      end(kJumpFailed, session_.endpoint() + ": " + over->message());
    } else {
      co_await session_.heard().wait();
      continue;
    }
    co_return;
  }
}

// --- connection
// ---------------------------------------------------------------------------------------------

Task<> Shell::watch_connection() {
  std::optional<Instant> lost_at;
  while (true) {
    if (session_.over()) {
      session_.heard().set();
      co_return;
    }
    if (io_.end().state() == mux::SessionEnd::State::live) {
      lost_at.reset();
      const bool drawn_over = co_await screen_.back();
      if (drawn_over) redraw();
      if (size_due_) send_size();
      co_await io_.state_changed().wait();
      continue;
    }
    const Instant now = BootClock::now();
    if (!lost_at) lost_at = io_.end().away_since().value_or(now);
    if (now - *lost_at >= kQuietAfter) co_await screen_.lost(lost_words(*lost_at));
    typed_ += screen_.held();
    if (!typed_.empty()) typed_more_.set();
    co_await io_.state_changed().wait_for(kAnswerPoll);
  }
}

std::string Shell::lost_words(Instant lost_at) const {
  const mux::SessionEnd& end = io_.end();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(BootClock::now() - lost_at).count();
  const auto limit = std::chrono::duration_cast<std::chrono::seconds>(end.wait_limit()).count();
  if (!session_.tunnel().connected()) return lost_text("the appliance", "", seconds, limit);
  const mux::Notice& notice = end.notice();
  if (notice.reason == mux::Reason::no_space) return full_text(seconds);
  return lost_text(session_.endpoint(), notice.text, seconds, limit);
}

void Shell::send_size() {
  const std::optional<TerminalSize> size = terminal_size();
  if (!size) return;
  size_due_ = io_.end().state() != mux::SessionEnd::State::live;
  if (!size_due_) session_.send(resize_to(*size));
}

// A program redraws when its terminal changes its size.
void Shell::redraw() {
  const std::optional<TerminalSize> size = terminal_size();
  if (!size) return;
  session::Resize narrower = resize_to(*size);
  narrower.columns =
      narrower.columns > 1 ? static_cast<std::uint16_t>(narrower.columns - 1) : std::uint16_t{2};
  session_.send(narrower);
  session_.send(resize_to(*size));
}

// The last output of the session comes again and looks as it did, but for a program that draws the whole
// screen: that one is made to draw it anew.
Task<> Shell::watch_replay() {
  const Instant until = BootClock::now() + kReplayMost;
  do {
    output_seen_ = false;
    co_await sleep_for(kReplayPause);
  } while (output_seen_ && BootClock::now() < until);
  co_await screen_.replay_over();
  redraw();
}

Task<> Shell::watch_size() {
  platform::SizeWatch size(session_.tunnel().executor());
  while (true) {
    co_await size.changed();
    send_size();
  }
}

// Whoever closes the terminal or stops this program does not mean the program on the other side: it goes on,
// and can be taken up again within the wait limit.
Task<> Shell::watch_signals() {
  using platform::Signal;
  platform::Signals signals(session_.tunnel().executor(),
                            {Signal::hang_up, Signal::terminate, Signal::interrupt});
  const Signal signal = co_await signals.next();
  end(status_of_signal(platform::name_of(signal)), "",
      signal == Signal::interrupt ? Leave::hang_up : Leave::let_go);
}

}  // namespace jump::console
