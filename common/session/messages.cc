#include "common/session/messages.h"

#include <algorithm>
#include <cctype>

namespace jump::session {
namespace {

constexpr std::size_t kArgumentsMost = 1024;
// A start travels in a signed order of at most 48,000 bytes, and quoting costs some of them.
constexpr std::size_t kArgumentBytesMost = 40 * 1024;

// [A-Za-z0-9._+-]{1,64}, as terminfo names are; '@' besides in locales (de_DE@euro).
bool is_plain_name(const std::string& name, std::string_view more) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [more](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || more.find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<void> check_size(std::uint16_t columns, std::uint16_t rows) {
  if (columns < 1 || columns > 1000 || rows < 1 || rows > 1000) {
    return Error(Fault::invalid, "a terminal of " + std::to_string(columns) + "x" + std::to_string(rows) +
                                     ": columns and rows are 1 to 1000");
  }
  return {};
}

Result<void> check(const ShellStart& start) {
  if (!is_plain_name(start.term, "._+-")) {
    return Error(Fault::invalid,
                 "terminal type '" + printable(start.term, 80) + "': [A-Za-z0-9._+-]{1,64} is meant");
  }
  if (start.locale && !is_plain_name(*start.locale, "._@-")) {
    return Error(Fault::invalid,
                 "locale '" + printable(*start.locale, 80) + "': [A-Za-z0-9._@-]{1,64} is meant");
  }
  return check_size(start.columns, start.rows);
}

Result<void> check(const ExecStart& start) {
  if (start.argv.empty() || start.argv.front().empty()) return Error(Fault::invalid, "no command is given");
  if (start.argv.size() > kArgumentsMost) {
    return Error(Fault::too_large, std::to_string(start.argv.size()) + " arguments, at most " +
                                       std::to_string(kArgumentsMost) + " are taken");
  }
  std::size_t bytes = 0;
  for (const std::string& argument : start.argv) {
    if (argument.find('\0') != std::string::npos)
      return Error(Fault::invalid, "an argument contains a NUL byte");
    bytes += argument.size();
  }
  if (bytes > kArgumentBytesMost) {
    return Error(Fault::too_large, "arguments of " + std::to_string(bytes) + " bytes, at most " +
                                       std::to_string(kArgumentBytesMost) + " are taken");
  }
  return start.terminal ? check(*start.terminal) : Result<void>();
}

std::optional<ShellStart> terminal_of(std::string_view kind, const json::value& arguments) {
  if (kind == "shell") {
    const Result<ShellStart> start = from_json<ShellStart>(arguments);
    return start ? std::optional<ShellStart>(*start) : std::nullopt;
  }
  if (kind != "exec") return std::nullopt;
  const Result<ExecStart> start = from_json<ExecStart>(arguments);
  return start ? start->terminal : std::nullopt;
}

// A host name of RFC 1123 (underscores are seen in practice) or an address; "%" names the interface of a
// link-local one.
Result<void> check(const ForwardStart& start) {
  const bool fine =
      !start.host.empty() && start.host.size() <= 253 && std::ranges::all_of(start.host, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view(".-_:%").find(c) != std::string_view::npos;
      });
  if (!fine) return Error(Fault::invalid, "'" + printable(start.host, 80) + "' is no host name or address");
  if (start.port == 0) return Error(Fault::invalid, "port 0: 1 to 65535 is meant");
  return {};
}

}  // namespace jump::session
