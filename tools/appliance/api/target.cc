#include "tools/appliance/api/target.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace jump::api {
namespace {

constexpr std::size_t kSegments = 16;
constexpr std::size_t kParameters = 32;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = digit(text[i + 1]), low = digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::optional<std::string_view> scheme_value(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return std::nullopt;
  if (!equal_without_case(authorization.substr(0, scheme.size()), scheme)) return std::nullopt;
  std::string_view value = authorization.substr(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  if (value.empty()) return std::nullopt;
  return value;
}

// RFC 4648 section 4; padding may be left out.
std::optional<std::string> from_base64(std::string_view text) {
  std::string url(text);
  while (url.ends_with('=')) url.pop_back();
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  const Result<Bytes> bytes = from_base64url(url);
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

}  // namespace

const std::string* Target::find(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    std::optional<std::string> key = percent_decode(item.substr(0, equals), true);
    std::optional<std::string> value =
        percent_decode(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1), true);
    if (!key || !value) return Error(Fault::malformed, "a parameter is not percent-encoded UTF-8");
    if (parameters.size() == kParameters) {
      return Error(Fault::malformed, "more than " + std::to_string(kParameters) + " parameters");
    }
    const bool twice =
        std::any_of(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == *key; });
    if (twice) return Error(Fault::malformed, "the parameter '" + printable(*key, 64) + "' is given twice");
    parameters.emplace_back(std::move(*key), std::move(*value));
  }
  return parameters;
}

Result<Target> parse_target(std::string_view text) {
  if (!text.starts_with('/')) return Error(Fault::malformed, "the target does not begin with /");
  Target target;
  const std::size_t question = text.find('?');
  target.path = text.substr(0, question);
  std::string_view rest = std::string_view(target.path).substr(1);
  while (!rest.empty() || target.path == "/") {
    const std::string_view piece = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
    std::optional<std::string> segment = percent_decode(piece, false);
    if (!segment) return Error(Fault::malformed, "the path is not percent-encoded UTF-8");
    if (target.segments.size() == kSegments) return Error(Fault::malformed, "the path is too deep");
    target.segments.push_back(std::move(*segment));
    if (rest.empty()) break;
  }
  if (question != std::string_view::npos) {
    Result<std::vector<std::pair<std::string, std::string>>> query = parse_form(text.substr(question + 1));
    if (!query) return query.error();
    target.query = std::move(*query);
  }
  return target;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  return scheme_value(authorization, "Bearer");
}

std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view authorization) {
  const std::optional<std::string_view> value = scheme_value(authorization, "Basic");
  if (!value) return std::nullopt;
  const std::optional<std::string> text = from_base64(*value);
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  std::optional<std::string> name = percent_decode(std::string_view(*text).substr(0, colon), true);
  std::optional<std::string> password = percent_decode(std::string_view(*text).substr(colon + 1), true);
  if (!name || !password) return std::nullopt;
  return std::pair(std::move(*name), std::move(*password));
}

}  // namespace jump::api
