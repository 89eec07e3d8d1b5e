// HTTP/1.1 over a Transport, the server's half: one request after the other, by Boost.Beast's parsers fed by hand. For
// the appliance's API and pages. Nothing here knows routes.
//
// Limits: header 16 KiB and 10 s, body as given and 60 s, 100 requests or 5 minutes of rest for a connection. A request that
// breaks HTTP gets 400, one that is too large 413 or 431, one that is too slow 408; then the connection closes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/tunnel/transport.h"

namespace jump::tunnel {

struct HttpRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;

  // The first header of this name (lower case); empty when there is none.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Instead of `body`: the file of this path as it is now.
  std::optional<std::string> file;
};

class HttpServerIo {
 public:
  HttpServerIo(Transport& transport, std::size_t body_limit) : transport_(transport), body_limit_(body_limit) {}

  // The next request. An error ends the connection; the peer has been told when there was something to tell.
  Task<Result<HttpRequest>> read();
  Task<Result<void>> write(const HttpRequest& to, HttpResponse response);

 private:
  Task<Result<HttpRequest>> read_request();
  Task<Result<void>> send(std::string_view bytes);
  Task<Result<void>> send_file(const std::string& path, std::uint64_t size);

  Transport& transport_;
  std::size_t body_limit_;
  std::string buffer_;       // read and not parsed
  unsigned refuse_with_ = 0;
};

}  // namespace jump::tunnel
