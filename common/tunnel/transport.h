// Transport: a connected byte stream that a Link (link.h) runs frames over. TLS over TCP towards the
// appliance (tls_stream.h), a local socket between the processes of one endpoint (local_transport.h),
// memory in tests.
//
// Readiness and work are apart: readable() and writable() wait, read_now() and write_now() never do.
// So an idle connection holds no buffer at all, and a busy one decrypts and encrypts whole batches
// through buffers that belong to the worker thread.
//
// One thread. At most one readable() and one writable() at a time. close() ends both with `closed`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::tunnel {

// What is known about a connection; filled once it is established.
struct TransportInfo {
  std::string peer_address;  // "10.0.0.7:51234", "[::1]:443", "local"
  std::string peer_host;     // without the port, for limits for each source
};

// The kernel's view of the path, for pacing (PRODUCT.md 1.9). Zero where it does not know.
struct PathState {
  std::uint64_t delivery_rate = 0;  // bytes a second, as measured by the kernel
  std::uint64_t unsent = 0;         // bytes that the kernel holds and has not put on the wire
  std::chrono::microseconds round_trip{0};
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Ends when read_now() may give bytes, or with the error that ended the connection.
  virtual Task<Result<void>> readable() = 0;
  // Reads what is there: bytes put into `into`, 0 when nothing is there now. Fault::closed when the peer
  // ended orderly. With TLS one call gives at most one record.
  virtual Result<std::size_t> read_now(std::span<std::uint8_t> into) = 0;

  // Takes all of `parts` (together at most 256 KiB), in this order. What the kernel does not take now is
  // kept here (and backlog() is true); then writable() must have ended before the next write_now().
  virtual Result<void> write_now(std::span<const ByteView> parts) = 0;
  virtual bool backlog() const = 0;
  // Sends what is kept; ends when all of it is with the kernel and more is wanted.
  virtual Task<Result<void>> writable() = 0;

  // Bytes that the kernel may hold unsent before writable() waits (TCP_NOTSENT_LOWAT). No-op where there is
  // none.
  virtual void set_unsent_limit(std::size_t bytes) = 0;
  virtual PathState path() const = 0;

  // Orderly: flushes, sends the end (close_notify), waits for nothing from the peer. Timed by the caller.
  virtual Task<Result<void>> shutdown() = 0;
  // At once; idempotent.
  virtual void close() noexcept = 0;

  virtual const TransportInfo& info() const = 0;
};

}  // namespace jump::tunnel
