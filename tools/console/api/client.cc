#include "tools/console/api/client.h"

#include "common/base/with_timeout.h"

namespace jump::console {
namespace {

constexpr unsigned kTooMany = 429;
constexpr auto kRatePause = std::chrono::milliseconds(300);
constexpr auto kRatePauseMost = std::chrono::seconds(4);
constexpr auto kAnswerTimeout = std::chrono::seconds(60);
constexpr std::int64_t kPerPage = 100;  // the most that the API gives

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

void put_json(HttpRequest& request, const json::value& body) {
  if (body.is_null()) return;
  request.content_type = "application/json";
  request.body = json::serialize(body);
}

Task<Result<HttpResponse>> timed(tunnel::Transport& transport, std::string host, HttpRequest request,
                                 BodySink sink) {
  // A long body is slow by nature: only its answer without one is timed.
  const bool streamed = static_cast<bool>(sink);
  auto exchanging = exchange(transport, host, std::move(request), std::move(sink));
  if (streamed) co_return co_await std::move(exchanging);
  co_return co_await with_timeout(kAnswerTimeout, host, std::move(exchanging));
}

}  // namespace

std::string query_text(const Query& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "?" : "&") + url_encode(name) + "=" + url_encode(value);
  }
  return text;
}

Error api_error(unsigned status, std::string_view body) {
  std::string text;
  const Result<json::value> value = parse_json_value(body, kHttpBodyBytes);
  if (value && value->is_object()) {
    const json::object& object = value->get_object();
    text = printable(text_of(object, "message"));
    std::string fields;
    const json::value* errors = object.if_contains("errors");
    if (errors != nullptr && errors->is_object()) {
      for (const auto& [field, texts] : errors->get_object()) {
        if (!texts.is_array()) continue;
        for (const json::value& one : texts.get_array()) {
          if (!one.is_string()) continue;
          fields += (fields.empty() ? "" : "; ") + printable(std::string_view(field), 64) + ": " +
                    printable(std::string_view(one.get_string()));
        }
      }
    }
    if (!fields.empty()) text += text.empty() ? fields : " (" + fields + ")";
    if (text.empty()) text = printable(text_of(object, "error_description"));
    if (text.empty()) text = printable(text_of(object, "error"));
  }
  if (text.empty()) text = "the appliance answered " + std::to_string(status);
  const Fault fault = status == 401   ? Fault::unauthenticated
                      : status == 403 ? Fault::refused
                      : status == 404 ? Fault::not_found
                      : status == 422 ? Fault::invalid
                      : status == 429 ? Fault::unavailable
                      : status >= 500 ? Fault::unavailable
                                      : Fault::refused;
  return {fault, std::move(text)};
}

ApiClient::ApiClient(identity::HostPort address, TrustPtr trust, std::string token)
    : address_(std::move(address)), trust_(std::move(trust)), token_(std::move(token)) {}

HttpRequest ApiClient::made(std::string method, std::string_view path, const Query& query) const {
  HttpRequest request;
  request.method = std::move(method);
  request.target =
      (path.starts_with("//") ? std::string(path.substr(1)) : std::string(kApiRoot) + std::string(path)) +
      query_text(query);
  if (!token_.empty()) request.authorization = "Bearer " + token_;
  return request;
}

// A kept connection may have been closed meanwhile: then once more over a new one. What was sent twice may
// have been done twice only where the appliance read a request and died before its answer; so only for GET.
// Over the rate that is allowed to one account nothing was done: it is asked again a little later.
Task<Result<HttpResponse>> ApiClient::request(HttpRequest request, BodySink sink) {
  for (auto pause = kRatePause;; pause *= 2) {
    const bool kept = connection_ != nullptr;
    std::optional<Result<HttpResponse>> response;
    if (kept && request.method == "GET") {
      response.emplace(co_await timed(*connection_, to_text(address_), request, sink));
      if (!*response && response->error().is(Fault::closed)) response.reset();
    }
    if (!response) {
      if (!kept || request.method == "GET") {
        Task<Result<std::unique_ptr<tunnel::TlsStream>>> dialling =
            connect(address_, trust_->client(), std::string(tunnel::kAlpnPinnedHttp));
        Result<std::unique_ptr<tunnel::TlsStream>> stream = co_await std::move(dialling);
        if (!stream) co_return stream.error();
        connection_ = std::move(*stream);
      }
      response.emplace(co_await timed(*connection_, to_text(address_), request, sink));
    }
    if (!*response || !(*response)->keep_alive) connection_.reset();
    const bool again = *response && (*response)->status == kTooMany && pause <= kRatePauseMost;
    if (!again) co_return std::move(*response);
    co_await sleep_for(pause);
  }
}

Task<Result<json::value>> ApiClient::json_request(HttpRequest request) {
  const Result<HttpResponse> response = co_await this->request(std::move(request), BodySink());
  if (!response) co_return response.error();
  if (!is_success(response->status)) co_return api_error(response->status, response->body);
  if (response->body.empty()) co_return json::value(nullptr);
  Result<json::value> value = parse_json_value(response->body, kHttpBodyBytes);
  if (!value) co_return wrap(value.error(), "the appliance's answer");
  co_return value;
}

Task<Result<json::value>> ApiClient::get(std::string path, Query query) {
  HttpRequest request = made("GET", path, query);
  co_return co_await json_request(std::move(request));
}

Task<Result<json::value>> ApiClient::post(std::string path, json::value body) {
  HttpRequest request = made("POST", path, {});
  put_json(request, body);
  co_return co_await json_request(std::move(request));
}

Task<Result<json::value>> ApiClient::patch(std::string path, json::value body) {
  HttpRequest request = made("PATCH", path, {});
  put_json(request, body);
  co_return co_await json_request(std::move(request));
}

Task<Result<json::value>> ApiClient::remove(std::string path) {
  HttpRequest request = made("DELETE", path, {});
  co_return co_await json_request(std::move(request));
}

Task<Result<json::array>> ApiClient::list(std::string path, Query query, std::size_t limit) {
  json::array all;
  query.emplace_back("per_page", std::to_string(kPerPage));
  query.emplace_back("current_page", "1");
  for (std::int64_t page = 1;; ++page) {
    query.back().second = std::to_string(page);
    HttpRequest request = made("GET", path, query);
    const Result<HttpResponse> response = co_await this->request(std::move(request), BodySink());
    if (!response) co_return response.error();
    if (!is_success(response->status)) co_return api_error(response->status, response->body);
    Result<json::value> value = parse_json_value(response->body, kHttpBodyBytes);
    if (!value) co_return wrap(value.error(), "the appliance's answer");
    if (!value->is_array()) co_return Error(Fault::malformed, "the appliance's answer is no list");
    for (json::value& one : value->get_array()) {
      if (all.size() >= limit) co_return all;
      all.push_back(std::move(one));
    }
    const auto last = response->headers.find("x-bt-pagination-last-page");
    const std::int64_t pages = last == response->headers.end() ? 1 : std::atoll(last->second.c_str());
    if (page >= pages || value->get_array().empty()) co_return all;
  }
}

Task<Result<void>> ApiClient::fetch(std::string path, BodySink sink) {
  HttpRequest request = made("GET", path, {});
  const Result<HttpResponse> response = co_await this->request(std::move(request), std::move(sink));
  if (!response) co_return response.error();
  if (!is_success(response->status)) co_return api_error(response->status, response->body);
  co_return Result<void>();
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                : std::string();
}

std::optional<std::int64_t> number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code failed;
  const std::int64_t number = value->to_number<std::int64_t>(failed);
  return failed ? std::nullopt : std::optional(number);
}

bool flag_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace jump::console
