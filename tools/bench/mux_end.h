// MuxEnd: one end of one session over one connection, for benchmarks. Two ways:
//
//   direct      both ends of the connection are the ends of the session; each answers the other's attach as
//               an appliance would. What the mux costs by itself
//   over a real appliance: hello, welcome and control messages go through `channel`; sessions are bound
//               afterwards
//
// One thread: the worker's that made the stream.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "common/endpoint/control_channel.h"
#include "common/endpoint/session_io.h"
#include "common/tunnel/link.h"
#include "common/tunnel/tls_stream.h"

namespace jump::bench {

class MuxEnd : tunnel::LinkHandler {
 public:
  // A hello makes it a peer of an appliance; without one it is an end of a direct session.
  MuxEnd(asio::any_io_executor executor, std::unique_ptr<tunnel::TlsStream> stream,
         std::optional<control::Hello> hello = {});
  ~MuxEnd() override;

  // Until the connection ends, which is what it returns.
  Task<Error> run();
  void close(const std::string& why) { link_.close(Error(Fault::closed, why)); }

  // Of a peer: ends when it is welcomed, or with why not.
  Task<Result<void>> welcomed();
  endpoint::ControlChannel& channel() { return channel_; }
  // Of notices (orders, keys for coming back). Set before run().
  std::function<void(const control::Notice&)> on_notice;
  // Once, when it is welcomed, and once when it is over. Set before run().
  std::function<void(bool up)> on_change;

  // Attaches. The session outlives this, or is taken out by remove().
  void add(endpoint::SessionIo& session);
  void remove(endpoint::SessionIo& session);

 private:
  Result<void> on_frame(const mux::FrameView& frame, Instant now) override;
  void on_go_away(const mux::GoAwayBody& body) override;
  Result<void> on_control(const mux::FrameView& frame);
  void answer_attach(const mux::FrameView& frame);

  std::unique_ptr<tunnel::TlsStream> stream_;
  std::optional<control::Hello> hello_;
  bool welcomed_ = false;
  std::optional<Error> ended_;
  Event changed_;
  endpoint::ControlChannel channel_;
  std::map<std::uint32_t, endpoint::SessionIo*> sessions_;
  std::uint32_t last_slot_ = 0;
  tunnel::Link link_;
};

// The two ends of a direct session, on two workers.
mux::SessionEnd::Options session_options(bool console);
// Both are live when this returns.
Task<Result<void>> live(endpoint::SessionIo& session);

}  // namespace jump::bench
