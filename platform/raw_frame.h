// Whole Ethernet frames on one interface, sent and received beside the operating system's own network code
// (libpcap; Linux needs CAP_NET_RAW).
//
// libpcap is loaded at the first open(), so that no other process pays for it and what it brings along, and a
// machine without it does everything else.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform {

inline constexpr std::size_t kFrameKept = 2048;  // bytes of a received frame; longer ones are cut

class RawFrames {
 public:
  // `filter` as in pcap-filter(7) says which frames are received; empty: none, only for sending. Errors are
  // sentences for a person: Fault::unsupported without libpcap, Fault::refused without the right,
  // Fault::not_found without such an interface, Fault::unavailable while it is down.
  static Result<RawFrames> open(asio::any_io_executor executor, const std::string& interface,
                                const std::string& filter);
  RawFrames(RawFrames&&) noexcept;
  RawFrames& operator=(RawFrames&&) noexcept;
  ~RawFrames();

  // With its Ethernet header, without the checksum. Never waits; a full queue of the interface is an error.
  Result<void> send(ByteView frame);
  // Waits for frames of others, and gives what is there to `take`, one by one; at most 256. One waiter.
  // Throws operation_aborted when cancelled.
  Task<Result<void>> receive(const std::function<void(ByteView)>& take);
  // Frames that came faster than they were taken, since the start.
  std::uint64_t dropped() const;

 private:
  struct Impl;
  explicit RawFrames(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Without opening anything for long: can frames be sent and received on this interface? The error says why
// not.
Result<void> can_use_raw_frames(asio::any_io_executor executor, const std::string& interface);

}  // namespace jump::platform
