// The table of all control messages: what each is called on the wire, who may send it, and what answers it.
// codec.h derives everything else from it, PROTOCOL.md in common/mux shows it to people.
#pragma once

#include <string_view>
#include <tuple>

#include "common/control/messages.h"

namespace jump::control {

enum class Sender : unsigned { agent = 1, node = 2, console = 4, appliance = 8 };

constexpr Sender sender_of(Role role) {
  return role == Role::agent ? Sender::agent : role == Role::node ? Sender::node : Sender::console;
}
std::string_view sender_name(Sender sender);

// A set of senders.
struct Senders {
  unsigned bits = 0;
  constexpr Senders(Sender one) : bits(static_cast<unsigned>(one)) {}  // NOLINT: a sender is a set of one
  constexpr explicit Senders(unsigned several) : bits(several) {}
  constexpr bool contains(Sender sender) const { return (bits & static_cast<unsigned>(sender)) != 0; }
};
constexpr Senders operator|(Senders a, Senders b) {
  return Senders(a.bits | b.bits);
}

// What the welcome allowed: everything, or nothing but the order that removes the agent.
enum class Phase { normal, uninstall_only };

template <typename M, typename A>
struct QuestionRow {
  using Message = M;
  using Answer = A;
  std::string_view kind;
  Senders from;
};
template <typename M>
struct NoticeRow {
  using Message = M;
  std::string_view kind;
  Senders from;
  bool when_removed = false;  // legal in Phase::uninstall_only too
};

inline constexpr Senders kEndpoints = Senders(Sender::agent) | Sender::node;

inline constexpr std::tuple kQuestions{
    QuestionRow<OpenSession, SessionOpened>{"open_session", Sender::console},
    QuestionRow<TakeOverSession, SessionOpened>{"take_over_session", Sender::console},
    QuestionRow<EndSession, Done>{"end_session", Sender::console},
    QuestionRow<CertificateRequest, CertificateGrant>{"certificate_request", kEndpoints},
    QuestionRow<Uninstalling, Done>{"uninstalling", kEndpoints},
};

inline constexpr std::tuple kNotices{
    NoticeRow<OrderDelivery>{"order", Sender::appliance, true},
    NoticeRow<PskOffer>{"psk_offer", Sender::appliance},
    NoticeRow<ReportSettings>{"report_settings", Sender::appliance},
    NoticeRow<TrustNotice>{"trust", Sender::appliance},
    NoticeRow<Inventory>{"inventory", kEndpoints},
    NoticeRow<Statistics>{"statistics", kEndpoints},
    NoticeRow<SessionStart>{"session_start", kEndpoints},
    NoticeRow<Holdings>{"holdings", kEndpoints},
    NoticeRow<JobReport>{"job_report", kEndpoints},
    NoticeRow<ZoneProxyState>{"zone_proxy_state", Sender::node},
};

// A kind that this version does not know is nobody's fault: true. Answers are not in the table; whoever
// asked knows whether one is awaited.
bool allowed(Sender from, std::string_view kind, Phase phase = Phase::normal);

}  // namespace jump::control
