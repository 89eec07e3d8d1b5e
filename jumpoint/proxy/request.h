// What a client of the proxy asks, read strictly (RFC 9110, RFC 9112): no second reading of any byte is
// possible, because whatever two programs could understand in two ways is refused. Pure functions over bytes.
//
//     CONNECT appliance.example:443 HTTP/1.1     a tunnel
//     GET http://appliance.example/x HTTP/1.1    a redirect to https, where that is switched on
//
// A header is whole lines that end with CR LF, no folded lines, no blanks before a colon, no control bytes;
// exactly one Host from HTTP/1.1 on, which names the same place as the first line; no body, no
// Transfer-Encoding, no Expect, nothing behind the header.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jumpoint/proxy/authority.h"

namespace jump::proxy {

inline constexpr std::size_t kHeaderBytes = 8192;  // what a header may be at most; limits may say less

// Why a request is not served; also the words of the answer's body and of the access log.
struct Refusal {
  int status = 400;
  std::string reason;
};

struct Tunnel {
  Authority target;
};
struct Redirect {
  Authority target;  // port 80 where none was written
  std::string path;  // "/" at least, with its query
  bool body = true;  // false: HEAD
};
using Wish = std::variant<Tunnel, Redirect>;

struct Asked {
  // The header is not whole yet when neither is there.
  std::optional<Wish> wish;
  std::optional<Refusal> refusal;
  std::string_view line;  // the first line, for the log, once it is there; it stands in `received`
};

// Everything that was received, from its first byte on; what is malformed is refused as soon as it is seen.
Asked read_request(std::string_view received, bool allow_get, std::size_t limit = kHeaderBytes);

// A whole answer, after which the connection is closed: the reason is its body.
std::string refusal_answer(const Refusal& refusal, bool allow_get);
// 308 to https://target/path.
std::string redirect_answer(const Authority& target, const Redirect& redirect);
// The header of a tunnel that stands.
std::string_view tunnel_answer();

}  // namespace jump::proxy
