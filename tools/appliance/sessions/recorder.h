// Recorder: the tap of a session. Bytes go on to the other end only after they stand in the session's
// recording, so that nothing was seen that is not recorded; an append survives the death of this process.
//
// A terminal's session (a shell, a command with one) becomes asciicast v3
// (https://docs.asciinema.org/manual/asciicast/v3/): what the program printed, sizes, exit. Every other kind
// becomes JSON lines: what was asked and answered on stream 0, for exec also the output (16 MiB of each
// stream, then only its count and SHA-256).
//
// Behind each batch stand comment lines (a player skips them) that say where the recording is:
//     # offset N            all output below N is in the file (a split UTF-8 character is not)
//     # zero SIDE N              all messages of SIDE below N
//     # zero endpoint N BYTES    the same, and the beginning of the next message (base64url)
//     # zero console N BYTES S   the same; S bytes of the next message were seen, of which only its length is
//                                kept (base64url): an answer to a prompt must not stand here, not in part
//                                either
// Answers to prompts are recorded as such, never what was answered. Where recordings are "best effort", what
// could not be written is marked as missing and the session goes on.
//
// After a restart the file is cut behind the last whole batch, and goes on from there: the ends send again
// what is missing.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/control/messages.h"
#include "common/mux/relay.h"

namespace jump::appliance {

struct RecordingHeader {
  control::SessionKind kind = control::SessionKind::shell;
  bool terminal = false;  // what is recorded is one; its size and type follow
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
  std::string term;
  std::string title;         // "web-01 by admin"
  std::int64_t started = 0;  // seconds since 1970
  bool best_effort = false;  // a session goes on when it cannot be recorded
};

class Recorder : public mux::Tap {
 public:
  // Makes the file (0600), or goes on in it. Where that fails and best effort is enough: one without a file.
  static Result<std::unique_ptr<Recorder>> open(const std::string& path, const RecordingHeader& header);
  ~Recorder() override;

  bool on_data(mux::Side from, std::uint32_t stream, std::uint64_t offset, ByteView bytes) override;

  // Called with each whole message of stream 0, before it goes on to the other end.
  using Listener = std::function<void(mux::Side from, const json::value& message)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  // Why the last append failed; empty while all is well.
  const std::string& trouble() const { return trouble_; }
  // Tries again to write where it failed.
  bool recovered();
  // A line of our own: the owner changed, the appliance restarted, bytes are missing.
  void mark(std::string_view text);
  // Something was appended since the last sync().
  bool dirty() const { return dirty_; }
  // To the disk. Blocking; the descriptor may be used from another thread for this.
  int descriptor() const { return file_; }
  void synced() { dirty_ = false; }
  std::uint64_t size() const { return size_; }

 private:
  struct Flow;
  Recorder(int file, const RecordingHeader& header);
  Result<void> begin();
  Result<void> go_on();
  bool append(const std::string& text);
  // False: the session must wait. True: written, or marked as missing where best effort is enough.
  bool append_or_miss(const std::string& text, std::uint64_t bytes);
  bool on_message_bytes(mux::Side from, std::uint64_t offset, ByteView bytes);
  bool on_output(std::uint32_t stream, std::uint64_t offset, ByteView bytes);
  bool on_exec_output(std::uint32_t stream, std::uint64_t offset, ByteView bytes);
  std::string message_line(mux::Side from, const json::value& message);
  std::string exec_totals();
  std::string stamp();

  int file_;
  RecordingHeader header_;
  std::uint64_t size_ = 0;  // of whole batches
  bool dirty_ = false;
  std::string trouble_;
  std::uint64_t missing_ = 0;  // bytes that could not be written since the last mark
  Listener listener_;
  std::int64_t last_micros_ = 0;
  struct Zero {
    std::uint64_t offset = 0;  // seen, partial included
    std::string partial;
    std::uint64_t skip = 0;  // bytes of a message whose beginning an earlier process saw
    bool lost = false;       // messages were missed: nothing of this side can be told apart any more
  };
  std::array<Zero, 2> zero_;
  std::map<std::uint32_t, std::unique_ptr<Flow>> flows_;
};

}  // namespace jump::appliance
