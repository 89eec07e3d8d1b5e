// /jump-client/{id}/wake: who may wake, who helps, and what came of it (PRODUCT.md 4).
#include "common/control/messages.h"
#include "common/wake/magic_packet.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/rights.h"

namespace jump::api {
namespace {

// Of those that may be on one network with the target, so many of the least busy are looked at.
constexpr std::size_t kLookedAt = 16;

struct Judged {
  wake::Plan plan;
  std::string reason;  // empty: it can be woken
};

struct Online {
  store::Endpoint endpoint;
  std::uint32_t sessions = 0;
};

// What cannot be read (an older version's, a later one's) counts as not told.
control::Inventory read_inventory(const json::value& told) {
  Result<control::Inventory> inventory = from_json<control::Inventory>(told);
  return inventory ? std::move(*inventory) : control::Inventory();
}

std::vector<Online> least_busy(Call& call, const std::vector<store::Endpoint>& endpoints,
                               std::int64_t target) {
  std::vector<Online> online;
  for (const store::Endpoint& endpoint : endpoints) {
    if (endpoint == store::agent_endpoint(target)) continue;
    const std::optional<AgentPresence> presence =
        endpoint.node() ? call.presence.node(endpoint.id) : call.presence.agent(endpoint.id);
    if (presence) online.push_back({endpoint, presence->sessions});
  }
  const std::size_t kept = std::min(online.size(), kLookedAt);
  std::partial_sort(online.begin(), online.begin() + static_cast<std::ptrdiff_t>(kept), online.end(),
                    [](const Online& a, const Online& b) {
                      return std::tie(a.sessions, a.endpoint) < std::tie(b.sessions, b.endpoint);
                    });
  online.resize(kept);
  return online;
}

// For each network of the target some of those who are there and may send.
Result<std::vector<wake::Candidate>> candidates_for(Call& call, const wake::Machine& target,
                                                    std::int64_t agent) {
  std::vector<wake::Candidate> candidates;
  for (const std::string& key : wake::network_keys(target)) {
    const Result<std::vector<store::Endpoint>> sharing = call.store.networks.sharing(std::span(&key, 1));
    if (!sharing) return sharing.error();
    for (const Online& one : least_busy(call, *sharing, agent)) {
      const std::string id = one.endpoint.name();
      if (std::ranges::find(candidates, id, &wake::Candidate::id) != candidates.end()) continue;
      const Result<std::optional<store::NetworkMember>> member = call.store.networks.member(one.endpoint);
      if (!member) return member.error();
      if (!*member) continue;
      const control::Inventory inventory = read_inventory((*member)->inventory);
      // Its own file may forbid it, and an older version knows no such order.
      if (std::ranges::find(inventory.kinds, "wake") == inventory.kinds.end()) continue;
      wake::Candidate candidate;
      candidate.id = id;
      candidate.name = (*member)->name;
      candidate.sessions = one.sessions;
      candidate.machine = wake::to_machine(inventory.interfaces, (*member)->public_ip);
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

std::string reason_of(const wake::Machine& target, std::string_view never) {
  if (target.links.empty()) return "never_online";
  if (never.empty()) return "no_helper";
  return std::ranges::any_of(target.links,
                             [](const wake::Link& link) { return link.mac && wake::is_unicast(*link.mac); })
             ? "no_gateway"
             : "no_mac";
}

Result<Judged> judge(Call& call, const store::JumpClientRow& row) {
  const Result<store::JumpClientReport> report = call.store.jump_clients.report(row.agent);
  if (!report) return report.error();
  const wake::Machine target = wake::to_machine(read_inventory(report->inventory).interfaces, row.public_ip);
  Result<std::vector<wake::Candidate>> candidates = candidates_for(call, target, row.agent);
  if (!candidates) return candidates.error();
  Judged judged;
  judged.plan = wake::choose_helpers(row.name, target, *candidates);
  if (judged.plan.helpers.empty()) judged.reason = reason_of(target, wake::why_never(row.name, target));
  return judged;
}

ApiResponse refused(unsigned status, std::string_view reason, std::string_view text) {
  return json_response(status,
                       json::object{{"message", json::string(text)}, {"reason", json::string(reason)}});
}

// Nothing: the body has none. A fault stands under "password".
std::optional<Secret> password_of(Call& call, Faults& faults) {
  std::optional<Secret> password;
  for (const auto& [key, value] : call.body) {
    if (key != "password") {
      faults[std::string(std::string_view(key))].push_back("is no field here");
    } else if (!value.is_string()) {
      faults["password"].push_back("must be a string");
    } else {
      Result<Secret> parsed = wake::parse_password(std::string_view(value.get_string()));
      if (parsed) {
        password = std::move(*parsed);
      } else {
        faults["password"].push_back(parsed.error().context);
      }
    }
  }
  return password;
}

}  // namespace

Result<json::object> wake_hint(Call& call, const store::JumpClientRow& row) {
  const Result<Judged> judged = judge(call, row);
  if (!judged) return judged.error();
  std::string text = judged->plan.reason;
  if (text.empty()) {
    text = "could be woken by ";
    for (const wake::Helper& helper : judged->plan.helpers)
      text += (&helper == judged->plan.helpers.data() ? "" : ", ") + printable(helper.name, 128);
  }
  return json::object{{"possible", judged->reason.empty()}, {"reason", judged->reason}, {"text", text}};
}

Reply wake_jump_client(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  const Result<std::optional<store::Role>> role =
      role_in(call, (*row)->jump_group_id, (*row)->jump_group_type);
  if (!role) return role.error();
  if (!(*role)->perm_wake) return forbidden("Your role does not allow to wake assets of this group.");
  Faults faults;
  std::optional<Secret> password = password_of(call, faults);
  if (!faults.empty()) return invalid(faults);
  const std::string called = "'" + printable((*row)->name, 128) + "'";
  if ((*row)->connection_type == store::ConnectionType::uninstalled) {
    return refused(409, "uninstalled", called + " cannot be woken: its Jump Client was uninstalled");
  }
  if (call.presence.agent((*row)->agent)) return refused(409, "online", called + " is online already");
  const Result<Judged> judged = judge(call, **row);
  if (!judged) return judged.error();
  if (!judged->reason.empty()) return refused(409, judged->reason, judged->plan.reason);

  const auto target = static_cast<std::uint64_t>((*row)->agent);
  const Result<void> begun = call.memory.woken.begin(target, (*row)->name, call.clock.now);
  if (!begun) {
    ApiResponse response = refused(409, "too_soon", begun.error().context);
    response.headers.emplace_back("Retry-After",
                                  std::to_string(call.memory.woken.seconds_left(target, call.clock.now)));
    return response;
  }
  WakeMachine wake;
  wake.attempt = call.memory.next_number(call.clock.wall);
  wake.asset = (*row)->id;
  wake.agent = (*row)->agent;
  wake.name = (*row)->name;
  wake.plan = judged->plan;
  wake.password = std::move(password);
  wake.who = call.who.name();
  wake.source = call.request.remote_address;
  const wake::Attempt attempt(wake.attempt, wake.name, wake.plan, call.clock.now);
  call.effects.emplace_back(std::move(wake));
  return json_response(202, to_json(attempt.result(call.clock.now)));
}

Reply get_wake(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  const std::optional<wake::AttemptResult> attempt = call.presence.attempt((*row)->agent);
  if (!attempt) return not_found();
  return json_response(200, to_json(*attempt));
}

}  // namespace jump::api
