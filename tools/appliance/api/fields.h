// The API's objects as data: each field's type, limits and rights, declared once. Requests are checked by it,
// responses are made by it, and a test holds openapi.yaml against it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace jump::api {

enum class Kind { integer, string, boolean, date_time, strings, object };

enum class Pattern {
  none,        // any text without control characters
  text,        // line ends and tabs too
  code_name,   // [a-zA-Z0-9_-]+
  team_queue,  // team:[a-zA-Z0-9_-]+
  address,     // host:port
};

enum Right : unsigned {
  kRead = 1,   // shown
  kWrite = 2,  // taken in POST and PATCH
  kNullable = 4,
  kRequired = 8,  // in POST
  kReadWrite = kRead | kWrite,
};

struct Field {
  std::string_view name;
  Kind kind = Kind::string;
  unsigned rights = kRead;
  std::int64_t least = 0;        // value of an integer, characters of a string, items of a list
  std::int64_t most = 0;         // 0 with least 0: no limit stated
  std::string_view values = {};  // a string is one of these, separated by blanks; the items of a list too
  std::string_view initial =
      {};  // JSON: taken in a POST that leaves it out, and shown where the store knows none
  Pattern pattern = Pattern::none;
  // The member of jump_item_role that a user without perm_admin needs to change it; empty: administrators
  // only.
  std::string_view role_right = {};
};

struct Schema {
  std::string_view name;
  std::span<const Field> fields;
  const Field* find(std::string_view name) const;
};

extern const Schema kJumpClientSchema, kInstallerSchema, kJumpGroupSchema, kJumpGroupUserSchema, kRoleSchema,
    kUserSchema, kApiAccountSchema, kSessionSchema, kEventSchema, kSiteSchema, kTokenSchema, kJumpointSchema,
    kNodeSchema, kJumpointUserSchema, kShellJumpSchema, kTunnelJumpSchema, kVaultAccountSchema;
std::span<const Schema* const> all_schemas();

// What is wrong with a request, by field.
using Faults = std::map<std::string, std::vector<std::string>>;

enum class Mode { create, change };

// The members of `body` that may be written, checked: date-times as seconds or null. Read-only members are
// left out; unknown ones are faults; in Mode::create missing required ones are faults and initial values are
// filled in.
json::object checked(const Schema& schema, const json::object& body, Mode mode, Faults& faults);

// `row` (a described struct as JSON, times as seconds) as the API shows it: the readable fields in the
// table's order. A time or text that is not there is left out, or null where that is allowed.
json::object shown(const Schema& schema, const json::object& row);

// `row` with the members of `changes` put in; null removes a member.
json::object merged(json::object row, const json::object& changes);

// A filter's value as the field takes it; a fault under the filter's name.
json::value checked_filter(const Field& field, const std::string& value, Faults& faults);

// "2026-11-21T20:45:00Z" → seconds since 1970; also with an offset. Nothing for anything else.
std::optional<std::int64_t> parse_iso8601(std::string_view text);

}  // namespace jump::api
