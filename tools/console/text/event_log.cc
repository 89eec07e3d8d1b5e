#include "tools/console/text/event_log.h"

#include <array>
#include <cstdio>

#include "common/base/json.h"

namespace jump::console {
namespace {

constexpr std::size_t kLineBytes = 1024 * 1024;
constexpr std::size_t kShownBytes = 4096;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                : std::string();
}

std::string words(const json::object& object) {
  if (const json::value* message = object.if_contains("message");
      message != nullptr && message->is_object()) {
    const json::value* body = message->get_object().if_contains("body");
    const std::string said = body == nullptr ? std::string() : json::serialize(*body);
    return text_of(object, "from") + ": " + text_of(message->get_object(), "kind") + " " + said;
  }
  const json::value* stream = object.if_contains("stream");
  if (stream == nullptr || !stream->is_int64()) return json::serialize(object);
  const std::int64_t number = stream->get_int64();
  const std::string name = number == 2   ? "output"
                           : number == 4 ? "error output"
                                         : "stream " + std::to_string(number);
  if (const json::value* bytes = object.if_contains("bytes"))
    return name + ": " + json::serialize(*bytes) + " bytes in all";
  return name + ": " + text_of(object, "text");
}

}  // namespace

RecordingKind kind_of_recording(std::string_view first_line) {
  const Result<json::value> value = parse_json_value(first_line, kLineBytes);
  if (!value || !value->is_object()) return RecordingKind::unknown;
  if (value->get_object().contains("version")) return RecordingKind::cast;
  return value->get_object().contains("recording") ? RecordingKind::events : RecordingKind::unknown;
}

Result<std::optional<std::string>> EventLog::line(std::string_view text) {
  if (text.empty() || text.front() == '#') return std::optional<std::string>();
  const Result<json::value> value = parse_json_value(text, kLineBytes);
  if (!value) return value.error();
  if (!value->is_object()) return Error(Fault::malformed, "a line is no object");
  const json::object& object = value->get_object();
  if (!begun_) {
    begun_ = true;
    const json::value* at = object.if_contains("timestamp");
    const std::string when = at != nullptr && at->is_int64() ? iso8601(at->get_int64()) + " " : std::string();
    return std::optional<std::string>(when + printable(text_of(object, "kind"), 32) + " " +
                                      printable(text_of(object, "title"), 256));
  }
  const json::value* after = object.if_contains("after");
  if (after != nullptr && after->is_number()) seconds_ += after->to_number<double>();
  std::array<char, 48> stamp;
  std::snprintf(stamp.data(), stamp.size(), "%10.3f  ", seconds_);
  return std::optional<std::string>(stamp.data() + printable(words(object), kShownBytes));
}

}  // namespace jump::console
