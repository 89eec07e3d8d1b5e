#include "tools/console/api/http.h"

#include <algorithm>
#include <array>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace jump::console {
namespace {

namespace http = boost::beast::http;
constexpr std::size_t kPiece = 16 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;

std::string head_of(const std::string& host, const HttpRequest& request) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + host +
                     "\r\nAccept: application/json\r\nUser-Agent: jump\r\n";
  if (!request.authorization.empty()) text += "Authorization: " + request.authorization + "\r\n";
  if (!request.content_type.empty()) text += "Content-Type: " + request.content_type + "\r\n";
  if (!request.body.empty() || request.method != "GET") {
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return text + "\r\n";
}

Task<Result<void>> send(tunnel::Transport& transport, std::string text) {
  ByteView rest = as_bytes(text);
  while (!rest.empty()) {
    const ByteView part = rest.first(std::min(rest.size(), kWriteBytes));
    Result<void> written = transport.write_now({&part, 1});
    if (written && transport.backlog()) written = co_await transport.writable();
    if (!written) co_return written;
    rest = rest.subspan(part.size());
  }
  co_return Result<void>();
}

// Collects the body, or passes it on; Beast calls it with the pieces as they come, without chunk framing.
class Collector : public http::basic_parser<false> {
 public:
  explicit Collector(BodySink sink) : sink_(std::move(sink)) {
    header_limit(kHttpHeadBytes);
    eager(true);
    if (sink_) {
      body_limit(boost::none);
    } else {
      body_limit(kHttpBodyBytes);
    }
  }
  HttpResponse response;
  Result<void> refused;

 private:
  using View = boost::beast::string_view;
  using Code = boost::beast::error_code;

  void on_request_impl(http::verb, View, View, int, Code&) override {}
  void on_response_impl(int status, View, int, Code&) override {
    response.status = static_cast<unsigned>(status);
  }
  void on_field_impl(http::field, View name, View value, Code&) override {
    std::string key(name);
    std::ranges::transform(key, key.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    response.headers[key] = std::string(value);
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(View piece, Code& code) override {
    take(piece, code);
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View piece, Code& code) override {
    take(piece, code);
    return piece.size();
  }
  void on_finish_impl(Code&) override {}

  void take(View piece, Code& code) {
    const std::string_view text(piece.data(), piece.size());
    if (!sink_ || response.status < 200 || response.status > 299) {
      if (response.body.size() + text.size() > kHttpBodyBytes) {
        code = http::error::body_limit;
        return;
      }
      response.body += text;
      return;
    }
    refused = sink_(text);
    if (!refused) code = http::error::end_of_stream;
  }

  BodySink sink_;
};

}  // namespace

std::string url_encode(std::string_view text) {
  constexpr std::string_view kPlain = "-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[b >> 4], kHex[b & 15]};
    }
  }
  return out;
}

Task<Result<HttpResponse>> exchange(tunnel::Transport& transport, std::string host, HttpRequest request,
                                    BodySink sink) {
  const Result<void> sent = co_await send(transport, head_of(host, request) + request.body);
  if (!sent) co_return Error(Fault::closed, sent.error().message());
  Collector parser(std::move(sink));
  Bytes buffer;
  std::size_t used = 0;
  bool any = false;
  while (!parser.is_done()) {
    const Result<void> ready = co_await transport.readable();
    Result<std::size_t> size = std::size_t{0};
    if (ready) {
      buffer.resize(used + kPiece);
      size = transport.read_now(std::span(buffer).subspan(used));
    } else {
      size = ready.error();
    }
    boost::beast::error_code failed;
    if (!size) {
      if (!any) co_return Error(Fault::closed, size.error().message());
      // The end of the connection may be the end of the body.
      if (parser.is_header_done()) parser.put_eof(failed);
      if (!parser.is_done()) co_return wrap(size.error(), "the answer was cut off");
      break;
    }
    if (*size == 0) continue;
    any = true;
    used += *size;
    buffer.resize(used);
    while (used > 0 && !parser.is_done()) {
      const std::size_t parsed = parser.put(asio::buffer(buffer.data(), used), failed);
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(parsed));
      used -= parsed;
      if (failed == http::error::need_more) break;
      if (failed) co_return parser.refused ? Error(failed, "the answer is no HTTP") : parser.refused.error();
    }
    if (used > 2 * kHttpHeadBytes)
      co_return Error(Fault::too_large, "the answer's head is larger than 64 KiB");
  }
  parser.response.keep_alive = parser.keep_alive();
  co_return std::move(parser.response);
}

}  // namespace jump::console
