// Error and Result: how every expected failure travels.
//
// An Error carries the machine's word (an error_code) and the sentence that a person needs: what was
// tried, with which value. The sentence is made where the failure happens, never higher up:
//     connect 10.0.0.5:443: connection refused
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace jump {

// Failures that are ours and not the operating system's.
enum class Fault {
  invalid = 1,  // the value breaks a rule; the context names the value and the rule
  too_large,    // over a limit; the context names the limit
  malformed,    // the peer's bytes make no sense
  refused,      // understood, and not allowed
  not_found,
  already_exists,
  expired,
  unauthenticated,  // nobody proved who they are
  timed_out,
  closed,       // the other side, or our own shutdown, ended it
  unavailable,  // may work later
  unsupported,
  internal,
};

const boost::system::error_category& fault_category() noexcept;
boost::system::error_code make_error_code(Fault fault) noexcept;

struct Error {
  boost::system::error_code code;
  std::string context;

  Error() = default;
  Error(boost::system::error_code c, std::string text) : code(c), context(std::move(text)) {}
  Error(Fault fault, std::string text) : code(make_error_code(fault)), context(std::move(text)) {}

  bool is(Fault fault) const { return code == make_error_code(fault); }
  // One line. For a Fault the context says all; for a system code its words are appended.
  std::string message() const;
};

// Called by result::value() on an error: a programming mistake, so it aborts through CHECK.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <typename T>
using Result = boost::system::result<T, Error>;

// The calling thread's errno as an Error: system_error("open /x").
Error system_error(std::string context);
Error system_error(int number, std::string context);

// The same error with what was being done in front: "read key.pem: <old>".
Error wrap(Error error, std::string_view doing);

}  // namespace jump

template <>
struct boost::system::is_error_code_enum<jump::Fault> : std::true_type {};
