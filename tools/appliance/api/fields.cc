#include "tools/appliance/api/fields.h"

#include <algorithm>
#include <chrono>

#include "common/base/clock.h"
#include "common/identity/host_port.h"

namespace jump::api {
namespace {

std::vector<std::string_view> split(std::string_view values) {
  std::vector<std::string_view> list;
  while (!values.empty()) {
    const std::string_view value = values.substr(0, values.find(' '));
    values.remove_prefix(std::min(values.size(), value.size() + 1));
    list.push_back(value);
  }
  return list;
}

std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string range(const Field& field) {
  return std::to_string(field.least) + " to " + std::to_string(field.most);
}

bool code_characters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// What is wrong with the text, or nothing.
std::string text_fault(const Field& field, std::string_view text) {
  if (!is_utf8(text)) return "is not UTF-8 text without NUL";
  const std::int64_t length = characters(text);
  if (field.most > 0 && field.kind == Kind::string && (length < field.least || length > field.most)) {
    return "has " + std::to_string(length) + " characters, allowed are " + range(field);
  }
  if (!field.values.empty()) {
    const std::vector<std::string_view> values = split(field.values);
    if (std::find(values.begin(), values.end(), text) == values.end()) {
      std::string list;
      for (const std::string_view value : values) list += (list.empty() ? "" : ", ") + std::string(value);
      return "'" + printable(text, 64) + "' is none of: " + list;
    }
  }
  switch (field.pattern) {
    case Pattern::code_name:
      if (!text.empty() && !code_characters(text)) return "may hold letters, digits, - and _ only";
      break;
    case Pattern::team_queue:
      if (!text.empty() && !(text.starts_with("team:") && code_characters(text.substr(5)))) {
        return "must be team: and a code name";
      }
      break;
    case Pattern::address: {
      const Result<identity::HostPort> parsed = identity::parse_host_port(text);
      if (!parsed) return "'" + printable(text, 64) + "' is no address; write host:port or [IPv6]:port";
      break;
    }
    case Pattern::none:
    case Pattern::text:
      for (const char c : text) {
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        const bool line = c == '\n' || c == '\r' || c == '\t';
        if (control && !(field.pattern == Pattern::text && line)) return "must not hold control characters";
      }
      break;
  }
  return {};
}

// The value as it is stored, or a fault.
json::value check(const Field& field, const json::value& value, std::string& fault) {
  if (value.is_null()) {
    if ((field.rights & kNullable) == 0) fault = "must not be null";
    return nullptr;
  }
  switch (field.kind) {
    case Kind::boolean:
      if (!value.is_bool()) fault = "must be true or false";
      return value;
    case Kind::integer: {
      if (!value.is_int64() && !value.is_uint64()) {
        fault = "must be a whole number";
        return value;
      }
      // Above 2^63 it is out of every range here.
      const std::int64_t number =
          value.is_int64() ? value.get_int64() : std::numeric_limits<std::int64_t>::max();
      if (number < field.least || number > field.most) {
        fault = json::serialize(value) + " is out of range, " + range(field);
      }
      return number;
    }
    case Kind::string:
      if (!value.is_string()) {
        fault = "must be a string";
      } else {
        fault = text_fault(field, std::string_view(value.get_string()));
      }
      return value;
    case Kind::date_time: {
      const std::optional<std::int64_t> time =
          value.is_string() ? parse_iso8601(std::string_view(value.get_string())) : std::nullopt;
      if (!time) {
        fault = "must be a time such as 2026-11-21T20:45:00Z";
        return value;
      }
      return *time;
    }
    case Kind::strings: {
      if (!value.is_array()) {
        fault = "must be a list of strings";
        return value;
      }
      const json::array& items = value.get_array();
      const auto count = static_cast<std::int64_t>(items.size());
      if (count < field.least || count > field.most) {
        fault = "has " + std::to_string(count) + " items, allowed are " + range(field);
      }
      for (const json::value& item : items) {
        if (!fault.empty()) break;
        fault = item.is_string() ? text_fault(field, std::string_view(item.get_string()))
                                 : "must be a list of strings";
        if (std::count(items.begin(), items.end(), item) > 1 && fault.empty()) fault = "holds an item twice";
      }
      return value;
    }
    case Kind::object:
      fault = "cannot be written";
      return value;
  }
  return value;
}

}  // namespace

const Field* Schema::find(std::string_view wanted) const {
  for (const Field& field : fields) {
    if (field.name == wanted) return &field;
  }
  return nullptr;
}

json::object checked(const Schema& schema, const json::object& body, Mode mode, Faults& faults) {
  json::object out;
  for (const auto& [key, value] : body) {
    const std::string name(std::string_view{key});
    const Field* field = schema.find(name);
    if (field == nullptr) {
      faults[printable(name, 64)].push_back("is not a field of " + std::string(schema.name));
      continue;
    }
    if ((field->rights & kWrite) == 0) continue;
    std::string fault;
    json::value taken = check(*field, value, fault);
    if (!fault.empty()) {
      faults[name].push_back(std::move(fault));
    } else {
      out[name] = std::move(taken);
    }
  }
  if (mode == Mode::change) return out;
  for (const Field& field : schema.fields) {
    if ((field.rights & kWrite) == 0 || body.contains(field.name)) continue;
    if ((field.rights & kRequired) != 0) {
      faults[std::string(field.name)].push_back("is required");
    } else if (!field.initial.empty()) {
      out[field.name] = json::parse(field.initial);
    }
  }
  return out;
}

json::object shown(const Schema& schema, const json::object& row) {
  json::object out;
  for (const Field& field : schema.fields) {
    if ((field.rights & kRead) == 0) continue;
    const json::value* value = row.if_contains(field.name);
    if (value == nullptr || value->is_null()) {
      if ((field.rights & kNullable) != 0) {
        out[field.name] = nullptr;
      } else if (value == nullptr && !field.initial.empty()) {
        out[field.name] = json::parse(field.initial);
      }
    } else if (field.kind == Kind::string && field.least > 0 && value->is_string() &&
               value->get_string().empty()) {
      continue;  // not known: shorter than the shape allows
    } else if (field.kind == Kind::date_time) {
      out[field.name] = iso8601(value->to_number<std::int64_t>());
    } else {
      out[field.name] = *value;
    }
  }
  return out;
}

json::object merged(json::object row, const json::object& changes) {
  for (const auto& [key, value] : changes) {
    if (value.is_null()) {
      row.erase(key);
    } else {
      row[key] = value;
    }
  }
  return row;
}

json::value checked_filter(const Field& field, const std::string& value, Faults& faults) {
  const std::string name(field.name);
  if (field.kind == Kind::boolean) {
    if (value == "true" || value == "false") return value == "true";
    faults[name].push_back("must be true or false");
  } else if (field.kind == Kind::integer) {
    boost::system::error_code failure;
    const json::value number = json::parse(value, failure);
    if (!failure && number.is_int64()) return number;
    faults[name].push_back("must be a whole number");
  } else if (!field.values.empty()) {
    std::string lower = value;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string fault = text_fault(field, lower);
    if (fault.empty()) return json::value(json::string(lower));
    faults[name].push_back(std::move(fault));
  } else {
    constexpr std::size_t kFilterBytes = 1024;
    if (value.size() <= kFilterBytes) return json::value(json::string(value));
    faults[name].push_back("is longer than " + std::to_string(kFilterBytes) + " bytes");
  }
  return nullptr;
}

std::optional<std::int64_t> parse_iso8601(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t count) -> std::optional<int> {
    if (text.size() < at + count) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(at, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const auto is = [&](std::size_t at, char c) { return at < text.size() && text[at] == c; };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2),
             minute = number(14, 2), second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (!is(4, '-') || !is(7, '-') || !(is(10, 'T') || is(10, ' ')) || !is(13, ':') || !is(16, ':'))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  std::size_t at = 19;
  if (is(at, '.')) {
    while (number(++at, 1)) {
    }
  }
  std::int64_t offset = 0;
  if (is(at, 'Z') && text.size() == at + 1) {
    offset = 0;
  } else if ((is(at, '+') || is(at, '-')) && text.size() == at + 6 && is(at + 3, ':')) {
    const auto hours = number(at + 1, 2), minutes = number(at + 4, 2);
    if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
    offset = (*hours * 60 + *minutes) * 60 * (text[at] == '+' ? 1 : -1);
  } else {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + *hour * 3600 + *minute * 60 + *second - offset;
}

}  // namespace jump::api
