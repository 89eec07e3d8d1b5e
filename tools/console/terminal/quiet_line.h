// The one quiet line that tells of a lost connection, on the last line of the terminal, without knowing what
// the program on the other side has drawn there.
//
//   main screen, cursor on the last line   everything moves up by one line first (and stays there)
//   main screen, cursor above              what lies below a shell's cursor is empty: drawn over
//   alternate screen (editors, monitors)   drawn over; the program is made to redraw afterwards
//
// So the terminal is asked where its cursor is ("CSI 6 n"); its answer comes among what is typed, and
// ReportFilter takes it out again. Sequences: ECMA-48; xterm's control sequences for 47, 1047, 1049.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "platform/terminal.h"

namespace jump::console {

using platform::TerminalSize;

// Follows whether the program has the alternate screen, through any cutting of its output.
class ScreenTracker {
 public:
  void feed(std::string_view output);
  bool alternate() const { return alternate_; }

 private:
  enum class Place { text, escape, introducer, parameters };
  void step(unsigned char c);
  void apply(bool set);

  Place place_ = Place::text;
  bool private_ = false;
  std::string parameters_;
  bool alternate_ = false;
};

// Takes the terminal's answer out of what is typed.
class ReportFilter {
 public:
  void expect() { expecting_ = true; }
  bool expecting() const { return expecting_; }
  // What is typed, without the report; `row` is set when it was there. Bytes that may be the beginning of
  // one are held back.
  std::string feed(std::string_view typed, std::optional<std::uint16_t>& row);
  // No answer came: what was held back.
  std::string give_up();

 private:
  bool expecting_ = false;
  std::string held_;
};

class QuietLine {
 public:
  bool shown() const { return shown_; }
  // Bytes for the terminal. `cursor_row` counts from 1; unknown: the terminal did not answer.
  std::string show(std::string_view text, TerminalSize size, bool alternate,
                   std::optional<std::uint16_t> cursor_row);
  // The line is gone; true: the program should redraw (redraw_due()).
  std::string hide();
  // Once, after a line that was drawn over something.
  bool redraw_due() { return std::exchange(redraw_due_, false); }

 private:
  bool shown_ = false;
  bool redraw_due_ = false;
  TerminalSize size_;
};

// What a program may have left behind when it was left in the middle: colours, a hidden cursor, mouse, paste
// and keypad modes; the other screen only where it is shown, for leaving it moves the cursor.
std::string terminal_reset(bool alternate);

// "jump: no connection to web-01 for 12 s, waits up to 10 min. ~. leaves": 76 cells.
// `reason`: of the appliance, when it is connected and the other end is not there; may be empty.
std::string lost_text(std::string_view endpoint, std::string_view reason, std::int64_t seconds,
                      std::int64_t wait_seconds);
// The appliance's disk is full: both ends are there, nobody's wait limit runs.
std::string full_text(std::int64_t seconds);

}  // namespace jump::console
