// tools/appliance/openapi.yaml, as it was when the program was built.
#pragma once

#include <string_view>

namespace jump::api {

std::string_view openapi_yaml();

}  // namespace jump::api
