// HTTP/1.1 over a Transport: one request, one answer, the connection kept for the next (RFC 9112).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/tunnel/transport.h"

namespace jump::console {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // "/api/config/v1/…", encoded
  std::string authorization;
  std::string content_type;
  std::string body;
};

struct HttpResponse {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool keep_alive = false;
};

inline constexpr std::size_t kHttpHeadBytes = 64 * 1024;
inline constexpr std::uint64_t kHttpBodyBytes = 64ull * 1024 * 1024;

// `sink`, when given, gets the body of a 2xx answer piece by piece, without a limit; the answer's body stays
// empty. It returns what to do about the next piece. Fault::closed: the connection ended before the first
// byte of an answer, so that a kept connection may be tried anew.
using BodySink = std::function<Result<void>(std::string_view)>;
Task<Result<HttpResponse>> exchange(tunnel::Transport& transport, std::string host, HttpRequest request,
                                    BodySink sink = {});

// For a query: everything but RFC 3986's unreserved characters as %XX.
std::string url_encode(std::string_view text);

}  // namespace jump::console
