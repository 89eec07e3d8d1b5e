#include "tools/appliance/sessions/conversation.h"

#include "common/base/bytes.h"

namespace jump::appliance {
namespace {

constexpr std::size_t kRemarkBytes = 512;
constexpr std::size_t kKeyBytes = 8192;

const json::object* body_of(const json::value& message, std::string_view kind) {
  const json::object* object = message.if_object();
  if (object == nullptr) return nullptr;
  const json::value* said = object->if_contains("kind");
  const json::value* body = object->if_contains("body");
  if (said == nullptr || !said->is_string() || std::string_view(said->get_string()) != kind) return nullptr;
  return body == nullptr ? nullptr : body->if_object();
}

std::string text_of(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

std::optional<std::int64_t> number_of(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

bool flag_of(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

Conversation::Fact Conversation::on_message(mux::Side from, const json::value& message) {
  if (from == mux::Side::endpoint) {
    if (const json::object* prompt = body_of(message, "prompt")) {
      const std::optional<std::int64_t> id = number_of(*prompt, "id");
      const std::string key = text_of(*prompt, "host_key");
      const bool usable =
          id && text_of(*prompt, "kind") == "host_key" && !key.empty() && key.size() <= kKeyBytes;
      if (usable && asked_.size() < kPending) asked_[*id] = key;
    } else if (const json::object* remark = body_of(message, "remark")) {
      if (remarks_ >= kRemarks) return {};
      ++remarks_;
      return Said{flag_of(*remark, "warning"), printable(text_of(*remark, "text"), kRemarkBytes)};
    }
    return {};
  }
  const json::object* answer = body_of(message, "prompt_answer");
  const std::optional<std::int64_t> id = answer == nullptr ? std::nullopt : number_of(*answer, "id");
  const auto asked = id ? asked_.find(*id) : asked_.end();
  if (asked == asked_.end()) return {};
  HostKey key{asked->second};
  asked_.erase(asked);
  if (flag_of(*answer, "cancelled")) return {};
  return key;
}

json::value recordable(const json::value& message) {
  const json::object* answer = body_of(message, "prompt_answer");
  if (answer == nullptr) return message;
  json::object body;
  if (const std::optional<std::int64_t> id = number_of(*answer, "id")) body["id"] = *id;
  body["cancelled"] = flag_of(*answer, "cancelled");
  return json::object{{"kind", "prompt_answer"}, {"body", std::move(body)}};
}

}  // namespace jump::appliance
