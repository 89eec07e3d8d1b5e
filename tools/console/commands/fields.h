// Fields of the API's objects as options: one table says for each what it is called on the command line, what
// in the API, and how its value is read. For assets behind a Jumpoint, for Jumpoints themselves and for the
// site.
#pragma once

#include <map>
#include <span>
#include <string>

#include "tools/console/commands/command.h"

namespace jump::console {

enum class FieldType {
  text,
  number,
  on_off,
  list,        // words with commas between them; an empty text is an empty list
  file_text,   // the content of a file
  file_lines,  // its lines, as a list; empty ones and those that begin with # left out
  group,       // by name, as an id; the asset moves into that shared group
  jumpoint,    // by name, as an id
  credential,  // by name, as an id; "none": null
  node,        // by host name or id, as an id; "none": null
};

struct Field {
  const char* option;  // "--host"
  const char* api;     // "hostname"
  unsigned kinds;      // a bit for each kind of object that has it
  FieldType type;
  const char* value;  // "HOST"
  const char* about;
};

// What was given: option → value.
using FieldValues = std::map<std::string, std::string>;

// Declares those of `kinds`; `values` outlives the parsing.
void add_field_options(CLI::App* app, std::span<const Field> fields, unsigned kinds, FieldValues& values);

// The request's body. Fault::invalid for an option that `kind` (one bit) does not have. `jumpoint`: on which
// a node is looked for when none is named.
Task<Result<json::object>> field_body(ApiClient& api, std::span<const Field> fields, unsigned kind,
                                      FieldValues values, std::optional<std::int64_t> jumpoint);

// At most 1 MiB.
Result<std::string> read_text_file(const std::string& path);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace jump::console
