// What is asked for every connection: an immutable snapshot that the proxy's own thread makes and all workers
// share; a change is a new one.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/access/rules.h"
#include "jumpoint/proxy/authority.h"
#include "jumpoint/proxy/request.h"

namespace jump::proxy {

namespace asio = boost::asio;

// Each is counted when it is met, and answered as it says.
struct Limits {
  std::size_t header_bytes = kHeaderBytes;   // 400
  std::chrono::milliseconds header{5000};    // from accept to its last byte: 408
  std::chrono::milliseconds dial{10'000};    // all addresses together: 504
  std::size_t connections = 8192;            // 429
  std::size_t connections_per_source = 256;  // an IPv4 address, an IPv6 /64: 429
  std::chrono::milliseconds farewell{1000};  // a refused client has to take its answer and go
  std::size_t farewells = 256;               // of one worker at once; more are closed unheard
};

// Where a tunnel may lead. The proxy looks the name up, never the client; what is dialled is one of these
// addresses.
struct Target {
  Authority authority;
  std::vector<asio::ip::tcp::endpoint> addresses;
  std::string why_none;  // when there are none
};

struct Policy {
  std::shared_ptr<const access::RuleSet> rules = std::make_shared<access::RuleSet>();
  std::vector<std::shared_ptr<const Target>> targets;
  bool allow_get = false;
  Limits limits;
};

// A connection's end, as the access log tells it.
enum class Verdict { tunnel, redirect, refused, failed, left };
BOOST_DESCRIBE_ENUM(Verdict, tunnel, redirect, refused, failed, left)

struct Source {
  access::Address address;
  std::uint16_t port = 0;
};
inline std::string to_text(const Source& source) {
  return to_text(Authority{Host{source.address, {}}, source.port});
}

struct Report {
  Source source;
  bool counted = true;  // against the limits of connections
  Verdict verdict = Verdict::left;
  int status = 0;          // 0: nothing was answered
  std::string request;     // its first line, control characters escaped
  std::string reason;      // of a refusal; of a tunnel, how it ended
  std::string address;     // that was dialled
  std::uint32_t rule = 0;  // line that decided about the source
  std::uint64_t up = 0;    // bytes
  std::uint64_t down = 0;
  std::chrono::milliseconds time{0};
};

}  // namespace jump::proxy
