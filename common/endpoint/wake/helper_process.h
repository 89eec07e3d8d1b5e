// What the helper processes share: a job on standard input, and one right that is kept.
#pragma once

#include <string>

#include "common/base/json.h"

namespace jump::endpoint {

// All of standard input, to its end; at most `limit` bytes.
Result<Secret> read_input(std::size_t limit);

template <typename Job>
Result<Job> read_job(std::size_t limit) {
  const Result<Secret> text = read_input(limit);
  if (!text) return text.error();
  return from_json_text<Job>(text->reveal_text(), limit);
}

// Gives up every right but CAP_NET_RAW, and becomes `user` (empty: stays). Before the first packet.
Result<void> keep_raw_network_alone(const std::string& user);

}  // namespace jump::endpoint
