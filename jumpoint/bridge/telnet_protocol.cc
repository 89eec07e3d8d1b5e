#include "jumpoint/bridge/telnet_protocol.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace jump::bridge {
namespace {

// RFC 854
constexpr std::uint8_t kSe = 240, kDataMark = 242, kInterrupt = 244, kAyt = 246, kSb = 250, kWill = 251,
                       kWont = 252, kDo = 253, kDont = 254, kIac = 255;
// TTYPE, TSPEED, NEW-ENVIRON
constexpr std::uint8_t kIs = 0, kSend = 1;
constexpr std::uint8_t kVar = 0, kValue = 1, kEsc = 2, kUserVar = 3;  // RFC 1572
constexpr std::uint8_t kRequest = 1, kAccepted = 2, kRejected = 3;    // RFC 2066
constexpr std::size_t kVariablesMost = 32;

char chr(std::uint8_t byte) {
  return static_cast<char>(byte);
}
std::uint8_t byte_of(char c) {
  return static_cast<std::uint8_t>(c);
}

std::string say(std::uint8_t verb, std::uint8_t number) {
  return {chr(kIac), chr(verb), chr(number)};
}

// With IAC doubled (RFC 855).
std::string wrapped(std::uint8_t number, std::string_view content) {
  std::string text{chr(kIac), chr(kSb), chr(number)};
  for (const char c : content) {
    text += c;
    if (byte_of(c) == kIac) text += c;
  }
  text += {chr(kIac), chr(kSe)};
  return text;
}

}  // namespace

// --- RFC 1143 section 7 ------------------------------------------------------------------------------------

QOption::Send QOption::told_on(bool agree) {
  switch (state_) {
    case State::no:
      if (!agree) return Send::off;
      state_ = State::yes;
      return Send::on;
    case State::yes:
      return Send::nothing;
    case State::want_no:  // an error of the other side: answered by WILL to DONT
      state_ = State::no;
      return Send::nothing;
    case State::want_no_opposite:
      state_ = State::yes;
      return Send::nothing;
    case State::want_yes:
      state_ = State::yes;
      return Send::nothing;
    case State::want_yes_opposite:
      state_ = State::want_no;
      return Send::off;
  }
  return Send::nothing;
}

QOption::Send QOption::told_off() {
  switch (state_) {
    case State::no:
      return Send::nothing;
    case State::yes:
      state_ = State::no;
      return Send::off;
    case State::want_no:
      state_ = State::no;
      return Send::nothing;
    case State::want_no_opposite:
      state_ = State::want_yes;
      return Send::on;
    case State::want_yes:
    case State::want_yes_opposite:
      state_ = State::no;
      return Send::nothing;
  }
  return Send::nothing;
}

QOption::Send QOption::ask_on() {
  switch (state_) {
    case State::no:
      state_ = State::want_yes;
      return Send::on;
    case State::want_no:
      state_ = State::want_no_opposite;
      return Send::nothing;
    case State::want_yes_opposite:
      state_ = State::want_yes;
      return Send::nothing;
    default:
      return Send::nothing;
  }
}

QOption::Send QOption::ask_off() {
  switch (state_) {
    case State::yes:
      state_ = State::want_no;
      return Send::off;
    case State::want_no_opposite:
      state_ = State::want_no;
      return Send::nothing;
    case State::want_yes:
      state_ = State::want_yes_opposite;
      return Send::nothing;
    default:
      return Send::nothing;
  }
}

// --- what we are willing to -------------------------------------------------------------------------------

TelnetProtocol::TelnetProtocol(Settings settings) : settings_(std::move(settings)) {}

bool TelnetProtocol::willing_us(std::uint8_t number) const {
  switch (number) {
    case kBinary:
    case kSga:
    case kTtype:
    case kNaws:
    case kTspeed:
    case kCharset:
      return true;
    case kNewEnviron:
      return true;  // with an empty answer where nothing is configured
    default:
      return false;  // LINEMODE too
  }
}

bool TelnetProtocol::willing_them(std::uint8_t number) const {
  return number == kBinary || number == kEcho || number == kSga || number == kCharset;
}

// --- from the target ---------------------------------------------------------------------------------------

