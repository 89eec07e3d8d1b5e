#include "jumpoint/proxy/request.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace jump::proxy {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// tchar of RFC 9110 section 5.6.2.
bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}
bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}
// A field's value: HTAB, blanks, visible characters and obs-text (RFC 9110 section 5.5).
bool is_value_char(char c) {
  return c == '\t' || c == ' ' || is_visible(c) || static_cast<unsigned char>(c) >= 0x80;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Refusal malformed(std::string reason) {
  return {400, std::move(reason)};
}
std::string quoted(std::string_view text) {
  return "'" + printable(text, 100) + "'";
}

struct FirstLine {
  std::string_view method;
  std::string_view target;
  int minor = 1;  // of HTTP/1.x
};

std::variant<FirstLine, Refusal> read_first_line(std::string_view line) {
  FirstLine first;
  const std::size_t one = line.find(' ');
  const std::size_t two = one == std::string_view::npos ? one : line.find(' ', one + 1);
  if (two == std::string_view::npos) return malformed("the first line is not METHOD TARGET HTTP/1.x");
  first.method = line.substr(0, one);
  first.target = line.substr(one + 1, two - one - 1);
  const std::string_view version = line.substr(two + 1);
  if (!is_token(first.method)) return malformed("the method is not a token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return malformed("version " + quoted(version) + " is not HTTP/1.0 or HTTP/1.1");
  }
  first.minor = version.back() - '0';
  if (first.target.empty() || !std::all_of(first.target.begin(), first.target.end(), is_visible)) {
    return malformed("the target holds something else than visible ASCII characters");
  }
  return first;
}

std::variant<Wish, Refusal> read_wish(const FirstLine& first, bool allow_get) {
  if (first.method == "CONNECT") {
    const std::optional<Authority> target = parse_authority(first.target);
    if (!target) return malformed("CONNECT needs HOST:PORT, not " + quoted(first.target));
    return Wish(Tunnel{*target});
  }
  const bool get = first.method == "GET" || first.method == "HEAD";
  if (!get || !allow_get) {
    return Refusal{405, "method " + quoted(first.method) + " is not served here"};
  }
  constexpr std::string_view kScheme = "http://";
  if (!same_name(first.target.substr(0, kScheme.size()), kScheme)) {
    return malformed("this is a proxy: the target must be http://HOST/…, not " + quoted(first.target));
  }
  std::string_view rest = first.target.substr(kScheme.size());
  if (rest.find('#') != std::string_view::npos) return malformed("the target has a fragment");
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::optional<Authority> target = parse_authority(rest.substr(0, end), std::uint16_t{80});
  if (!target) return malformed(quoted(rest.substr(0, end)) + " is not HOST or HOST:PORT");
  rest.remove_prefix(end);
  // Back slashes, which browsers take for slashes, cannot lead elsewhere behind a host of our own.
  Redirect redirect{*target, std::string(rest), first.method == "GET"};
  if (!redirect.path.starts_with('/')) redirect.path.insert(0, "/");
  return Wish(std::move(redirect));
}

const Authority& target_of(const Wish& wish) {
  return std::visit([](const auto& one) -> const Authority& { return one.target; }, wish);
}

std::optional<Refusal> check_host(std::string_view value, const Wish& wish) {
  const Authority& target = target_of(wish);
  const std::optional<Authority> host = parse_authority(value, target.port);
  if (!host) return malformed("Host " + quoted(value) + " is not HOST or HOST:PORT");
  if (*host != target) return malformed("Host " + quoted(value) + " is not the target of the first line");
  return std::nullopt;
}

std::optional<Refusal> check_fields(std::string_view fields, const FirstLine& first, const Wish& wish) {
  int hosts = 0;
  int lengths = 0;
  while (!fields.empty()) {
    const std::size_t end = fields.find(kLineEnd);
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(end + kLineEnd.size());
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name)) {
      return malformed(
          "a header line is not NAME: VALUE (blanks before the colon and folded lines are refused)");
    }
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_value_char)) {
      return malformed("header " + quoted(name) + " holds control characters");
    }
    if (same_name(name, "Host")) {
      if (++hosts > 1) return malformed("more than one Host");
      if (std::optional<Refusal> refusal = check_host(value, wish)) return refusal;
    } else if (same_name(name, "Content-Length")) {
      if (++lengths > 1 || value != "0") return malformed("a request with a body is refused");
    } else if (same_name(name, "Transfer-Encoding") || same_name(name, "Expect")) {
      return malformed("a request with " + std::string(name) + " is refused");
    }
  }
  if (hosts == 0 && first.minor == 1) return malformed("HTTP/1.1 needs a Host");
  return std::nullopt;
}

