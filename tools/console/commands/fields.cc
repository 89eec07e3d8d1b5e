#include "tools/console/commands/fields.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>

#include "common/base/file_path.h"
#include "tools/console/text/argument.h"

namespace jump::console {
namespace {

constexpr std::size_t kFileBytes = 1024 * 1024;

Result<json::value> number_from(const std::string& text, const char* option) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error(Fault::invalid, std::string(option) + " '" + printable(text, 64) + "': a number is meant");
  }
  return json::value(number);
}

Result<json::value> switch_from(const std::string& text, const char* option) {
  if (text == "on" || text == "off") return json::value(text == "on");
  return Error(Fault::invalid, std::string(option) + " '" + printable(text, 64) + "': on or off is meant");
}

json::value list_from(std::string_view text) {
  json::array words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Task<Result<json::value>> node_from(ApiClient& api, std::string name, std::optional<std::int64_t> jumpoint) {
  if (!jumpoint) co_return Error(Fault::invalid, "--node needs --jumpoint");
  const Result<json::array> nodes =
      co_await api.list("/jumpoint/" + std::to_string(*jumpoint) + "/node", Query());
  if (!nodes) co_return nodes.error();
  std::optional<std::int64_t> found;
  for (const json::value& one : *nodes) {
    if (!one.is_object()) continue;
    const json::object& node = one.get_object();
    const std::optional<std::int64_t> id = number_of(node, "id");
    if (!id || (!same_text(text_of(node, "hostname"), name) && std::to_string(*id) != name)) continue;
    if (found) {
      co_return Error(Fault::invalid, "two nodes are called '" + printable(name, 80) + "'; give the id");
    }
    found = id;
  }
  if (!found) co_return Error(Fault::not_found, "that Jumpoint has no node '" + printable(name, 80) + "'");
  co_return json::value(*found);
}

Task<Result<json::value>> value_of(ApiClient& api, const Field& field, std::string text,
                                   std::optional<std::int64_t> jumpoint) {
  switch (field.type) {
    case FieldType::text:
      co_return json::value(text);
    case FieldType::number:
      co_return number_from(text, field.option);
    case FieldType::on_off:
      co_return switch_from(text, field.option);
    case FieldType::list:
      co_return list_from(text);
    case FieldType::file_text:
    case FieldType::file_lines: {
      const Result<std::string> content = read_text_file(text);
      if (!content) co_return content.error();
      if (field.type == FieldType::file_text) co_return json::value(*content);
      json::array lines;
      for (const std::string& line : lines_of(*content)) lines.emplace_back(line);
      co_return json::value(std::move(lines));
    }
    case FieldType::group: {
      const Result<std::int64_t> id = co_await group_id(api, text);
      if (!id) co_return id.error();
      co_return json::value(*id);
    }
    case FieldType::jumpoint: {
      const Result<std::int64_t> id = co_await jumpoint_id(api, text);
      if (!id) co_return id.error();
      co_return json::value(*id);
    }
    case FieldType::credential: {
      if (text == "none") co_return json::value(nullptr);
      const Result<std::int64_t> id = co_await credential_id(api, text);
      if (!id) co_return id.error();
      co_return json::value(*id);
    }
    case FieldType::node:
      if (text == "none") co_return json::value(nullptr);
      co_return co_await node_from(api, std::move(text), jumpoint);
  }
  co_return json::value(nullptr);
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(file_path(path), std::ios::binary);
    if (!file) return system_error("open " + path);
  }
  std::istream& from = path == "-" ? std::cin : file;
  std::string text;
  std::array<char, 4096> buffer;
  while (from.read(buffer.data(), buffer.size()) || from.gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(from.gcount()));
    if (text.size() > kFileBytes) return Error(Fault::too_large, path + " is larger than 1 MiB");
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string::npos && line[first] != '#') lines.push_back(std::move(line));
  }
  return lines;
}

void add_field_options(CLI::App* app, std::span<const Field> fields, unsigned kinds, FieldValues& values) {
  for (const Field& field : fields) {
    if ((field.kinds & kinds) == 0) continue;
    const std::string option = field.option;
    app->add_option_function<std::string>(
           option, [&values, option](const std::string& value) { values[option] = value; }, field.about)
        ->type_name(field.value);
  }
}

Task<Result<json::object>> field_body(ApiClient& api, std::span<const Field> fields, unsigned kind,
                                      FieldValues values, std::optional<std::int64_t> jumpoint) {
  json::object body;
  for (const Field& field : fields) {
    const auto given = values.find(field.option);
    if (given == values.end()) continue;
    if ((field.kinds & kind) == 0) {
      // The same option may stand for another field with the other kinds.
      const bool another = std::ranges::any_of(fields, [&](const Field& other) {
        return (other.kinds & kind) != 0 && std::string_view(other.option) == field.option;
      });
      if (another) continue;
      co_return Error(Fault::invalid, std::string("an asset of this kind has no ") + field.option);
    }
    auto reading = value_of(api, field, given->second, jumpoint);
    const Result<json::value> value = co_await std::move(reading);
    if (!value) co_return value.error();
    if (field.type == FieldType::jumpoint && value->is_int64()) jumpoint = value->get_int64();
    if (field.type == FieldType::group) body["jump_group_type"] = "shared";
    body[field.api] = *value;
  }
  co_return body;
}

}  // namespace jump::console