TelnetProtocol::Output TelnetProtocol::received(std::string_view bytes, bool synch) {
  if (synch) {
    synch_ = true;
    past_urgent_ = 0;
  } else if (synch_) {
    // The mark may stand a little behind the urgent byte. Where there is none, a person still wants to read.
    past_urgent_ += bytes.size();
    if (past_urgent_ > kMarkMost) synch_ = false;
  }
  return parse(bytes);
}

TelnetProtocol::Output TelnetProtocol::parse(std::string_view bytes) {
  Output out;
  for (const char c : bytes) {
    const std::uint8_t byte = byte_of(c);
    switch (state_) {
      case State::cr:
        state_ = State::text;
        // CR NUL is a carriage return alone (RFC 854 page 11).
        if (byte == 0) break;
        [[fallthrough]];
      case State::text:
        if (byte == kIac) {
          state_ = State::iac;
          break;
        }
        if (!synch_) out.text += c;
        if (byte == '\r' && !binary_in()) state_ = State::cr;
        break;
      case State::iac:
        state_ = State::text;
        if (byte == kIac) {
          if (!synch_) out.text += c;
        } else if (byte >= kWill) {
          verb_ = byte;
          state_ = State::option;
        } else if (byte == kSb) {
          sub_.clear();
          sub_too_long_ = false;
          state_ = State::sub_option;
        } else {
          command(byte, out);
        }
        break;
      case State::option:
        state_ = State::text;
        option(verb_, byte, out);
        break;
      case State::sub_option:
        sub_number_ = byte;
        state_ = State::sub;
        break;
      case State::sub:
        if (byte == kIac) {
          state_ = State::sub_iac;
        } else if (sub_.size() < kSubnegotiationMost) {
          sub_ += c;
        } else {
          sub_too_long_ = true;
        }
        break;
      case State::sub_iac:
        if (byte == kIac) {
          state_ = State::sub;
          if (sub_.size() < kSubnegotiationMost) {
            sub_ += c;
          } else {
            sub_too_long_ = true;
          }
          break;
        }
        state_ = State::text;
        if (byte == kSe) {
          subnegotiation(out);
        } else if (byte >= kWill) {  // its end was forgotten
          verb_ = byte;
          state_ = State::option;
        }
        break;
    }
  }
  return out;
}

void TelnetProtocol::command(std::uint8_t byte, Output& out) {
  if (byte == kDataMark) {
    synch_ = false;
  } else if (byte == kAyt && may_talk()) {
    out.answers += "[yes]\r\n";
  }
}

void TelnetProtocol::option(std::uint8_t verb, std::uint8_t number, Output& out) {
  const bool theirs = verb == kWill || verb == kWont;
  QOption& side = theirs ? them_[number] : us_[number];
  const bool was_on = side.on();
  const bool agree = theirs ? willing_them(number) : willing_us(number);
  const bool turns_on = verb == kWill || verb == kDo;
  const QOption::Send send = turns_on ? side.told_on(agree) : side.told_off();
  if (send != QOption::Send::nothing) {
    if (!may_talk()) return;
    const bool on = send == QOption::Send::on;
    out.answers += say(theirs ? (on ? kDo : kDont) : (on ? kWill : kWont), number);
  }
  if (!theirs && number == kNaws && side.on() && !was_on && may_talk()) out.answers += size_report();
  // A target that echoes and is binary in its direction is a full terminal: ours is then as well.
  if (theirs && number == kBinary && side.on() && us_[kBinary].ask_on() == QOption::Send::on && may_talk())
    out.answers += say(kWill, kBinary);
}

void TelnetProtocol::subnegotiation(Output& out) {
  if (sub_too_long_) {
    ++dropped_;
    return;
  }
  if (!may_talk()) return;
  subnegotiate(sub_number_, sub_, out.answers);
}

void TelnetProtocol::subnegotiate(std::uint8_t number, std::string_view content, std::string& answers) {
  // Only what was agreed on is answered (RFC 855).
  if (number != kCharset && !us(number).on()) return;
  if (content.empty()) return;
  const std::uint8_t verb = byte_of(content.front());
  if (number == kTtype && verb == kSend) {
    answers += wrapped(kTtype, std::string(1, chr(kIs)) + settings_.terminal);
  } else if (number == kTspeed && verb == kSend) {
    answers += wrapped(kTspeed, std::string(1, chr(kIs)) + settings_.speed);
  } else if (number == kNewEnviron && verb == kSend) {
    answers += wrapped(kNewEnviron, environment_report(content.substr(1)));
  } else if (number == kCharset && verb == kRequest) {
    answer_charset(content.substr(1), answers);
  }
}

