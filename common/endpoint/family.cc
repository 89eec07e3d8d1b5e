#include "common/endpoint/family.h"

#include <array>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

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

FamilyChannel::FamilyChannel(asio::any_io_executor executor, int socket)
    : socket_(executor, asio::local::stream_protocol(), socket), turn_(executor) {}

Task<Result<FamilyMessage>> FamilyChannel::receive() {
  std::array<std::uint8_t, 4> head;
  auto [head_error, head_size] =
      co_await asio::async_read(socket_, asio::buffer(head), asio::as_tuple(asio::use_awaitable));
  if (head_error) co_return Error(Fault::closed, "the other process is gone");
  const std::size_t size = get_u32(head.data());
  if (size > kFamilyBytes) {
    co_return Error(Fault::too_large, "family message of " + std::to_string(size) + " bytes");
  }
  std::string text(size, '\0');
  auto [error, got] =
      co_await asio::async_read(socket_, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
  if (error) co_return Error(Fault::closed, "the other process is gone");
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
  std::string framed(4, '\0');
  put_u32(reinterpret_cast<std::uint8_t*>(framed.data()), static_cast<std::uint32_t>(text.size()));
  framed += text;
  while (sending_) co_await turn_.wait();
  sending_ = true;
  auto [error, size] =
      co_await asio::async_write(socket_, asio::buffer(framed), asio::as_tuple(asio::use_awaitable));
  sending_ = false;
  turn_.set();
  if (error) co_return Error(Fault::closed, "the other process is gone");
  co_return Result<void>();
}

void FamilyChannel::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace jump::endpoint
