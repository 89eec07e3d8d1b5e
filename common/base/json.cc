#include "common/base/json.h"

namespace jump {

Result<json::value> parse_json_value(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    return Error(Fault::too_large, "JSON of " + std::to_string(text.size()) + " bytes, at most " +
                                       std::to_string(limit) + " are taken");
  }
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code failure;
  json::value value = json::parse(text, failure, {}, options);
  if (failure) return Error(Fault::malformed, "not JSON: " + failure.message());
  return value;
}

}  // namespace jump