std::string TelnetProtocol::size_report() const {
  const auto two = [](std::uint16_t n) {
    return std::string{chr(static_cast<std::uint8_t>(n >> 8)), chr(static_cast<std::uint8_t>(n & 0xff))};
  };
  return wrapped(kNaws, two(settings_.columns) + two(settings_.rows));
}

// RFC 1572: IS, then each variable that was asked for and is configured. Nothing of this process's own
// environment is ever told.
std::string TelnetProtocol::environment_report(std::string_view request) const {
  std::vector<std::string> asked;
  bool all = request.empty();
  std::string name;
  bool in_name = false;
  const auto close = [&] {
    if (in_name && name.empty()) all = true;  // VAR or USERVAR alone: all of that kind
    if (in_name && !name.empty() && asked.size() < kVariablesMost) asked.push_back(name);
    name.clear();
  };
  for (std::size_t at = 0; at < request.size(); ++at) {
    const std::uint8_t byte = byte_of(request[at]);
    if (byte == kVar || byte == kUserVar) {
      close();
      in_name = true;
    } else if (byte == kEsc && at + 1 < request.size()) {
      name += request[++at];
    } else {
      name += request[at];
    }
  }
  close();
  std::string report(1, chr(kIs));
  const auto escaped = [](std::string_view text) {
    std::string safe;
    for (const char c : text) {
      if (byte_of(c) <= kUserVar) safe += chr(kEsc);
      safe += c;
    }
    return safe;
  };
  for (const auto& [key, value] : settings_.environment) {
    if (!all && std::find(asked.begin(), asked.end(), key) == asked.end()) continue;
    // A value that begins with "-" has let people in without a password before (CVE-2007-0882 and its kin).
    if (value.starts_with('-')) continue;
    const bool well_known = key == "USER" || key == "DISPLAY" || key == "LANG";
    report += chr(well_known ? kVar : kUserVar) + escaped(key) + chr(kValue) + escaped(value);
  }
  return report;
}

// RFC 2066: we speak UTF-8 and plain ASCII.
void TelnetProtocol::answer_charset(std::string_view request, std::string& answers) {
  if (request.starts_with("[TTABLE]") && request.size() > 9) request.remove_prefix(9);
  if (request.size() < 2) return;
  const char separator = request.front();
  std::size_t begin = 1;
  while (begin <= request.size()) {
    const std::size_t end = std::min(request.find(separator, begin), request.size());
    std::string name(request.substr(begin, end - begin));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name == "UTF-8" || name == "US-ASCII") {
      utf8_ = name == "UTF-8";
      answers += wrapped(kCharset, std::string(1, chr(kAccepted)) + name);
      return;
    }
    begin = end + 1;
  }
  answers += wrapped(kCharset, std::string(1, chr(kRejected)));
}

// --- to the target -----------------------------------------------------------------------------------------

std::string TelnetProtocol::typed(std::string_view keys) {
  std::string bytes;
  for (const char c : keys) {
    const bool after_cr = std::exchange(typed_cr_, false);
    if (byte_of(c) == kIac) {
      bytes += {c, c};
    } else if (c == '\r' && !binary_out()) {
      // Character at a time: the key itself (CR NUL); line at a time: the end of a line (CR LF).
      bytes += them(kSga).on() || remote_echo() ? std::string("\r\0", 2) : std::string("\r\n");
      typed_cr_ = true;
    } else if (c == '\n' && !binary_out()) {
      // The second half of a pasted CR LF was said with the first.
      if (!after_cr) bytes += "\r\n";
    } else {
      bytes += c;
    }
  }
  return bytes;
}

std::string TelnetProtocol::resized(std::uint16_t columns, std::uint16_t rows) {
  settings_.columns = columns;
  settings_.rows = rows;
  return us(kNaws).on() ? size_report() : std::string();
}

std::string TelnetProtocol::interrupt() {
  return {chr(kIac), chr(kInterrupt), chr(kIac), chr(kDataMark)};
}

}  // namespace jump::bridge
