// How often somebody may ask. Pure: the time is an argument; everything is bounded and in memory (a restart
// forgets).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace jump::api {

// Requests a second and an hour for each principal, in fixed windows.
class RequestLimit {
 public:
  RequestLimit(std::uint32_t a_second, std::uint32_t an_hour) : a_second_(a_second), an_hour_(an_hour) {}

  struct Verdict {
    bool allowed = true;
    std::uint32_t limit = 0;        // an hour
    std::uint32_t remaining = 0;    // of this hour
    std::uint32_t retry_after = 0;  // seconds; when not allowed
  };
  Verdict ask(const std::string& principal, Instant now);

 private:
  struct Window {
    Instant second{};
    Instant hour{};
    std::uint32_t in_second = 0;
    std::uint32_t in_hour = 0;
  };
  std::uint32_t a_second_;
  std::uint32_t an_hour_;
  std::map<std::string, Window> windows_;
};

// The delay before the next log-in is tried, doubling with each failure: for the user name (from 1 s after 3
// failures to 60 s, so that a stranger cannot lock somebody out for long) and for the source (from 1 s after
// 10 to 15 min; an IPv6 source is its /64). Unknown names count like known ones.
class LoginLimit {
 public:
  // Seconds to wait; 0: go on with attempt().
  std::uint32_t wait(std::string_view username, std::string_view source, Instant now) const;
  // Counts as a failure at once, so that a hundred tries at the same time are a hundred; succeeded() takes it
  // back.
  void attempt(std::string_view username, std::string_view source, Instant now);
  void succeeded(std::string_view username, std::string_view source);

 private:
  struct Entry {
    std::uint32_t failures = 0;
    Instant last{};
    Instant next{};
  };
  using Table = std::map<std::string, Entry, std::less<>>;
  static void count(Table& table, const std::string& key, std::uint32_t free_tries, std::uint32_t most,
                    Instant now);

  Table users_;
  Table sources_;
};

}  // namespace jump::api
