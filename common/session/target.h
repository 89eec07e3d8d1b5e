// The machine that a Jumpoint's node reaches for a session (PRODUCT.md 6.1, 6.2, 6.6). It stands in the
// ticket: the appliance knows the asset, its host keys and its stored credentials; the representative sees
// none of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/base/secret.h"

namespace jump::session {

enum class Protocol { ssh, telnet, tcp };
BOOST_DESCRIBE_ENUM(Protocol, ssh, telnet, tcp)

// What is injected instead of being asked for. An absent part is asked for when the target wants it.
struct Credential {
  std::string username;                    // at most 128
  std::optional<Secret> password;          // at most 1 KiB
  std::optional<Secret> private_key;       // PEM or OpenSSH format, at most 16 KiB
  std::optional<Secret> passphrase;        // of the private key
  std::optional<std::string> certificate;  // OpenSSH certificate for it, one line
};
BOOST_DESCRIBE_STRUCT(Credential, (), (username, password, private_key, passphrase, certificate))

// How the log-in helper recognises a Telnet device's questions: ECMAScript regular expressions, each matched
// against the end of what the device has printed.
struct LoginPrompts {
  std::string username = "([Ll]ogin|[Uu]ser ?[Nn]ame) ?: *$";
  std::string password = "[Pp]ass(word|code) ?: *$";
  std::uint32_t seconds = 30;  // then it gives up, and the person types
};
BOOST_DESCRIBE_STRUCT(LoginPrompts, (), (username, password, seconds))

// Which lines may be sent to an SSH shell. It recognises lines behind a prompt; what it cannot stop stands in
// the documentation.
enum class FilterMode { off, report, enforce };
BOOST_DESCRIBE_ENUM(FilterMode, off, report, enforce)

struct CommandFilter {
  FilterMode mode = FilterMode::off;
  std::string prompt = "[$#>%] $";  // of the shell, matched against the end of its last line
  std::vector<std::string> allow;   // regular expressions for whole commands; empty: all
  std::vector<std::string> deny;    // wins over allow; 64 each at most
};
BOOST_DESCRIBE_STRUCT(CommandFilter, (), (mode, prompt, allow, deny))

// A tunnel jump's ports: the console listens on `local` (0: chosen there), the node dials `remote`.
struct PortPair {
  std::uint16_t local = 0;
  std::uint16_t remote = 0;
};
BOOST_DESCRIBE_STRUCT(PortPair, (), (local, remote))

struct Target {
  Protocol protocol = Protocol::ssh;
  std::string host;                      // 1-128: name or address, resolved by the node
  std::uint16_t port = 22;               // ssh, telnet
  std::vector<PortPair> ports;           // tcp: nothing else is dialled; at most 64
  std::string username;                  // empty: asked for, unless the credential has one
  std::string terminal = "xterm";        // xterm, VT100
  std::uint32_t keep_alive_seconds = 0;  // 0-300, 0: off
  bool legacy_algorithms = false;
  std::vector<std::string> host_keys;  // as in known_hosts: "ssh-ed25519 AAAA…"; empty: first use, ask
  std::optional<Credential> credential;
  std::optional<LoginPrompts> login_prompts;       // telnet
  std::map<std::string, std::string> environment;  // telnet NEW-ENVIRON, ssh env; at most 32
  CommandFilter filter;                            // ssh shells
};
BOOST_DESCRIBE_STRUCT(Target, (),
                      (protocol, host, port, ports, username, terminal, keep_alive_seconds, legacy_algorithms,
                       host_keys, credential, login_prompts, environment, filter))

}  // namespace jump::session
