#include "jumpoint/proxy/connection.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "jumpoint/proxy/worker.h"

namespace jump::proxy {
namespace {

using asio::ip::tcp;

constexpr std::size_t kTurn = 1024 * 1024;   // bytes of one direction before it is another's turn
constexpr std::size_t kDrained = 64 * 1024;  // behind a refusal, so that the client can read it
constexpr std::size_t kUp = 0;

std::string words(const boost::system::error_code& error) {
  return error.message();
}

std::string to_text(const tcp::endpoint& endpoint) {
  std::ostringstream text;
  text << endpoint;
  return std::move(text).str();
}

}  // namespace

Connection::Connection(Worker& worker, Arrival arrival, Instant now)
    : worker_(worker),
      client_(std::move(arrival.socket)),
      upstream_(worker.executor()),
      source_(arrival.source),
      rule_(arrival.rule),
      started_(now),
      deadline_(now + worker.policy().limits.header),
      beginning_(std::make_unique<Beginning>()) {
  beginning_->refusal = std::move(arrival.refusal);
  counted_ = !beginning_->refusal;
}

template <typename F>
void Connection::wait(Socket& socket, Socket::wait_type what, F next) {
  ++pending_;
  socket.async_wait(what, [this, next](const boost::system::error_code&) {
    --pending_;
    if (stage_ != Stage::closed) next(*this);
    worker_.bury_if_gone(*this);
  });
}

void Connection::start() {
  if (beginning_->refusal) {
    refuse(*beginning_->refusal);
  } else {
    wait(client_, Socket::wait_read, [](Connection& me) { me.read_header(); });
  }
}

// --- header -----------------------------------------------------------------------------------------

void Connection::read_header() {
  const std::size_t limit = worker_.policy().limits.header_bytes;
  std::string& kept = beginning_->header;
  const std::span<char> buffer = worker_.buffer().first(limit - std::min(limit, kept.size()));
  boost::system::error_code failed;
  client_.non_blocking(true, failed);
  const std::size_t got = client_.read_some(asio::buffer(buffer.data(), buffer.size()), failed);
  if (failed == asio::error::would_block) {
    wait(client_, Socket::wait_read, [](Connection& me) { me.read_header(); });
    return;
  }
  if (failed) return close(kept.empty() ? "left without a word" : "left in the middle of its header");
  if (kept.empty()) return take_header({buffer.data(), got});
  kept.append(buffer.data(), got);
  take_header(kept);
}

void Connection::take_header(std::string_view received) {
  const Policy& policy = worker_.policy();
  Asked asked = read_request(received, policy.allow_get, policy.limits.header_bytes);
  if (!asked.line.empty()) beginning_->line = printable(asked.line, 256);
  if (asked.refusal) return refuse(std::move(*asked.refusal));
  if (asked.wish) return obey(std::move(*asked.wish));
  if (beginning_->header.empty()) beginning_->header = received;
  wait(client_, Socket::wait_read, [](Connection& me) { me.read_header(); });
}

void Connection::obey(Wish wish) {
  const Policy& policy = worker_.policy();
  if (const auto* redirect = std::get_if<Redirect>(&wish)) {
    for (const std::shared_ptr<const Target>& target : policy.targets) {
      const Authority& own = target->authority;
      if (own.host != redirect->target.host) continue;
      if (redirect->target.port != 80 && redirect->target.port != own.port) continue;
      verdict_ = Verdict::redirect;
      status_ = 308;
      return answer(redirect_answer(own, *redirect));
    }
    return refuse({403, "only the appliance can be reached, not '" + to_text(redirect->target) + "'"});
  }
  const Authority& wanted = std::get<Tunnel>(wish).target;
  for (const std::shared_ptr<const Target>& target : policy.targets) {
    if (target->authority != wanted) continue;
    if (target->addresses.empty()) {
      return refuse({503, "the appliance cannot be reached: " + target->why_none});
    }
    beginning_->target = target;
    beginning_->header = {};
    stage_ = Stage::dialling;
    beginning_->dial_until = BootClock::now() + policy.limits.dial;
    return dial_next();
  }
  refuse({403, "only the appliance can be reached, not '" + to_text(wanted) + "'"});
}

// --- dialling ---------------------------------------------------------------------------------------

void Connection::dial_next() {
  const Target& target = *beginning_->target;
  const std::size_t count = target.addresses.size();
  const Instant now = BootClock::now();
  if (beginning_->tried == count || now >= beginning_->dial_until) {
    verdict_ = Verdict::failed;
    return refuse(
        {beginning_->timed_out ? 504 : 502, "the appliance cannot be reached: " + beginning_->dial_error});
  }
  const std::size_t at = (worker_.good_address(target) + beginning_->tried) % count;
  // Each address has its share of what is left, so that a silent one does not use up the time of all.
  deadline_ = now + (beginning_->dial_until - now) / static_cast<int>(count - beginning_->tried);
  ++beginning_->tried;
  address_ = target.addresses[at];
  boost::system::error_code failed;
  upstream_.open(address_.protocol(), failed);
  if (failed) return dialled(failed);
  platform::tune_relayed(upstream_.native_handle());
  ++pending_;
  upstream_.async_connect(address_, [this](const boost::system::error_code& error) {
    --pending_;
    if (stage_ == Stage::dialling) dialled(error);
    worker_.bury_if_gone(*this);
  });
}

void Connection::dialled(const boost::system::error_code& failed) {
  if (!failed) {
    worker_.remember_good_address(*beginning_->target, address_);
    return begin_tunnel();
  }
  // The clock closes the socket, which looks like an aborted call.
  beginning_->timed_out = failed == asio::error::operation_aborted || failed == asio::error::timed_out;
  beginning_->dial_error =
      to_text(address_) + ": " + (beginning_->timed_out ? std::string("no answer in time") : words(failed));
  boost::system::error_code ignored;
  upstream_.close(ignored);
  dial_next();
}

void Connection::begin_tunnel() {
  const std::string_view text = tunnel_answer();
  boost::system::error_code failed;
  const std::size_t sent = client_.write_some(asio::buffer(text.data(), text.size()), failed);
  if (failed || sent != text.size()) return close("left while the appliance was dialled");
  verdict_ = Verdict::tunnel;
  status_ = 200;
  stage_ = Stage::tunnel;
  target_ = beginning_->target;
  beginning_.reset();
  worker_.tunnel_begins(*this);
  wait(client_, Socket::wait_read, [](Connection& me) { me.pump(0); });
  wait(upstream_, Socket::wait_read, [](Connection& me) { me.pump(1); });
}

// --- tunnel -----------------------------------------------------------------------------------------

void Connection::pump(std::size_t way) {
  platform::Flow& flow = flows_[way];
  Socket& from = side(way);
  Socket& to = side(1 - way);
  const std::uint64_t before = flow.moved;
  boost::system::error_code failed;
  const platform::MoveStop stop =
      worker_.mover().move(from.native_handle(), to.native_handle(), flow, kTurn, failed);
  worker_.count_bytes(flow.moved - before);
  const auto again = [way](Connection& me) { me.pump(way); };
  switch (stop) {
    case platform::MoveStop::source_empty:
    case platform::MoveStop::budget:
      return wait(from, Socket::wait_read, again);
    case platform::MoveStop::sink_full:
      return wait(to, Socket::wait_write, again);
    case platform::MoveStop::ended:
      to.shutdown(Socket::shutdown_send, failed);
      if (flows_[1 - way].done()) close("ended");
      return;
    case platform::MoveStop::source_failed:
      return reset(way, failed);
    case platform::MoveStop::sink_failed:
      return reset(1 - way, failed);
  }
}

// The other side learns that it is no orderly end.
void Connection::reset(std::size_t failed_side, const boost::system::error_code& failed) {
  boost::system::error_code ignored;
  side(1 - failed_side).set_option(asio::socket_base::linger(true, 0), ignored);
  close((failed_side == kUp ? "client: " : "appliance: ") + words(failed));
}

// --- refusing ---------------------------------------------------------------------------------------

void Connection::refuse(Refusal refusal) {
  if (verdict_ != Verdict::failed) verdict_ = Verdict::refused;
  status_ = static_cast<std::uint16_t>(refusal.status);
  const std::string text = refusal_answer(refusal, worker_.policy().allow_get);
  beginning_->refusal = std::move(refusal);
  answer(text);
}

// Sent, then the client has a moment to read it: closing at once with unread bytes would reset it away.
void Connection::answer(std::string_view text) {
  stage_ = Stage::refusing;
  deadline_ = BootClock::now() + worker_.policy().limits.farewell;
  boost::system::error_code failed;
  client_.non_blocking(true, failed);
  client_.write_some(asio::buffer(text.data(), text.size()), failed);
  if (!failed) client_.shutdown(Socket::shutdown_send, failed);
  const bool lingers = worker_.may_linger();
  if (failed || !lingers) return close("");
  drain();
}

void Connection::drain() {
  while (true) {
    const std::span<char> buffer = worker_.buffer();
    boost::system::error_code failed;
    const std::size_t got = client_.read_some(asio::buffer(buffer.data(), buffer.size()), failed);
    if (failed == asio::error::would_block) break;
    beginning_->drained += got;
    if (failed || beginning_->drained > kDrained) return close("");
  }
  wait(client_, Socket::wait_read, [](Connection& me) { me.drain(); });
}

// --- the end ----------------------------------------------------------------------------------------

void Connection::look_at_clock(Instant now) {
  if (now < deadline_) return;
  if (stage_ == Stage::header) {
    refuse({408,
            "the header took longer than " + std::to_string(worker_.policy().limits.header.count()) + " ms"});
  } else if (stage_ == Stage::dialling) {
    boost::system::error_code ignored;
    upstream_.close(ignored);
  } else if (stage_ == Stage::refusing) {
    close("");
  }
}

void Connection::judge_again() {
  if (stage_ == Stage::closed || stage_ == Stage::refusing) return;
  const Policy& policy = worker_.policy();
  const access::Verdict verdict = policy.rules->check(source_.address);
  if (!verdict.allowed) {
    rule_ = verdict.line;
    return close("the network restrictions were changed");
  }
  const Target* target = stage_ == Stage::tunnel ? target_.get() : beginning_->target.get();
  if (target == nullptr) return;
  const bool known = std::any_of(policy.targets.begin(), policy.targets.end(),
                                 [&](const auto& one) { return one->authority == target->authority; });
  if (!known) close("the appliance's addresses were changed");
}

void Connection::close(std::string reason) {
  if (stage_ == Stage::closed) return;
  if (stage_ == Stage::tunnel) worker_.tunnel_ends();
  if (stage_ == Stage::refusing) worker_.lingered();
  stage_ = Stage::closed;
  if (!reason.empty()) end_reason_ = std::make_unique<std::string>(std::move(reason));
  for (platform::Flow& flow : flows_) worker_.mover().release(flow);
  boost::system::error_code ignored;
  client_.close(ignored);
  upstream_.close(ignored);
}

Report Connection::report(Instant now) const {
  Report report;
  report.source = source_;
  report.verdict = verdict_;
  report.status = status_;
  report.rule = rule_;
  report.counted = counted_;
  report.up = flows_[0].moved;
  report.down = flows_[1].moved;
  report.time = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  if (target_) {
    report.request = "CONNECT " + to_text(target_->authority);
  } else if (beginning_) {
    report.request = beginning_->line;
    if (beginning_->refusal) report.reason = beginning_->refusal->reason;
  }
  if (end_reason_ && report.reason.empty()) report.reason = *end_reason_;
  if (address_.port() != 0) report.address = to_text(address_);
  return report;
}

}  // namespace jump::proxy
