#include "jumpoint/browse/reverse_dns.h"

#include <array>
#include <charconv>
#include <random>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "jumpoint/browse/dns_message.h"

namespace jump::browse {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kAskedMost = 16384;
constexpr std::size_t kAnswerBytes = 4096;

std::optional<asio::ip::udp::endpoint> to_endpoint(std::string_view server) {
  std::uint16_t port = kDnsPort;
  const std::size_t colon = server.rfind(':');
  const bool bracketed = server.starts_with('[');
  if (colon != std::string_view::npos &&
      (bracketed ? server.find("]:") + 1 == colon : server.find(':') == colon)) {
    const std::string_view digits = server.substr(colon + 1);
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failed != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
    server = server.substr(0, colon);
  }
  if (bracketed && server.ends_with(']')) server = server.substr(1, server.size() - 2);
  boost::system::error_code failed;
  const asio::ip::address address = asio::ip::make_address(std::string(server), failed);
  if (failed) return std::nullopt;
  return asio::ip::udp::endpoint(address, port);
}

}  // namespace

ReverseDns::ReverseDns(asio::ip::udp::socket socket, std::string server)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      next_id_(static_cast<std::uint16_t>(std::random_device()())) {}

Result<ReverseDns> ReverseDns::open(asio::any_io_executor executor, const std::string& server) {
  const auto endpoint = to_endpoint(server);
  if (!endpoint) return Error(Fault::invalid, "reverse DNS: '" + printable(server, 64) + "' is no address");
  asio::ip::udp::socket socket(executor);
  boost::system::error_code failed;
  socket.open(endpoint->protocol(), failed);
  // Connected: only that server's answers come in, to a port that the kernel chose at random.
  if (!failed) socket.connect(*endpoint, failed);
  if (!failed) socket.non_blocking(true, failed);
  if (failed) return Error(failed, "reverse DNS: " + printable(server, 64));
  return ReverseDns(std::move(socket), printable(server, 64));
}

void ReverseDns::send(std::uint16_t id, const access::Address& address) {
  const Bytes query = pointer_query(id, true, {reverse_name(address)});
  boost::system::error_code ignored;
  socket_.send(asio::buffer(query), 0, ignored);
}

Task<> ReverseDns::ask(const access::Address& address, Pacer& pacer) {
  if (asked_.size() >= kAskedMost) co_return;
  co_await pacer.turn();
  while (asked_.contains(next_id_)) ++next_id_;
  asked_[next_id_] = address;
  send(next_id_++, address);
}

Task<> ReverseDns::ask_again(Pacer& pacer) {
  const std::vector<std::pair<std::uint16_t, access::Address>> left(asked_.begin(), asked_.end());
  for (const auto& [id, address] : left) {
    co_await pacer.turn();
    if (asked_.contains(id)) send(id, address);
  }
}

Task<Result<ReverseDns::Name>> ReverseDns::receive() {
  std::array<std::uint8_t, kAnswerBytes> buffer;
  while (true) {
    boost::system::error_code failed;
    const std::size_t got = co_await socket_.async_receive(asio::buffer(buffer),
                                                           asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed) co_return Error(Fault::unavailable, "reverse DNS: " + server_ + ": " + failed.message());
    const std::optional<DnsAnswer> answer = read_answer(ByteView(buffer).first(got));
    const auto at = answer ? asked_.find(answer->id) : asked_.end();
    if (at == asked_.end()) continue;
    answered_ = true;
    const access::Address address = at->second;
    const std::string question = reverse_name(address);
    asked_.erase(at);
    for (const DnsRecord& record : answer->records) {
      if (record.type != kTypePtr || record.name != question || record.pointer.empty()) continue;
      Name name{address, record.pointer};
      co_return name;
    }
  }
}

}  // namespace jump::browse
