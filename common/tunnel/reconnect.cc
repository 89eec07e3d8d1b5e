#include "common/tunnel/reconnect.h"

#include <algorithm>
#include <utility>

namespace jump::tunnel {
namespace {

constexpr std::size_t kMostTargets = 16;
constexpr unsigned kMostFailures = 1'000'000;  // for people; the backoff stopped growing long before

}  // namespace

Reconnect::Reconnect(ReconnectSettings settings, Random random, Instant now, Duration failed_for)
    : settings_(settings), random_(std::move(random)), next_(now), failed_for_(failed_for) {
  schedule(now);
}

void Reconnect::failed(Instant now) {
  count_time(now);
  failures_ = std::min(failures_ + 1, kMostFailures);
  schedule(now);
}

void Reconnect::connected(Instant now, std::size_t route) {
  connected_ = now;
  route_ = route;
  route_worked_ = now;
  last_failed_.reset();
  failed_for_ = Duration(0);
  not_before_ = Instant{};
}

void Reconnect::lost(Instant now) {
  if (!connected_) {
    failed(now);
    return;
  }
  const bool lasted = now - *connected_ >= settings_.stable;
  connected_.reset();
  route_worked_ = now;
  failures_ = lasted ? 0 : std::min(failures_ + 1, kMostFailures);
  schedule(now);
}

void Reconnect::told_to_go(Instant now, Duration retry_after) {
  const Duration after = std::clamp(retry_after, Duration(0), settings_.retry_after_cap);
  if (after == Duration(0)) return;
  const auto spread = static_cast<std::uint64_t>((after / 4).count()) + 1;
  not_before_ = now + after + Duration(static_cast<Duration::rep>(random_(spread)));
  next_ = std::max(next_, not_before_);
}

void Reconnect::hurry(Instant now) {
  next_ = std::max(std::min(next_, now + full_jitter(0, settings_.backoff, random_)), not_before_);
}

void Reconnect::schedule(Instant now) {
  next_ = std::max(now + full_jitter(failures_, settings_.backoff, random_), not_before_);
}

void Reconnect::count_time(Instant now) {
  if (last_failed_ && now > *last_failed_) {
    failed_for_ += std::min<Duration>(now - *last_failed_, settings_.counted_gap);
  }
  last_failed_ = now;
}

std::vector<std::size_t> Reconnect::route_order(std::size_t count, Instant now) const {
  std::vector<std::size_t> order;
  const bool remembered = route_ && *route_ < count && now - route_worked_ < settings_.route_memory;
  if (remembered) order.push_back(*route_);
  for (std::size_t i = 0; i < count; ++i) {
    if (!remembered || i != *route_) order.push_back(i);
  }
  return order;
}

std::vector<Address> dial_targets(const std::vector<std::string>& told, const std::vector<std::string>& own) {
  std::vector<Address> targets;
  for (const std::vector<std::string>* list : {&told, &own}) {
    for (const std::string& text : *list) {
      const Result<Address> address = parse_address(text);
      if (!address || targets.size() >= kMostTargets) continue;
      const bool there = std::any_of(targets.begin(), targets.end(), [&](const Address& one) {
        return one.host == address->host && one.port == address->port;
      });
      if (!there) targets.push_back(*address);
    }
  }
  return targets;
}

}  // namespace jump::tunnel