// What makes the bytes so far hopeless: nobody waits for the rest of them.
std::optional<Refusal> check_bytes(std::string_view received) {
  for (std::size_t i = 0; i < received.size(); ++i) {
    const char c = received[i];
    if (c == '\n' && (i == 0 || received[i - 1] != '\r')) return malformed("a line ends without CR");
    if (i > 0 && received[i - 1] == '\r' && c != '\n') return malformed("CR without LF");
    if (c != '\r' && c != '\n' && !is_value_char(c)) return malformed("the header holds control characters");
  }
  return std::nullopt;
}

const char* phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 429:
      return "Too Many Requests";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Refused";
  }
}

}  // namespace

Asked read_request(std::string_view received, bool allow_get, std::size_t limit) {
  Asked asked;
  const std::size_t end = received.find("\r\n\r\n");
  const std::size_t header = end == std::string_view::npos ? received.size() : end + 4;
  const std::size_t line_end = received.find(kLineEnd);
  if (line_end != std::string_view::npos) asked.line = received.substr(0, line_end);
  if (header > limit || (end == std::string_view::npos && received.size() == limit)) {
    asked.refusal = malformed("the header is longer than " + std::to_string(limit) + " bytes");
    return asked;
  }
  asked.refusal = check_bytes(received.substr(0, header));
  if (asked.refusal || line_end == std::string_view::npos) return asked;
  const std::variant<FirstLine, Refusal> first = read_first_line(asked.line);
  if (const auto* refusal = std::get_if<Refusal>(&first)) {
    asked.refusal = *refusal;
    return asked;
  }
  if (end == std::string_view::npos) return asked;
  std::variant<Wish, Refusal> wish = read_wish(std::get<FirstLine>(first), allow_get);
  if (const auto* refusal = std::get_if<Refusal>(&wish)) {
    asked.refusal = *refusal;
    return asked;
  }
  const std::string_view fields = received.substr(line_end + 2, end - line_end);
  asked.refusal = check_fields(fields, std::get<FirstLine>(first), std::get<Wish>(wish));
  if (!asked.refusal && received.size() > header) {
    asked.refusal = malformed("bytes behind the header: a body or a second request");
  }
  if (!asked.refusal) asked.wish = std::move(std::get<Wish>(wish));
  return asked;
}

std::string refusal_answer(const Refusal& refusal, bool allow_get) {
  const std::string body = refusal.reason + "\n";
  std::string answer = "HTTP/1.1 " + std::to_string(refusal.status) + " " + phrase(refusal.status) + "\r\n";
  if (refusal.status == 405) answer += allow_get ? "Allow: CONNECT, GET, HEAD\r\n" : "Allow: CONNECT\r\n";
  if (refusal.status == 429 || refusal.status == 503) answer += "Retry-After: 5\r\n";
  answer += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + body;
  return answer;
}

std::string redirect_answer(const Authority& target, const Redirect& redirect) {
  const std::string place =
      "https://" + (target.port == 443 ? to_text(target.host) : to_text(target)) + redirect.path;
  const std::string body = "The appliance speaks https only: " + place + "\n";
  return "HTTP/1.1 308 Permanent Redirect\r\nLocation: " + place +
         "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + (redirect.body ? body : "");
}

std::string_view tunnel_answer() {
  return "HTTP/1.1 200 Connection established\r\n\r\n";
}

}  // namespace jump::proxy
