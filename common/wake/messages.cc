#include "common/wake/messages.h"

#include <algorithm>

#include "common/wake/mac.h"

namespace jump::wake {
namespace {

std::string join(const std::vector<std::string>& words, std::string_view between, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : between;
    text += words[i];
  }
  return text;
}

std::string describe(const WakeSending& sending) {
  std::vector<std::string> parts;
  if (!sending.to.empty()) parts.push_back("UDP to " + join(sending.to, ", ", " and ") + " (ports 7 and 9)");
  if (sending.raw) parts.push_back("Ethernet frames");
  std::string text = "on " + sending.interface + ": ";
  text += parts.empty() ? "nothing" : join(parts, ", ", ", ") + "; " + std::to_string(kTimes) + " times";
  if (!sending.failures.empty()) text += " (not sent: " + join(sending.failures, "; ", "; ") + ")";
  return printable(text, 1024);
}

}  // namespace

Result<void> check(const WakeOrder& order) {
  const auto counted = [](std::string_view what, std::size_t count, std::size_t most) {
    return std::to_string(count) + " " + std::string(what) + ", between 1 and " + std::to_string(most) +
           " are allowed";
  };
  if (order.macs.empty() || order.macs.size() > kMacsMost) {
    return Error(Fault::invalid, "wake: " + counted("addresses", order.macs.size(), kMacsMost));
  }
  if (order.interfaces.empty() || order.interfaces.size() > kInterfacesMost) {
    return Error(Fault::invalid, "wake: " + counted("interfaces", order.interfaces.size(), kInterfacesMost));
  }
  for (const std::string& text : order.macs) {
    const std::optional<Mac> mac = parse_mac(text);
    if (!mac || !is_unicast(*mac)) {
      return Error(Fault::invalid,
                   "wake: '" + printable(text, 64) + "' is not the address of a network card");
    }
  }
  if (order.password && order.password->size() != 4 && order.password->size() != 6) {
    return Error(Fault::invalid, "wake: a password of " + std::to_string(order.password->size()) +
                                     " bytes; 4 or 6 are allowed");
  }
  return {};
}

bool sent_something(const WakeReport& report) {
  return std::ranges::any_of(report.interfaces,
                             [](const WakeSending& sending) { return sending.packets > 0; });
}

std::string describe(const WakeReport& report) {
  if (!report.error.empty()) return "nothing was sent: " + printable(report.error);
  std::vector<std::string> parts;
  for (const WakeSending& sending : report.interfaces) parts.push_back(describe(sending));
  return parts.empty() ? "nothing was sent" : join(parts, "; ", "; ");
}

}  // namespace jump::wake
