// TelnetLogin: waits for a device's questions and answers them with the stored credential, within a time
// limit; then, or when the person types something, it keeps out of the way. No sockets.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/session/target.h"

namespace jump::bridge {

class TelnetLogin {
 public:
  // Fault::invalid names an expression that cannot be read.
  static Result<TelnetLogin> create(const session::LoginPrompts& prompts, std::string username,
                                    std::optional<Secret> password, Instant now);

  bool active(Instant now) const { return active_ && now < until_; }
  // What the device has printed. An answer to be typed (without Return), if this was a question for it.
  // Each is given once: a question that comes again was not answered to the device's liking.
  std::optional<Secret> printed(std::string_view text, Instant now);
  // The person has taken over.
  void stop() { active_ = false; }

 private:
  TelnetLogin() = default;
  bool asks(const std::regex& question) const;

  std::regex ask_name_;
  std::regex ask_password_;
  std::string username_;
  std::optional<Secret> password_;
  bool name_given_ = false;
  bool active_ = false;
  Instant until_{};
  std::string last_line_;
};

}  // namespace jump::bridge
