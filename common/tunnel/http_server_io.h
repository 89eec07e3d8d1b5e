// HTTP/1.1 over a Transport, the server's half: one request after the other, by Boost.Beast's parsers fed by
// hand. For the appliance's API and pages. Nothing here knows routes.
//
// Limits: header 16 KiB, body as given; the first request begins within 10 s and the next within 60 s of
// rest, each is complete within 60 s; of an answer, the peer takes something every 60 s. A request that
// breaks HTTP gets 400, one that is too large 413 or 431, one that is too slow 408; then the connection
// closes.
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
  // Control characters in a value are sent as '?': a value that somebody else chose must not begin a new
  // header.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Instead of `body`: the file of this path as it is now.
  std::optional<std::string> file;
};

struct HttpTimes {
  std::chrono::nanoseconds first = std::chrono::seconds(10);
  std::chrono::nanoseconds rest = std::chrono::seconds(60);
  std::chrono::nanoseconds request = std::chrono::seconds(60);
  std::chrono::nanoseconds taking = std::chrono::seconds(60);
};

class HttpServerIo {
 public:
  // `transport` outlives this.
  HttpServerIo(Transport& transport, std::size_t body_limit, HttpTimes times = {})
      : transport_(transport), body_limit_(body_limit), times_(times) {}

  // The next request. An error ends the connection; the peer has been told when there was something to tell.
  Task<Result<HttpRequest>> read();
  Task<Result<void>> write(const HttpRequest& to, HttpResponse response);

 private:
  Task<Result<HttpRequest>> read_request();
  Task<Result<void>> send(std::string_view bytes);
  Task<Result<void>> send_file(const std::string& path, std::uint64_t size);

  Transport& transport_;
  std::size_t body_limit_;
  HttpTimes times_;
  bool first_ = true;
  std::string buffer_;  // read and not parsed
  unsigned refuse_with_ = 0;
};

}  // namespace jump::tunnel
