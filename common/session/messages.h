// What the two ends of a session say to each other on stream 0, and the arguments that a session of each kind
// starts with. Each message is {"kind": ..., "body": {...}}; codec.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/base/secret.h"

namespace jump::session {

// --- arguments of a start (in OpenSession, in the ticket) -------------------------------------------------

//
// check() names the first rule that a start breaks; the appliance asks it before it signs a ticket, the
// endpoint before it starts anything.

// Its stream "tty" is the terminal. Fields are not renamed: an ExecStart has one too.
struct ShellStart {
  std::string term = "xterm-256color";  // [A-Za-z0-9._+-]{1,64}
  std::uint16_t columns = 80;           // 1-1000
  std::uint16_t rows = 24;              // 1-1000
  std::optional<std::string> locale;    // LANG of the console, C.UTF-8 when not UTF-8
};
BOOST_DESCRIBE_STRUCT(ShellStart, (), (term, columns, rows, locale))

// argv goes to execvp as it is, never to a shell. With a terminal the command has the stream "tty" instead of
// "stdio" and "stderr", sizes and signals reach it as they reach a shell, and it is recorded as one. An
// endpoint from before terminals of commands refuses that stream, so the command does not run there without
// what it was to have: "a command has no further stream 'tty'".
struct ExecStart {
  std::vector<std::string> argv;  // 1-1024 items, 40 KiB together: what an order has room for
  std::optional<ShellStart> terminal;
};
BOOST_DESCRIBE_STRUCT(ExecStart, (), (argv, terminal))

struct ForwardStart {
  std::string host;  // checked against the endpoint's allow list, for each connection
  std::uint16_t port = 0;
};
BOOST_DESCRIBE_STRUCT(ForwardStart, (), (host, port))

// files and sysinfo start with {}.
struct NoArguments {};
BOOST_DESCRIBE_STRUCT(NoArguments, (), ())

Result<void> check(const ShellStart& start);
Result<void> check(const ExecStart& start);
Result<void> check(const ForwardStart& start);
// The terminal of a session of this kind ("shell", "exec") with these arguments; none where it has no
// terminal, or they cannot be read.
std::optional<ShellStart> terminal_of(std::string_view kind, const json::value& arguments);
// 1-1000 each.
Result<void> check_size(std::uint16_t columns, std::uint16_t rows);

// --- messages -------------------------------------------------------------------------------------------

// console → endpoint. The console's terminal has this size now.
struct Resize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
};
BOOST_DESCRIBE_STRUCT(Resize, (), (columns, rows))

// console → endpoint. A signal for the foreground job or the command: INT, TERM, HUP, QUIT, KILL, USR1, USR2,
// TSTP, CONT.
struct Signal {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Signal, (), (name))

// opener → other end. A new stream (numbers: console even, endpoint odd); refused by reset.
struct StreamOpen {
  std::uint32_t stream = 0;
  // shell: tty; exec: stdio and stderr, or tty; forward: connection; sysinfo: report;
  // files: get, put, list, stat, make_folder, remove (arguments: common/files/requests.h)
  std::string purpose;
  json::value arguments;
};
BOOST_DESCRIBE_STRUCT(StreamOpen, (), (stream, purpose, arguments))

// endpoint → console. The program ended: a status, or the signal that killed it.
struct Exit {
  std::optional<std::int32_t> status;
  std::optional<std::string> signal;  // "SEGV"
  bool core_dumped = false;
};
BOOST_DESCRIBE_STRUCT(Exit, (), (status, signal, core_dumped))

// endpoint → console. The session cannot go on or could not start; one sentence for the person.
struct Fail {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Fail, (), (text))

// console → endpoint. The person left: end what runs (SIGHUP), report its exit.
struct Hangup {};
BOOST_DESCRIBE_STRUCT(Hangup, (), ())

// endpoint → console. Something only the person can answer: a password of a target, the digits of a token,
// whether a new host key is the right one. The session waits for its PromptAnswer.
enum class PromptKind {
  input,     // each field is asked for
  host_key,  // no fields: yes (no answers, not cancelled) or no; `host_key` is what would be kept
};
BOOST_DESCRIBE_ENUM(PromptKind, input, host_key)

struct PromptField {
  std::string text;   // "Password: "; from the target, not to be trusted
  bool echo = false;  // false: typed unseen
};
BOOST_DESCRIBE_STRUCT(PromptField, (), (text, echo))

struct Prompt {
  std::uint32_t id = 0;  // counts up within a session
  PromptKind kind = PromptKind::input;
  std::string title;
  std::string instruction;
  std::vector<PromptField> fields;      // at most 16, each text at most 512 bytes
  std::optional<std::string> host_key;  // "ssh-ed25519 AAAA…", as in known_hosts; the appliance reads it here
};
BOOST_DESCRIBE_STRUCT(Prompt, (), (id, kind, title, instruction, fields, host_key))

// console → endpoint. Never recorded.
struct PromptAnswer {
  std::uint32_t id = 0;
  bool cancelled = false;
  std::vector<Secret> answers;  // one for each field, at most 1 KiB each
};
BOOST_DESCRIBE_STRUCT(PromptAnswer, (), (id, cancelled, answers))

// endpoint → console, and into the events of the session: "the server has no strict key exchange".
struct Remark {
  bool warning = false;
  std::string text;           // at most 512 bytes
  std::optional<bool> quiet;  // for the events: the person is told in other words
};
BOOST_DESCRIBE_STRUCT(Remark, (), (warning, text, quiet))

}  // namespace jump::session
