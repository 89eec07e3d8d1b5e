#include "common/endpoint/dial_tcp.h"

#include <chrono>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/bytes.h"
#include "common/base/with_timeout.h"

namespace jump::endpoint {

using tcp = asio::ip::tcp;

namespace {

constexpr auto kDialLimit = std::chrono::seconds(10);

Task<Result<void>> connect(tcp::socket& socket, tcp::endpoint to) {
  boost::system::error_code failed;
  co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "connect " + to_text(to));
  co_return Result<void>();
}

}  // namespace

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

Task<Result<std::vector<tcp::endpoint>>> resolve(std::string host, std::uint16_t port) {
  std::vector<tcp::endpoint> endpoints;
  boost::system::error_code failed;
  const asio::ip::address address = asio::ip::make_address(host, failed);
  if (!failed) {
    endpoints.emplace_back(address, port);
    co_return endpoints;
  }
  tcp::resolver resolver(co_await asio::this_coro::executor);
  const tcp::resolver::results_type found =
      co_await resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                      asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "look up " + printable(host, 80));
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

Task<Result<tcp::socket>> connect_tcp(tcp::endpoint to) {
  tcp::socket socket(co_await asio::this_coro::executor);
  Task<Result<void>> attempt = connect(socket, to);
  Result<void> connected = co_await with_timeout(kDialLimit, "connect " + to_text(to), std::move(attempt));
  if (!connected) co_return connected.error();
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  co_return socket;
}

}  // namespace jump::endpoint
