// The REST API of the appliance, as `jump` uses it: one kept connection, JSON in and out, errors in the words
// of the API.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "tools/console/api/connect.h"
#include "tools/console/api/http.h"
#include "tools/console/api/trust.h"

namespace jump::console {

inline constexpr std::string_view kApiRoot = "/api/config/v1";

using Query = std::vector<std::pair<std::string, std::string>>;
// "?a=1&b=x%20y", or nothing.
std::string query_text(const Query& query);

// Why an answer is no success, in one line: "the group is not empty (name: is taken already; tag: …)".
// `status` and the body as received; what a peer wrote is made printable.
Error api_error(unsigned status, std::string_view body);

class ApiClient {
 public:
  ApiClient(identity::HostPort address, TrustPtr trust, std::string token);

  // Paths are below kApiRoot, but for those that begin with "//" (then one slash less): "/jump-client",
  // "//oauth2/token". The JSON of a 2xx; null for one without a body.
  Task<Result<json::value>> get(std::string path, Query query = {});
  // A null body is none.
  Task<Result<json::value>> post(std::string path, json::value body);
  Task<Result<json::value>> patch(std::string path, json::value body);
  Task<Result<json::value>> remove(std::string path);
  // All pages of a list, at most `limit` items.
  Task<Result<json::array>> list(std::string path, Query query, std::size_t limit = kListMost);
  // A body that is no JSON, piece by piece.
  Task<Result<void>> fetch(std::string path, BodySink sink);

  static constexpr std::size_t kListMost = 100'000;

 private:
  Task<Result<HttpResponse>> request(HttpRequest request, BodySink sink);
  Task<Result<json::value>> json_request(HttpRequest request);
  HttpRequest made(std::string method, std::string_view path, const Query& query) const;

  identity::HostPort address_;
  TrustPtr trust_;
  std::string token_;
  std::unique_ptr<tunnel::TlsStream> connection_;
};

// Members of a JSON object that may not be there.
std::string text_of(const json::object& object, std::string_view name);
std::optional<std::int64_t> number_of(const json::object& object, std::string_view name);
bool flag_of(const json::object& object, std::string_view name);

}  // namespace jump::console
