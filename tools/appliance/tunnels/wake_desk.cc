#include "tools/appliance/tunnels/wake_desk.h"

#include "common/base/log.h"

namespace jump::appliance {
namespace {

constexpr auto kShow = std::chrono::seconds(5);  // the seconds of an attempt that waits

}  // namespace

struct WakeDesk::Running {
  Running(const asio::any_io_executor& executor, api::WakeMachine told, Instant now)
      : wake(std::move(told)), attempt(wake.attempt, wake.name, wake.plan, now), changed(executor) {}
  api::WakeMachine wake;
  wake::Attempt attempt;
  Event changed;
};

WakeDesk::WakeDesk(asio::any_io_executor executor, TaskGroup& tasks, PresenceTable& presence, Means means)
    : executor_(executor), tasks_(tasks), presence_(presence), means_(std::move(means)) {}

WakeDesk::~WakeDesk() = default;

void WakeDesk::begin(const api::WakeMachine& wake) {
  const Instant now = BootClock::now();
  const auto [at, fresh] = running_.try_emplace(wake.attempt);
  if (!fresh) return;
  at->second = std::make_unique<Running>(executor_, wake, now);
  Running& running = *at->second;
  for (const wake::Helper& helper : running.wake.plan.helpers) {
    const std::optional<store::Endpoint> endpoint = store::endpoint_named(helper.id);
    if (endpoint && means_.order(*endpoint, identity::OrderKind::wake,
                                 to_json(running.attempt.order(helper, running.wake.password))))
      continue;
    running.attempt.lost(helper.id, "it went offline", now);
  }
  running.wake.password.reset();
  presence_.set_attempt(running.wake.agent, running.attempt.result(now));
  tasks_.spawn("wake", follow(running));
}

void WakeDesk::reported(const store::Endpoint& from, const control::JobReport& report) {
  const auto found = running_.find(report.number);
  if (found == running_.end() || report.lines.empty()) return;
  const Result<wake::WakeReport> said = from_json<wake::WakeReport>(report.lines.front());
  if (said) {
    found->second->attempt.reported(from.name(), *said, BootClock::now());
  } else {
    found->second->attempt.lost(from.name(), said.error().message(), BootClock::now());
  }
  found->second->changed.set();
}

void WakeDesk::came(const store::Endpoint& endpoint) {
  for (const auto& [number, running] : running_) {
    if (endpoint != store::agent_endpoint(running->wake.agent)) continue;
    running->attempt.target_online(BootClock::now());
    running->changed.set();
  }
}

void WakeDesk::went(const store::Endpoint& endpoint) {
  const std::string name = endpoint.name();
  for (const auto& [number, running] : running_) {
    running->attempt.lost(name, "its tunnel was lost", BootClock::now());
    running->changed.set();
  }
}

void WakeDesk::close() {
  for (const auto& [number, running] : running_) {
    if (running->attempt.over()) continue;
    wake::AttemptResult result = running->attempt.result(BootClock::now());
    result.text += "; the appliance was stopped before the end was known";
    finish(*running, result);
  }
}

Task<> WakeDesk::follow(Running& running) {
  while (!running.attempt.over()) {
    const Instant now = BootClock::now();
    const Duration wait = std::max<Duration>(*running.attempt.deadline() - now, Duration::zero());
    co_await running.changed.wait_for(std::min<Duration>(wait, kShow));
    running.attempt.tick(BootClock::now());
    presence_.set_attempt(running.wake.agent, running.attempt.result(BootClock::now()));
  }
  const wake::AttemptResult result = running.attempt.result(BootClock::now());
  presence_.set_attempt(running.wake.agent, result);
  finish(running, result);
  running_.erase(running.wake.attempt);
}

void WakeDesk::finish(const Running& running, const wake::AttemptResult& result) {
  log::info("office", "an attempt to wake a machine is over",
            {{"asset", running.wake.asset}, {"result", result.text}});
  store::Event event;
  event.who = running.wake.who;
  event.source = running.wake.source;
  event.what = "asset.wake";
  event.object = "asset:" + std::to_string(running.wake.asset);
  const bool failed =
      result.state == wake::AttemptState::failed || result.state == wake::AttemptState::not_online;
  event.result = failed ? "failed" : "ok";
  event.text = result.text;
  json::object details{{"agent", running.wake.agent}};
  const json::value all = to_json(result);
  for (const auto& [key, value] : all.get_object()) details[key] = value;
  event.details = std::move(details);
  means_.event(std::move(event));
}

}  // namespace jump::appliance
