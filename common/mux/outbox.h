// Outbox: whose frame is next on one link. Pull, not push: nothing is encoded before the transport can take
// it, so what is overwritten (a window, a size) never queues up, and a keystroke never stands behind bulk
// that was queued earlier.
//
// Order: control messages, then the sessions' own small frames (attach, windows, resets), then interactive
// streams, then bulk streams in turn, one frame each. Control is limited to a quarter of a batch once streams
// wait, so that a chatty peer cannot starve sessions. Each class that waits sends at least one frame in each
// batch, so that on a slow path no terminal stops a transfer for good.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <list>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "common/base/clock.h"
#include "common/mux/block.h"
#include "common/mux/frame.h"

namespace jump::mux {

// Frames on their way to one write: views, and what keeps them alive until the write has taken them.
class Batch {
 public:
  // The bytes must live until clear().
  void add_view(ByteView bytes);
  void add(Bytes frame);
  void add(Slice frame);
  // Keeps what a view points into.
  void keep(Slice slice) { slices_.push_back(std::move(slice)); }
  // A header that is built here, followed by views that the caller adds.
  void add_data_header(const std::array<std::uint8_t, kDataHeaderBytes>& header);

  const std::vector<ByteView>& parts() const { return parts_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return parts_.empty(); }
  void clear();

 private:
  std::vector<ByteView> parts_;
  std::deque<Bytes> frames_;
  std::deque<std::array<std::uint8_t, kDataHeaderBytes>> headers_;
  std::vector<Slice> slices_;
  std::size_t bytes_ = 0;
};

enum class Priority : std::uint8_t { session = 0, interactive = 1, bulk = 2 };

// Something that may have frames to send on a link. It must leave the outbox before it dies (its destructor
// does).
class FrameSource
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~FrameSource() = default;
  // Adds at most one frame of at most `most` bytes (≥ 1 KiB). False: nothing to send now; it will call
  // Outbox::ready() again when there is.
  virtual bool emit(Batch& batch, std::size_t most, Instant now) = 0;
  virtual Priority priority() const = 0;
  // Nothing of it is worth a packet of its own yet (an acknowledgement that can wait).
  virtual bool lazy() const { return false; }

 private:
  friend class Outbox;
  bool in_lazy_ = false;
};

class Outbox {
 public:
  // `wake` is called when there is something to send, also from inside fill(): it does not fill at once.
  explicit Outbox(std::function<void()> wake);

  // Queues a frame of the tunnel itself. False: more than limits::kControlBacklog would wait, the peer reads
  // nothing and the link should close.
  bool control(Bytes frame);
  // Puts `source` in the queue of its priority; no effect when it is in one.
  void ready(FrameSource& source);
  void remove(FrameSource& source);

  // True when something waits that is worth sending now; lazy sources alone do not count.
  bool pending() const;
  bool lazy_pending() const;

  // Fills `batch` up to about `limit` bytes, with no frame above `most_frame`.
  void fill(Batch& batch, std::size_t limit, std::size_t most_frame, Instant now);

 private:
  using Queue = boost::intrusive::list<FrameSource, boost::intrusive::constant_time_size<false>>;

  std::function<void()> wake_;
  std::list<Bytes> control_;  // a deque holds half a KiB when it is empty
  std::size_t control_bytes_ = 0;
  std::array<Queue, 3> queues_;
  Queue lazy_;
};

// Decides by what a stream sends whether it counts as bulk: more than 64 KiB in 100 ms (PRODUCT.md 1.9).
class BulkMeter {
 public:
  void count(std::size_t bytes, Instant now);
  bool bulk() const { return bulk_; }

 private:
  Instant since_{};
  std::uint64_t bytes_ = 0;
  bool bulk_ = false;
};

}  // namespace jump::mux
