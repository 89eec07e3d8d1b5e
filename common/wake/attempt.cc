#include "common/wake/attempt.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace jump::wake {
namespace {

std::uint32_t whole_seconds(Duration time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

}  // namespace

Result<void> RecentAttempts::begin(std::uint64_t target, std::string_view name, Instant now) {
  std::erase_if(begun_, [&](const auto& entry) { return now - entry.second >= kPause; });
  const auto [at, fresh] = begun_.try_emplace(target, now);
  if (fresh) return {};
  const std::uint32_t left = seconds_left(target, now);
  return Error(Fault::refused, "'" + printable(name, 128) + "' was woken " +
                                   std::to_string(whole_seconds(now - at->second)) + " s ago; again in " +
                                   std::to_string(left) + " s");
}

std::uint32_t RecentAttempts::seconds_left(std::uint64_t target, Instant now) const {
  const auto at = begun_.find(target);
  if (at == begun_.end() || now - at->second >= kPause) return 0;
  return whole_seconds(std::chrono::ceil<std::chrono::seconds>(kPause - (now - at->second)));
}

Attempt::Attempt(std::uint64_t number, std::string target_name, const Plan& plan, Instant now)
    : number_(number), target_name_(std::move(target_name)), begun_(now) {
  CHECK(!plan.helpers.empty());
  for (const Helper& helper : plan.helpers) {
    Asked asked;
    asked.result.helper = helper.id;
    asked.result.name = helper.name;
    asked.result.same_gateway = helper.sure;
    asked.result.text = "asked";
    asked_.push_back(std::move(asked));
  }
}

WakeOrder Attempt::order(const Helper& helper, const std::optional<Secret>& password) const {
  WakeOrder order;
  order.attempt = number_;
  order.macs = helper.macs;
  order.interfaces = helper.interfaces;
  order.password = password;
  return order;
}

Attempt::Asked* Attempt::waiting_for(std::string_view helper) {
  for (Asked& asked : asked_) {
    if (asked.result.helper == helper && !asked.answered && !over()) return &asked;
  }
  return nullptr;
}

void Attempt::reported(std::string_view helper, const WakeReport& report, Instant now) {
  Asked* asked = waiting_for(helper);
  if (asked == nullptr || report.attempt != number_) return;
  asked->answered = true;
  asked->result.sent = sent_something(report);
  asked->result.text = describe(report);
  settle(now);
}

void Attempt::lost(std::string_view helper, std::string_view why, Instant now) {
  Asked* asked = waiting_for(helper);
  if (asked == nullptr) return;
  asked->answered = asked->silent = true;
  asked->result.text = "no report: " + printable(why);
  settle(now);
}

void Attempt::target_online(Instant now) {
  if (!over()) finish(AttemptState::online, now);
}

void Attempt::tick(Instant now) {
  if (state_ == AttemptState::sending && now - begun_ >= kHelperLimit) {
    for (Asked& asked : asked_) {
      if (asked.answered) continue;
      asked.answered = asked.silent = true;
      asked.result.text = "no report within " + std::to_string(kHelperLimit.count()) + " s";
    }
    settle(now);
  }
  if (state_ == AttemptState::watching && now - begun_ >= kWatchLimit) finish(AttemptState::not_online, now);
}

void Attempt::settle(Instant now) {
  if (state_ != AttemptState::sending || !std::ranges::all_of(asked_, &Asked::answered)) return;
  const bool may_have_sent =
      std::ranges::any_of(asked_, [](const Asked& asked) { return asked.result.sent || asked.silent; });
  if (may_have_sent) {
    state_ = AttemptState::watching;
  } else {
    finish(AttemptState::failed, now);
  }
}

void Attempt::finish(AttemptState state, Instant now) {
  state_ = state;
  ended_ = now;
}

std::optional<Instant> Attempt::deadline() const {
  if (state_ == AttemptState::sending) return begun_ + kHelperLimit;
  if (state_ == AttemptState::watching) return begun_ + kWatchLimit;
  return std::nullopt;
}

std::string Attempt::sentence(std::uint32_t seconds) const {
  const std::string who = "'" + printable(target_name_, 128) + "'";
  const std::string time = std::to_string(seconds) + " s";
  const auto senders = std::ranges::count_if(asked_, [](const Asked& asked) { return asked.result.sent; });
  const std::string by = senders == 0   ? "no helper that could tell"
                         : senders == 1 ? "1 helper"
                                        : std::to_string(senders) + " helpers";
  switch (state_) {
    case AttemptState::sending:
      return who + ": magic packets are being sent";
    case AttemptState::watching:
      return who + ": magic packets sent by " + by + "; not online yet after " + time;
    case AttemptState::online:
      return who + " is online, " + time + " after the first order";
    case AttemptState::not_online:
      return who + " did not come online within " + time + "; magic packets were sent by " + by;
    case AttemptState::failed:
      return who + ": no helper could send a magic packet";
  }
  return who;
}

AttemptResult Attempt::result(Instant now) const {
  AttemptResult result;
  result.attempt = number_;
  result.state = state_;
  result.seconds = whole_seconds(ended_.value_or(now) - begun_);
  for (const Asked& asked : asked_) result.helpers.push_back(asked.result);
  result.text = sentence(result.seconds);
  return result;
}

}  // namespace jump::wake
