// The target of a request (RFC 9112 3.2.1, origin form): path segments and query, decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace jump::api {

struct Target {
  std::string path;                                        // as received, without the query
  std::vector<std::string> segments;                       // decoded, at most 16
  std::vector<std::pair<std::string, std::string>> query;  // decoded, at most 32

  const std::string* find(std::string_view name) const;
};

// Fault::malformed for anything but "/…" with well-formed percent encoding of UTF-8, and for a parameter
// given twice.
Result<Target> parse_target(std::string_view text);
// "a=b&c=d", also a form body (application/x-www-form-urlencoded).
Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text);
// For a query value or a path segment.
std::string percent_encode(std::string_view text);

// "Bearer xyz" → xyz; nothing for another scheme or an empty value. The scheme is case-insensitive.
std::optional<std::string_view> bearer_token(std::string_view authorization);
// "Basic …" → name and password, each percent-decoded for client credentials (RFC 6749 2.3.1).
std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view authorization);

}  // namespace jump::api
