// The shell: the person's terminal on one side, the stream "tty" on the other.
//
//   keys → escapes taken out → typed (at most 1 MiB, so that `~.` is found while the connection is lost) →
//   stream stream → screen → taken size changes, the quiet line, and the end: by small tasks beside
#pragma once

#include <optional>
#include <string>

#include "tools/console/session/opened_session.h"
#include "tools/console/terminal/escape.h"
#include "tools/console/terminal/screen.h"
#include "tools/console/terminal/terminal.h"

namespace jump::console {

struct ShellEnding {
  int status = 0;
  std::string text;  // one line for standard error; empty: nothing to say
};

class Shell : AskingPlace {
 public:
  // A shell's session, or a command's with a terminal. `attached`: it runs already; its terminal is learnt
  // from the endpoint. Where a person types, the session's questions are put to him here.
  Shell(OpenedSession& session, bool attached, Asker& asker);
  ~Shell() override;

  // The terminal is as it was when this returns.
  Task<ShellEnding> run();

 private:
  enum class Leave { no, hang_up, let_go };

  Task<Result<void>> run(Dialogue& dialogue) override;
  void remark(const std::string& line) override;
  Task<> converse(std::string& typed);
  Task<> show_dialogue(std::string text);

  Task<Result<void>> get_stream();
  Task<> read_keys();
  Task<> send_keys();
  Task<> show_output();
  Task<> watch_end();
  Task<> watch_connection();
  Task<> watch_size();
  Task<> watch_replay();
  Task<> watch_signals();
  Task<bool> obey(Escape command);
  void end(int status, std::string text, Leave leave = Leave::no);
  void send_size();
  void redraw();
  std::string lost_words(Instant lost_at) const;

  OpenedSession& session_;
  endpoint::SessionIo& io_;
  bool attached_;
  bool interactive_;  // a person types
  StandardPipe input_;
  StandardPipe output_;
  Screen screen_;
  EscapeParser escapes_;
  std::unique_ptr<RawMode> raw_;
  std::unique_ptr<session::Stream> stream_;

  Asker& asker_;
  Dialogue* dialogue_ = nullptr;  // takes the keys until it is over
  Event dialogue_over_;

  std::string typed_;
  bool input_over_ = false;
  Event typed_more_;
  Event typed_room_;

  bool output_over_ = false;
  bool output_seen_ = false;  // since watch_replay looked
  bool size_due_ = false;
  Event ended_;
  std::optional<ShellEnding> ending_;
  Leave leave_ = Leave::no;
};

// Type and size of the person's terminal, or what fits where there is none.
session::ShellStart own_terminal();

}  // namespace jump::console
