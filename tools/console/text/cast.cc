#include "tools/console/text/cast.h"

#include <algorithm>
#include <cmath>

#include "common/base/json.h"

namespace jump::console {
namespace {

constexpr double kLongestSeconds = 366.0 * 86400;  // of one recording

Result<Duration> seconds(const json::value& value) {
  if (!value.is_number()) return Error(Fault::malformed, "an event's time is no number");
  const double number = value.to_number<double>();
  if (!std::isfinite(number) || number < 0 || number > kLongestSeconds) {
    return Error(Fault::malformed, "an event's time is out of range");
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
}

std::uint16_t size_of(const json::object& object, std::string_view name, std::uint16_t otherwise) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return otherwise;
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(value->get_int64(), 1, 1000));
}

Result<CastHeader> read_header(const json::object& object) {
  CastHeader header;
  const json::value* version = object.if_contains("version");
  if (version == nullptr || !version->is_int64() ||
      (version->get_int64() != 2 && version->get_int64() != 3)) {
    return Error(Fault::unsupported, "this is no asciicast of version 2 or 3");
  }
  header.version = static_cast<int>(version->get_int64());
  const json::value* term = object.if_contains("term");
  const bool nested = header.version == 3 && term != nullptr && term->is_object();
  const json::object& sizes = nested ? term->get_object() : object;
  header.columns = size_of(sizes, nested ? "cols" : "width", header.columns);
  header.rows = size_of(sizes, nested ? "rows" : "height", header.rows);
  const json::value* title = object.if_contains("title");
  if (title != nullptr && title->is_string())
    header.title = std::string(std::string_view(title->get_string()));
  return header;
}

}  // namespace

Result<std::optional<CastEvent>> CastReader::line(std::string_view text) {
  if (text.empty() || text.front() == '#') return std::optional<CastEvent>();
  const Result<json::value> value = parse_json_value(text, kCastLineBytes);
  if (!value) return value.error();
  if (!header_) {
    if (!value->is_object()) return Error(Fault::malformed, "the recording does not begin with a header");
    Result<CastHeader> header = read_header(value->get_object());
    if (!header) return header.error();
    header_ = std::move(*header);
    return std::optional<CastEvent>();
  }
  if (!value->is_array() || value->get_array().size() < 3)
    return Error(Fault::malformed, "an event is no [time, code, data]");
  const json::array& parts = value->get_array();
  const Result<Duration> time = seconds(parts[0]);
  if (!time) return time.error();
  if (!parts[1].is_string() || parts[1].get_string().size() != 1 || !parts[2].is_string()) {
    return Error(Fault::malformed, "an event is no [time, code, data]");
  }
  clock_ = header_->version == 3 ? clock_ + *time : *time;
  CastEvent event;
  event.at = clock_;
  event.code = parts[1].get_string().front();
  event.data = std::string(std::string_view(parts[2].get_string()));
  return std::optional<CastEvent>(std::move(event));
}

Duration CastClock::pause_before(const CastEvent& event) {
  Duration pause = std::max(event.at - last_, Duration(0));
  last_ = std::max(last_, event.at);
  if (idle_limit_) pause = std::min(pause, *idle_limit_);
  return Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) / speed_));
}

}  // namespace jump::console
