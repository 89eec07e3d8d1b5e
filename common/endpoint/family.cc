#include "common/endpoint/family.h"

#include <array>
#include <string_view>

namespace jump::endpoint {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<FamilyMessage>> kNames{
    "begin",        "order_result",  "renewed",          "stop",      "order_arrived",
    "new_identity", "tunnel_status", "zone_proxy_state", "job_report"};

template <std::size_t I = 0>
Result<FamilyMessage> decode(std::string_view kind, const json::value& body) {
  if constexpr (I == std::variant_size_v<FamilyMessage>) {
    return Error(Fault::malformed, "unknown family message '" + printable(kind, 64) + "'");
  } else {
    if (kind != kNames[I]) return decode<I + 1>(kind, body);
    Result<std::variant_alternative_t<I, FamilyMessage>> message =
        from_json<std::variant_alternative_t<I, FamilyMessage>>(body);
    if (!message) return message.error();
    return FamilyMessage(std::move(*message));
  }
}

}  // namespace

FamilyChannel::FamilyChannel(asio::any_io_executor executor, platform::Handle end)
    : stream_(executor, std::move(end)), turn_(executor) {}

Task<Result<void>> FamilyChannel::read_all(std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const Result<std::size_t> got = stream_.read_now(into);
    if (!got) co_return got.error();
    into = into.subspan(*got);
    if (*got > 0) continue;
    const Result<void> ready = co_await stream_.readable();
    if (!ready) co_return ready.error();
  }
  co_return Result<void>();
}

Task<Result<FamilyMessage>> FamilyChannel::receive() {
  std::array<std::uint8_t, 4> head;
  const Result<void> begun = co_await read_all(head);
  if (!begun) co_return Error(Fault::closed, "the other process is gone");
  const std::size_t size = get_u32(head.data());
  if (size > kFamilyBytes) {
    co_return Error(Fault::too_large, "family message of " + std::to_string(size) + " bytes");
  }
  Bytes bytes(size);
  const Result<void> whole = co_await read_all(bytes);
  if (!whole) co_return Error(Fault::closed, "the other process is gone");
  const std::string_view text = as_text(bytes);
  const Result<json::value> value = parse_json_value(text, kFamilyBytes);
  if (!value) co_return value.error();
  const json::object* object = value->if_object();
  const json::value* kind = object == nullptr ? nullptr : object->if_contains("kind");
  const json::value* body = object == nullptr ? nullptr : object->if_contains("body");
  if (kind == nullptr || !kind->is_string() || body == nullptr) {
    co_return Error(Fault::malformed, "family message without kind or body");
  }
  co_return decode(std::string_view(kind->get_string()), *body);
}

Task<Result<void>> FamilyChannel::send(FamilyMessage message) {
  json::object object;
  object["kind"] = kNames[message.index()];
  object["body"] = std::visit([](const auto& body) { return to_json(body); }, message);
  const std::string text = json::serialize(object);
  std::array<std::uint8_t, 4> head;
  put_u32(head.data(), static_cast<std::uint32_t>(text.size()));
  const std::array<ByteView, 2> parts{ByteView(head), as_bytes(text)};
  while (sending_) co_await turn_.wait();
  sending_ = true;
  Result<void> sent = stream_.write_now(parts);
  if (sent && stream_.backlog()) sent = co_await stream_.writable();
  sending_ = false;
  turn_.set();
  if (!sent) co_return Error(Fault::closed, "the other process is gone");
  co_return Result<void>();
}

void FamilyChannel::close() {
  stream_.close();
}

}  // namespace jump::endpoint
