// TelnetProtocol: the Telnet network virtual terminal as a state machine over bytes (RFC 854, 855, options by
// the Q method of RFC 1143). No sockets, no clock.
//
//   bytes of the target ──▶ received() ──▶ text for the person, answers for the target
//   keys of the person  ──▶ typed()    ──▶ bytes for the target
//
// libtelnet was looked at and not taken: it has no CHARSET and no answer for NEW-ENVIRON, does not treat CR
// NUL by default, and cannot limit how often an option is talked about.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace jump::bridge {

// RFC 1143 section 7: one side of one option. `wanted` is asked anew at each request of the other side.
class QOption {
 public:
  enum class State { no, yes, want_no, want_no_opposite, want_yes, want_yes_opposite };
  // What is to be sent for this side: nothing, or that it be on or off.
  enum class Send { nothing, on, off };

  State state() const { return state_; }
  bool on() const { return state_ == State::yes; }
  // The other side says WILL (for its own option) or DO (for ours). `agree`: we are willing.
  Send told_on(bool agree);
  // It says WONT or DONT.
  Send told_off();
  Send ask_on();
  Send ask_off();

 private:
  State state_ = State::no;
};

class TelnetProtocol {
 public:
  struct Settings {
    std::string terminal = "xterm";                  // for TTYPE
    std::string speed = "38400,38400";               // for TSPEED (RFC 1079)
    std::map<std::string, std::string> environment;  // for NEW-ENVIRON (RFC 1572); empty: nothing is told
    std::uint16_t columns = 80;
    std::uint16_t rows = 24;
  };
  explicit TelnetProtocol(Settings settings);

  static constexpr std::size_t kSubnegotiationMost = 4096;  // a longer one is dropped as a whole
  static constexpr int kTalkMost = 200;                     // answers to options; further ones are not given
  static constexpr std::size_t kMarkMost = 1024;  // bytes behind urgent data that may come before its mark

  struct Output {
    std::string text;     // for the person
    std::string answers;  // for the target
  };
  // What is said first: nothing. The target begins. `synch`: these bytes come before urgent data; from here
  // to the next data mark text is thrown away, commands are not (RFC 854 page 9).
  Output received(std::string_view bytes, bool synch = false);
  // Keys of the person: IAC doubled; CR as CR NUL (CR LF where the target takes lines, that is, without
  // SUPPRESS-GO-AHEAD), unless BINARY holds in our direction (RFC 854, 856).
  std::string typed(std::string_view keys);
  // The person's terminal has this size now; what is to be sent.
  std::string resized(std::uint16_t columns, std::uint16_t rows);
  // Interrupt process, with a synch behind it: the last byte, the data mark, is to be sent as urgent data.
  static std::string interrupt();

  // The target shows what is typed; without it, it expects us to (RFC 857).
  bool remote_echo() const { return them(kEcho).on(); }
  bool binary_in() const { return them(kBinary).on(); }
  bool binary_out() const { return us(kBinary).on(); }
  std::uint64_t dropped_subnegotiations() const { return dropped_; }

  static constexpr std::uint8_t kBinary = 0, kEcho = 1, kSga = 3, kTtype = 24, kNaws = 31, kTspeed = 32,
                                kLinemode = 34, kNewEnviron = 39, kCharset = 42;

 private:
  enum class State { text, cr, iac, option, sub_option, sub, sub_iac };

  Output parse(std::string_view bytes);
  void command(std::uint8_t byte, Output& out);
  void option(std::uint8_t verb, std::uint8_t number, Output& out);
  void subnegotiation(Output& out);
  void subnegotiate(std::uint8_t number, std::string_view content, std::string& answers);
  std::string size_report() const;
  std::string environment_report(std::string_view request) const;
  void answer_charset(std::string_view request, std::string& answers);
  bool willing_us(std::uint8_t number) const;
  bool willing_them(std::uint8_t number) const;
  bool may_talk() { return talked_++ < kTalkMost; }
  const QOption& us(std::uint8_t number) const { return us_[number]; }
  const QOption& them(std::uint8_t number) const { return them_[number]; }

  Settings settings_;
  State state_ = State::text;
  std::uint8_t verb_ = 0;
  std::uint8_t sub_number_ = 0;
  std::string sub_;
  bool sub_too_long_ = false;
  std::array<QOption, 256> us_;
  std::array<QOption, 256> them_;
  int talked_ = 0;
  bool synch_ = false;  // text is thrown away until a data mark
  std::size_t past_urgent_ = 0;
  bool utf8_ = false;
  bool typed_cr_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace jump::bridge
