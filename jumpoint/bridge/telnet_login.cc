#include "jumpoint/bridge/telnet_login.h"

#include <chrono>
#include <utility>

#include "common/base/bytes.h"

namespace jump::bridge {
namespace {

constexpr std::size_t kLineMost = 512;  // of what the device prints, the end
constexpr std::size_t kExpressionMost = 512;

Result<std::regex> compile(const std::string& text) {
  if (text.size() > kExpressionMost)
    return Error(Fault::too_large, "a log-in prompt's expression has at most 512 bytes");
  try {
    return std::regex(text, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    return Error(Fault::invalid, "log-in prompt '" + printable(text, 64) + "': " + error.what());
  }
}

}  // namespace

Result<TelnetLogin> TelnetLogin::create(const session::LoginPrompts& prompts, std::string username,
                                        std::optional<Secret> password, Instant now) {
  Result<std::regex> name = compile(prompts.username);
  if (!name) return name.error();
  Result<std::regex> word = compile(prompts.password);
  if (!word) return word.error();
  TelnetLogin login;
  login.ask_name_ = std::move(*name);
  login.ask_password_ = std::move(*word);
  login.username_ = std::move(username);
  login.password_ = std::move(password);
  login.name_given_ = login.username_.empty();
  login.active_ = !login.username_.empty() || login.password_.has_value();
  login.until_ = now + std::chrono::seconds(prompts.seconds);
  return login;
}

bool TelnetLogin::asks(const std::regex& question) const {
  try {
    return std::regex_search(last_line_, question);
  } catch (const std::regex_error&) {
    return false;
  }
}

std::optional<Secret> TelnetLogin::printed(std::string_view text, Instant now) {
  if (!active(now)) {
    active_ = false;
    password_.reset();
    return std::nullopt;
  }
  const std::size_t end = text.find_last_of("\r\n");
  if (end != std::string_view::npos) {
    last_line_.clear();
    text.remove_prefix(end + 1);
  }
  last_line_ += text;
  if (last_line_.size() > kLineMost) last_line_.erase(0, last_line_.size() - kLineMost);
  // The password first: "user name" is a part of some devices' password question.
  if (password_ && asks(ask_password_)) {
    last_line_.clear();
    active_ = false;
    return std::exchange(password_, std::nullopt);
  }
  if (!name_given_ && asks(ask_name_)) {
    last_line_.clear();
    name_given_ = true;
    if (!password_) active_ = false;
    return Secret(username_);
  }
  return std::nullopt;
}

}  // namespace jump::bridge
