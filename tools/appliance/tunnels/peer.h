// Peer: one tunnel at the appliance, of an agent, a node or a console. What it may say depends on who it is;
// sessions on it are legs of the hub's.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "common/endpoint/control_channel.h"
#include "common/tunnel/link.h"
#include "common/tunnel/tls_stream.h"
#include "tools/appliance/api/principal.h"
#include "tools/appliance/tunnels/hub.h"
#include "tools/appliance/tunnels/office.h"

namespace jump::appliance {

class Peer : tunnel::LinkHandler, LegOwner {
 public:
  Peer(Office& office, std::unique_ptr<tunnel::TlsStream> stream);
  ~Peer() override;

  // From hello to the end.
  Task<bool> run();

  // What the hello said; empty before it.
  const std::optional<control::Hello>& hello() const { return hello_; }
  // Of an agent or node, once it is admitted.
  const store::Endpoint& endpoint() const { return endpoint_; }
  // Of a node: its Jumpoint. Of an agent: that through whose Jump Zone Proxies it comes; 0: none.
  std::int64_t jumpoint() const { return jumpoint_; }
  // Of a console, once it is admitted; else null.
  const api::Principal* user() const { return user_.get(); }
  std::int64_t user_id() const { return user_ && user_->user ? user_->user->id : 0; }
  std::string who() const { return who_; }
  // With which it came, or for which it was given the key that it came with; empty: a console.
  std::string certificate_serial() const { return stream_->peer() ? stream_->peer()->serial : std::string(); }
  std::string remote_address() const { return stream_->info().peer_host; }

  void tell(const control::Notice& notice) { channel_.tell(notice); }
  void go_away(mux::GoAway code, std::string text, std::uint32_t retry_after_ms = 0);
  // Of an agent: the period after which it gives itself up has changed, or the site's has. It is told when it
  // holds another.
  void set_absence(std::uint32_t minutes);
  std::uint32_t absence_minutes() const { return absence_minutes_; }
  // It is asked for a sign of life; last_heard() says when the last one came.
  void ping() { link_.outbox().control(mux::encode_ping(mux::Kind::ping, {0})); }
  Instant last_heard() const { return link_.last_heard(); }

 private:
  enum class Phase { hello, admitting, running, removed };

  Result<void> on_frame(const mux::FrameView& frame, Instant now) override;
  void on_go_away(const mux::GoAwayBody& body) override;
  void on_slot_released(std::uint32_t slot) override;
  void on_busy(bool busy) override;

  Task<bool> live();
  void leave();
  Task<> let_in();
  Task<Result<void>> admit();
  Task<Result<void>> admit_endpoint();
  Task<Result<void>> admit_console();
  Task<Result<void>> settle_double(bool same_process);
  void welcome(bool uninstall_only);
  void after_welcome();
  void offer_psk();
  Result<void> on_control(const mux::FrameView& frame);
  Task<> answer_question(std::uint64_t ask, control::Question question);
  Result<void> on_notice(control::Notice notice);
  Task<> store_inventory(control::Inventory inventory);
  Task<> store_statistics(control::Statistics statistics);
  Task<> store_zone_proxy(control::ZoneProxyState state);
  Task<> on_holdings(control::Holdings holdings);
  Result<void> on_attach(const mux::FrameView& frame);
  Task<> refuse_attach(std::uint32_t slot, store::SessionId id);
  void lost_legs(const Error& reason);

  struct Leg {
    LiveSession* session;
    mux::Side side;
  };

  Office& office_;
  std::unique_ptr<tunnel::TlsStream> stream_;
  TaskGroup tasks_;
  tunnel::Link link_;
  endpoint::ControlChannel channel_;
  Phase phase_ = Phase::hello;
  std::optional<control::Hello> hello_;
  Event* hello_came_ = nullptr;  // while it is waited for
  control::Sender sender_ = control::Sender::agent;
  std::optional<Error> ended_;
  store::Endpoint endpoint_;
  std::int64_t jumpoint_ = 0;
  bool zone_listening_ = false;  // as last told by a node
  std::string zone_address_;
  std::unique_ptr<const api::Principal> user_;
  std::string who_;
  std::unordered_map<std::uint32_t, Leg> legs_;
  std::uint32_t highest_slot_ = 0;
  std::size_t questions_ = 0;  // under way
  std::uint64_t trust_told_ = 0;
  std::uint64_t addresses_told_ = 0;
  std::uint32_t absence_minutes_ = 0;          // as it should be
  std::optional<std::uint32_t> absence_told_;  // as it said that it holds, or was told
};

}  // namespace jump::appliance
