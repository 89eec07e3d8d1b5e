// Numbers and times as a person reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace jump::console {

// "0 B", "1023 B", "1.0 KiB", "16 KiB", "1.4 GiB": two digits at least, powers of 1024.
std::string human_size(std::uint64_t bytes);
// "12.3 MiB/s"
std::string human_rate(double bytes_per_second);
// "0 s", "59 s", "1 min 05 s", "2 h 03 min", "3 d 4 h": the two largest units.
std::string human_time(std::int64_t seconds);
// "now", "5 s ago", "3 min ago", "2 h ago", "4 d ago"; the future is "now".
std::string human_ago(std::int64_t then, std::int64_t now);

// "90s", "30m", "12h", "7d", or minutes without a unit; at least one minute, to the minute.
Result<std::int64_t> parse_minutes(std::string_view text);

// Seconds since 1970 from "2026-11-21T20:45:00Z", with a fraction or an offset if there is one.
Result<std::int64_t> parse_iso8601(std::string_view text);

}  // namespace jump::console
