// HTTP CONNECT, the client's side (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3).
#include <optional>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "common/tunnel/proxy_dialogue.h"

namespace jump::tunnel {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kHeaderBytes = 8192;
constexpr std::size_t kReasonBytes = 200;

std::string base64(std::string_view text) {
  // Plain base64 (RFC 4648 section 4) from the url form.
  std::string encoded = to_base64url(as_bytes(text));
  for (char& c : encoded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  encoded.append((4 - encoded.size() % 4) % 4, '=');
  return encoded;
}

class HttpConnect final : public ProxyDialogue {
 public:
  HttpConnect(const Address& target, std::string user, Secret password)
      : target_(to_text(target)), user_(std::move(user)), password_(std::move(password)) {}

  Bytes begin() override {
    std::string request = "CONNECT " + target_ + " HTTP/1.1\r\nHost: " + target_ + "\r\n";
    if (!user_.empty()) {
      std::string pair = user_ + ":" + std::string(password_.reveal_text());
      request += "Proxy-Authorization: Basic " + base64(pair) + "\r\n";
      wipe(pair.data(), pair.size());
    }
    request += "\r\n";
    Bytes bytes = to_bytes(request);
    wipe(request.data(), request.size());
    return bytes;
  }

  Result<Step> received(ByteView bytes) override {
    answer_.append(as_text(bytes));
    const std::size_t end = answer_.find("\r\n\r\n");
    if (end == std::string::npos || end + 4 > kHeaderBytes) {
      if (answer_.size() <= kHeaderBytes) return Step{};
      return Error(Fault::too_large,
                   "the proxy's answer has a header of more than " + std::to_string(kHeaderBytes) + " bytes");
    }
    http::response_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(kHeaderBytes));
    parser.skip(true);
    boost::system::error_code failed;
    const std::size_t used = parser.put(boost::asio::buffer(answer_), failed);
    if (failed || !parser.is_header_done()) {
      return Error(Fault::malformed, "the proxy's answer is no HTTP: " + failed.message());
    }
    const auto& answer = parser.get();
    const std::string_view rest = std::string_view(answer_).substr(used);
    const unsigned status = answer.result_int();
    if (status < 200) {  // an interim answer; the real one follows
      answer_.erase(0, used);
      return answer_.empty() ? Result<Step>(Step{}) : received({});
    }
    if (status >= 300)
      return refusal(status, std::string_view(answer.reason().data(), answer.reason().size()), rest);
    if (!rest.empty()) return Error(Fault::malformed, "the proxy sent bytes behind its answer");
    Step step;
    step.done = true;
    return step;
  }

 private:
  Error refusal(unsigned status, std::string_view reason, std::string_view body) const {
    std::string text = "the proxy refused " + target_ + ": " + std::to_string(status);
    if (!reason.empty()) text += " " + printable(reason, 80);
    // Pages for browsers say nothing in their first line.
    if (!body.empty() && body.front() != '<') {
      text += " (" + printable(body.substr(0, body.find_first_of("\r\n")), kReasonBytes) + ")";
    }
    return {Fault::refused, std::move(text)};
  }

  std::string target_;
  std::string user_;
  Secret password_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<ProxyDialogue> http_connect(const Address& target, std::string user, Secret password) {
  return std::make_unique<HttpConnect>(target, std::move(user), std::move(password));
}

}  // namespace jump::tunnel
