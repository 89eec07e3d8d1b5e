// Short ways to write a Field, for the tables in schemas*.cc.
#pragma once

#include "tools/appliance/api/fields.h"

namespace jump::api {

inline constexpr std::int64_t kIdMost = 2147483647;

constexpr Field id(std::string_view name, unsigned rights = kRead, std::string_view role_right = {}) {
  return {.name = name,
          .kind = Kind::integer,
          .rights = rights,
          .least = 1,
          .most = kIdMost,
          .role_right = role_right};
}
constexpr Field number(std::string_view name, unsigned rights, std::int64_t least, std::int64_t most,
                       std::string_view initial = {}, std::string_view role_right = {}) {
  return {.name = name,
          .kind = Kind::integer,
          .rights = rights,
          .least = least,
          .most = most,
          .initial = initial,
          .role_right = role_right};
}
constexpr Field text(std::string_view name, unsigned rights, std::int64_t least, std::int64_t most,
                     std::string_view role_right = {}, Pattern pattern = Pattern::none) {
  return {.name = name,
          .rights = rights,
          .least = least,
          .most = most,
          .pattern = pattern,
          .role_right = role_right};
}
constexpr Field shown_text(std::string_view name) {
  return {.name = name};
}
constexpr Field one_of(std::string_view name, unsigned rights, std::string_view values,
                       std::string_view initial = {}, std::string_view role_right = {}) {
  return {.name = name, .rights = rights, .values = values, .initial = initial, .role_right = role_right};
}
constexpr Field flag(std::string_view name, unsigned rights = kRead, std::string_view initial = "false",
                     std::string_view role_right = {}) {
  return {
      .name = name, .kind = Kind::boolean, .rights = rights, .initial = initial, .role_right = role_right};
}
constexpr Field time(std::string_view name, unsigned rights = kRead) {
  return {.name = name, .kind = Kind::date_time, .rights = rights};
}
constexpr Field object(std::string_view name) {
  return {.name = name, .kind = Kind::object};
}
constexpr Field strings(std::string_view name, unsigned rights, std::int64_t most,
                        std::string_view role_right = {}) {
  return {.name = name, .kind = Kind::strings, .rights = rights, .most = most, .role_right = role_right};
}

}  // namespace jump::api
