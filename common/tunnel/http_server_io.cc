#include "common/tunnel/http_server_io.h"

#include <array>
#include <fstream>
#include <sstream>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "common/base/json.h"
#include "common/base/with_timeout.h"

namespace jump::tunnel {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kHeaderBytes = 16 * 1024;
constexpr std::size_t kPiece = 64 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// RFC 9110 section 10.1.1
bool asks_to_continue(const http::request<http::string_body>& request) {
  return request.version() >= 11 && boost::beast::iequals(request[http::field::expect], "100-continue");
}

std::string header_value(std::string value) {
  for (char& c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) c = '?';
  }
  return value;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Task<Result<HttpRequest>> HttpServerIo::read() {
  const bool first = std::exchange(first_, false);
  if (buffer_.empty()) {
    Task<Result<void>> waiting = transport_.readable();
    const Result<void> ready =
        co_await with_timeout(first ? times_.first : times_.rest, "the next request", std::move(waiting));
    if (!ready) co_return ready.error();
  }
  refuse_with_ = 0;
  Task<Result<HttpRequest>> reading = read_request();
  Result<HttpRequest> request = co_await with_timeout(times_.request, "the request", std::move(reading));
  if (request) co_return request;
  if (request.error().is(Fault::timed_out)) refuse_with_ = 408;
  if (refuse_with_ != 0) {
    HttpRequest last;
    last.keep_alive = false;
    HttpResponse response;
    response.status = refuse_with_;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = json::serialize(json::object{{"message", request.error().message()}});
    co_await write(last, std::move(response));
  }
  co_return request.error();
}

Task<Result<HttpRequest>> HttpServerIo::read_request() {
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(kHeaderBytes));
  parser.body_limit(body_limit_);
  parser.eager(true);
  bool continued = false;
  while (!parser.is_done()) {
    if (!buffer_.empty()) {
      boost::system::error_code failure;
      const std::size_t used = parser.put(asio::buffer(buffer_), failure);
      buffer_.erase(0, used);
      if (failure && failure != http::error::need_more) {
        refuse_with_ = failure == http::error::body_limit     ? 413
                       : failure == http::error::header_limit ? 431
                                                              : 400;
        co_return Error(Fault::malformed, "not a request that is understood: " + failure.message());
      }
      if (parser.is_done()) break;
      if (used > 0) continue;
    }
    if (parser.is_header_done() && !continued && asks_to_continue(parser.get())) {
      continued = true;
      Result<void> told = co_await send("HTTP/1.1 100 Continue\r\n\r\n");
      if (!told) co_return told.error();
    }
    Result<void> ready = co_await transport_.readable();
    if (!ready) co_return ready.error();
    std::array<std::uint8_t, 16384> bytes;
    while (true) {
      const Result<std::size_t> size = transport_.read_now(bytes);
      if (!size) co_return size.error();
      if (*size == 0) break;
      buffer_.append(reinterpret_cast<const char*>(bytes.data()), *size);
      if (buffer_.size() > kHeaderBytes + body_limit_) break;
    }
  }
  http::request<http::string_body> message = parser.release();
  HttpRequest request;
  request.method = message.method_string();
  request.target = message.target();
  request.keep_alive = message.keep_alive();
  for (const auto& field : message) {
    request.headers.emplace_back(lower(field.name_string()), std::string(field.value()));
  }
  request.body = std::move(message.body());
  co_return request;
}

Task<Result<void>> HttpServerIo::write(const HttpRequest& to, HttpResponse response) {
  std::uint64_t size = response.body.size();
  if (response.file) {
    std::ifstream file(*response.file, std::ios::binary | std::ios::ate);
    if (!file) {
      response.status = 404;
      response.file.reset();
      response.body = R"({"message":"the file is gone"})";
      size = response.body.size();
    } else {
      size = static_cast<std::uint64_t>(file.tellg());
    }
  }
  http::response<http::empty_body> head(static_cast<http::status>(response.status), 11);
  for (const auto& [name, value] : response.headers) head.insert(name, header_value(value));
  head.keep_alive(to.keep_alive);
  const bool bodyless = response.status == 204 || response.status == 304;
  if (!bodyless) head.content_length(size);
  std::ostringstream text;
  text << head.base();
  const std::string header = text.str();
  Result<void> sent = co_await send(header);
  if (!sent || bodyless || to.method == "HEAD") co_return sent;
  if (response.file) {
    sent = co_await send_file(*response.file, size);
  } else {
    sent = co_await send(response.body);
  }
  co_return sent;
}

Task<Result<void>> HttpServerIo::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const ByteView part = as_bytes(piece);
    Result<void> written = transport_.write_now({&part, 1});
    if (!written) co_return written;
    if (transport_.backlog()) {
      Task<Result<void>> taking = transport_.writable();
      written = co_await with_timeout(times_.taking, "the peer takes the answer", std::move(taking));
      if (!written) co_return written;
    }
    bytes.remove_prefix(piece.size());
  }
  co_return Result<void>();
}

// A file that grows meanwhile (a live recording) ends where it ended when the response began.
Task<Result<void>> HttpServerIo::send_file(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  std::string piece(kPiece, '\0');
  while (size > 0) {
    const auto want = static_cast<std::streamsize>(std::min<std::uint64_t>(size, piece.size()));
    file.read(piece.data(), want);
    if (file.gcount() != want)
      co_return Error(Fault::unavailable, "the file became shorter while it was sent");
    Result<void> sent = co_await send(std::string_view(piece).substr(0, static_cast<std::size_t>(want)));
    if (!sent) co_return sent;
    size -= static_cast<std::uint64_t>(want);
  }
  co_return Result<void>();
}

}  // namespace jump::tunnel
