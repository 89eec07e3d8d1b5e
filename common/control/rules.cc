#include "common/control/rules.h"

namespace jump::control {

std::string_view sender_name(Sender sender) {
  switch (sender) {
    case Sender::agent:
      return "agent";
    case Sender::node:
      return "node";
    case Sender::console:
      return "console";
    case Sender::appliance:
      return "appliance";
  }
  return "?";
}

bool allowed(Sender from, std::string_view kind, Phase phase) {
  bool result = true;
  const auto question = [&](const auto& row) {
    if (row.kind == kind) result = phase == Phase::normal && row.from.contains(from);
  };
  const auto notice = [&](const auto& row) {
    if (row.kind == kind) result = (phase == Phase::normal || row.when_removed) && row.from.contains(from);
  };
  std::apply([&](const auto&... rows) { (question(rows), ...); }, kQuestions);
  std::apply([&](const auto&... rows) { (notice(rows), ...); }, kNotices);
  return result;
}

}  // namespace jump::control
