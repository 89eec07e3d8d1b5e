#include "common/wake/choice.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "common/base/bytes.h"
#include "common/wake/messages.h"

namespace jump::wake {
namespace {

struct Offer {
  const Candidate* candidate = nullptr;
  std::vector<Shared> shared;
  bool sure = false;
};

std::vector<Offer> collect(const Machine& target, const std::vector<Candidate>& candidates) {
  std::vector<Offer> offers;
  for (const Candidate& candidate : candidates) {
    Offer offer;
    offer.candidate = &candidate;
    offer.shared = shared_networks(candidate.machine, target);
    offer.sure = std::ranges::any_of(offer.shared, &Shared::sure);
    if (!offer.shared.empty()) offers.push_back(std::move(offer));
  }
  std::ranges::sort(offers, [](const Offer& a, const Offer& b) {
    return std::tuple(!a.sure, a.candidate->sessions, a.candidate->id) <
           std::tuple(!b.sure, b.candidate->sessions, b.candidate->id);
  });
  return offers;
}

template <typename T>
void add_once(std::vector<T>& list, const T& value, std::size_t most) {
  if (list.size() < most && std::ranges::find(list, value) == list.end()) list.push_back(value);
}

Helper to_helper(const Offer& offer, const Machine& target) {
  Helper helper;
  helper.id = offer.candidate->id;
  helper.name = offer.candidate->name;
  helper.sure = offer.sure;
  for (const Shared& shared : offer.shared) {
    // What is only likely is no use beside what is sure.
    if (offer.sure && !shared.sure) continue;
    add_once(helper.interfaces, shared.helper_link, kInterfacesMost);
    for (const std::string& mac : macs_to_wake(target, shared.target_link))
      add_once(helper.macs, mac, kMacsMost);
  }
  return helper;
}

std::string networks_of(const Machine& target) {
  std::string text;
  for (const Link& link : target.links) {
    if (!link.mac || is_artificial(link)) continue;
    for (const Router& router : link.routers) {
      text += (text.empty() ? "" : ", ") + access::to_text(router.address);
      if (router.mac)
        text += " at " + to_text(*router.mac) + (is_virtual_router(*router.mac) ? " (a virtual router)" : "");
    }
  }
  return text;
}

}  // namespace

std::string why_never(std::string_view target_name, const Machine& target) {
  const std::string who = "'" + printable(target_name, 128) + "' cannot be woken: ";
  const auto has_card = [](const Link& link) {
    return link.mac && is_unicast(*link.mac) && !is_artificial(link);
  };
  if (target.links.empty()) return who + "it has never been online, so no MAC address of it is known";
  if (std::ranges::none_of(target.links, has_card)) return who + "no MAC address of it is known";
  const auto routed = [&](const Link& link) { return has_card(link) && !link.routers.empty(); };
  if (std::ranges::none_of(target.links, routed)) {
    return who + "it had no default gateway, so nobody can tell which network it is on";
  }
  return "";
}

Plan choose_helpers(std::string_view target_name, const Machine& target,
                    const std::vector<Candidate>& candidates) {
  Plan plan;
  plan.reason = why_never(target_name, target);
  if (!plan.reason.empty()) return plan;
  std::vector<Offer> offers = collect(target, candidates);
  if (offers.empty()) {
    plan.reason = "'" + printable(target_name, 128) +
                  "' cannot be woken now: no Jump Client and no Jumpoint node that is " +
                  "online is on its network (gateway " + networks_of(target) + ")";
    return plan;
  }
  std::set<std::string> covered;
  std::set<const Candidate*> taken;
  for (const bool needed : {true, false}) {
    for (const Offer& offer : offers) {
      if (plan.helpers.size() == kHelpersMost) break;
      const bool news = std::ranges::any_of(
          offer.shared, [&](const Shared& shared) { return !covered.contains(shared.target_link); });
      if ((needed && !news) || taken.contains(offer.candidate)) continue;
      for (const Shared& shared : offer.shared) covered.insert(shared.target_link);
      taken.insert(offer.candidate);
      plan.helpers.push_back(to_helper(offer, target));
    }
  }
  return plan;
}

}  // namespace jump::wake
