// Sending and receiving a file or folder tree over one stream (FORMAT.md). The endpoint and the console run
// the same code: put = console sends, get = endpoint sends.
//
//   send_tree:    walk → entry → (have → start) → data… → trailer → … → finish → result
//   receive_tree: entry → partial file beside the target → digest right → fsync, rename → … → result
//
// File work is blocking, in pieces of at most 256 KiB with other tasks in between. A failure that concerns
// the whole transfer resets the stream with the reason and is returned; the peer's reset comes back as its
// reason.
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/files/requests.h"
#include "common/files/tree.h"
#include "common/session/stream_io.h"

namespace jump::files {

// Called often; cheap, and never suspends.
using ProgressSink = std::function<void(const Progress&)>;

struct SendOptions {
  bool recursive = true;                 // false: a folder is refused
  bool resume = true;                    // ask the receiver what it holds
  std::uint64_t ask_from = 1024 * 1024;  // bytes of a file from which that is worth a round trip
};

// Both directions of the stream are over afterwards, or it was reset. The result is the receiver's, checked.
Task<Result<TransferResult>> send_tree(session::Stream& stream, Source& source, SendOptions options,
                                       ProgressSink progress);

struct Destination {
  std::string path;  // absolute; a folder: the root goes into it under its name, else it becomes this
  // What the root is called in a folder, whatever the sender says. Empty: the sender's name, unless it begins
  // with a dot and so could replace a file that nobody looks at.
  std::string name;
};

struct ReceiveOptions {
  bool recursive = true;                  // false: only one file or link is taken
  std::uint64_t keep_from = 1024 * 1024;  // bytes of a broken file from which its part is kept
};

Task<Result<TransferResult>> receive_tree(session::Stream& stream, Destination destination,
                                          ReceiveOptions options, ProgressSink progress);

}  // namespace jump::files
