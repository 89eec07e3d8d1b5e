#include "common/tunnel/dialler.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/check.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/endpoint_text.h"
#include "common/tunnel/proxy_dialogue.h"

namespace jump::tunnel {
namespace {

using asio::ip::tcp;

constexpr std::size_t kMostAttempts = 64;
constexpr std::size_t kQuotedAttempts = 4;  // in the error's sentence

// `socket` outlives this.
Task<Result<void>> talk(tcp::socket& socket, std::unique_ptr<ProxyDialogue> dialogue) {
  Bytes out = dialogue->begin();
  std::array<std::uint8_t, 4096> in;
  boost::system::error_code failed;
  for (;;) {
    if (!out.empty()) {
      co_await asio::async_write(socket, asio::buffer(out),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return Error(failed, "write to the proxy");
    }
    const std::size_t got =
        co_await socket.async_read_some(asio::buffer(in), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return Error(failed, "read from the proxy");
    Result<ProxyDialogue::Step> step = dialogue->received(ByteView(in).first(got));
    if (!step) co_return step.error();
    if (step->done) co_return Result<void>();
    out = std::move(step->send);
  }
}

}  // namespace

Dialler::Dialler(asio::any_io_executor executor, Random random, Resolve resolve, DialTimes times)
    : executor_(executor), random_(std::move(random)), resolve_(std::move(resolve)), times_(times) {
  if (!resolve_) resolve_ = make_resolve(executor_);
}

Task<Result<Dialled>> Dialler::dial(DialRequest request) {
  CHECK(request.client != nullptr);
  attempts_.clear();
  furthest_ = Stage::connect;
  nearest_ = Error(Fault::unavailable, "");
  if (request.targets.empty()) co_return Error(Fault::invalid, "no address of an appliance is known");
  Dialled dialled;
  for (dialled.route = 0; dialled.route < request.routes.size(); ++dialled.route) {
    const Route& route = request.routes[dialled.route];
    if (route.kind == RouteKind::direct) {
      dialled.stream = co_await direct(request, dialled);
    } else {
      dialled.stream = co_await through_proxies(request, route, dialled);
    }
    if (dialled.stream) co_return std::move(dialled);
  }
  std::string text = attempts_.empty() ? "no route is configured" : attempts_.front();
  for (std::size_t i = 1; i < std::min(attempts_.size(), kQuotedAttempts); ++i) text += "; " + attempts_[i];
  if (attempts_.size() > kQuotedAttempts) {
    text += "; and " + std::to_string(attempts_.size() - kQuotedAttempts) + " more";
  }
  co_return Error(nearest_.code, std::move(text));
}

Task<std::unique_ptr<TlsStream>> Dialler::direct(DialRequest& request, Dialled& dialled) {
  Race race(executor_, resolve_, times_.connect, request.targets);
  for (;;) {
    std::optional<Race::Connected> connected = co_await race.next();
    for (std::string& text : race.take_failures())
      note(Stage::connect, "direct", Error(Fault::unavailable, std::move(text)));
    if (!connected) co_return nullptr;
    const Address& target = request.targets[connected->target];
    Task<Result<std::unique_ptr<TlsStream>>> securing = secure(std::move(connected->socket), request, target);
    Result<std::unique_ptr<TlsStream>> stream = co_await std::move(securing);
    if (stream) {
      dialled.target = target;
      dialled.route_text = "direct " + to_text(connected->endpoint);
      co_return std::move(*stream);
    }
    note(Stage::tls, "direct", stream.error());
    if (drop_psk(request, stream.error(), dialled)) race.again(connected->endpoint, connected->target);
  }
}

Task<std::unique_ptr<TlsStream>> Dialler::through_proxies(DialRequest& request, const Route& route,
                                                          Dialled& dialled) {
  std::vector<Address> proxies = proxies_in_order(route);
  for (std::size_t i = 0; i < request.targets.size() && !proxies.empty(); ++i) {
    const Address target = request.targets[i];
    std::unique_ptr<TlsStream> stream = co_await to_target(request, route, proxies, target, dialled);
    if (stream) co_return stream;
  }
  co_return nullptr;
}

// Through whichever of the proxies comes first. Those that take no connection are removed: there is no use in
// them for the next target either.
Task<std::unique_ptr<TlsStream>> Dialler::to_target(DialRequest& request, const Route& route,
                                                    std::vector<Address>& proxies, const Address& target,
                                                    Dialled& dialled) {
  const std::string kind = to_text(route.kind);
  const std::string whole = kind + (proxies.size() == 1 ? " " + to_text(proxies.front()) : "");
  const std::vector<Address> tried = std::exchange(proxies, {});
  Race race(executor_, resolve_, times_.connect, tried);
  for (;;) {
    std::optional<Race::Connected> connected = co_await race.next();
    for (std::string& why : race.take_failures())
      note(Stage::connect, whole, Error(Fault::unavailable, std::move(why)));
    if (!connected) co_return nullptr;
    const Address& proxy = tried[connected->target];
    const bool known = std::any_of(proxies.begin(), proxies.end(),
                                   [&](const Address& one) { return to_text(one) == to_text(proxy); });
    if (!known) proxies.push_back(proxy);
    const std::string text = kind + " " + to_text(proxy);
    // One that cannot reach the appliance itself must not hold its client up while another can.
    const auto limit = proxies.size() < tried.size() ? std::min(times_.node, times_.proxy) : times_.proxy;
    Task<Result<void>> talking = talk(connected->socket, dialogue_for(route, target));
    const Result<void> opened =
        co_await with_timeout(limit, "proxy dialogue for " + to_text(target), std::move(talking));
    if (!opened) {
      note(Stage::proxy, text, opened.error());
      continue;
    }
    Task<Result<std::unique_ptr<TlsStream>>> securing = secure(std::move(connected->socket), request, target);
    Result<std::unique_ptr<TlsStream>> stream = co_await std::move(securing);
    if (stream) {
      dialled.target = target;
      dialled.route_text = text;
      if (route.kind == RouteKind::zone_proxy) zone_node_ = to_text(proxy);
      co_return std::move(*stream);
    }
    note(Stage::tls, text, stream.error());
    if (drop_psk(request, stream.error(), dialled)) race.again(connected->endpoint, connected->target);
  }
}

Task<Result<std::unique_ptr<TlsStream>>> Dialler::secure(tcp::socket socket, const DialRequest& request,
                                                         const Address& target) {
  TlsConnectOptions options;
  options.alpn = request.alpn;
  if (!is_literal(target)) options.server_name = target.host;
  options.psk = request.psk;
  Task<Result<std::unique_ptr<TlsStream>>> connecting =
      TlsStream::connect(std::move(socket), request.client, std::move(options));
  co_return co_await with_timeout(times_.tls, "TLS with " + to_text(target), std::move(connecting));
}

// An appliance that does not know a PSK goes on with a full handshake by itself. One that knows the id under
// another key (restored from an old backup) can only break off, and that is `malformed` here: an alert.
bool Dialler::drop_psk(DialRequest& request, const Error& error, Dialled& dialled) {
  if (!request.psk || !error.is(Fault::malformed)) return false;
  request.psk.reset();
  dialled.psk_rejected = true;
  return true;
}

std::vector<Address> Dialler::proxies_in_order(const Route& route) {
  std::vector<Address> order;
  for (const std::string& text : route.proxies) {
    const Result<Address> address = parse_address(text, default_port(route.kind));
    if (address) order.push_back(*address);
  }
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_(i)]);
  const auto last = std::find_if(order.begin(), order.end(),
                                 [&](const Address& one) { return to_text(one) == zone_node_; });
  if (last != order.end()) std::rotate(order.begin(), last, last + 1);
  return order;
}

void Dialler::note(Stage stage, std::string route, const Error& error) {
  if (stage >= furthest_) {
    furthest_ = stage;
    nearest_ = error;
    // The sentence is made of the attempts; a system's code would add its words once more.
    if (nearest_.code.category() != fault_category()) nearest_.code = make_error_code(Fault::unavailable);
  }
  if (attempts_.size() < kMostAttempts) attempts_.push_back(std::move(route) + ": " + error.message());
}

}  // namespace jump::tunnel
