// Race: TCP connections to whichever of several hosts answers first (RFC 8305, "happy eyeballs").
//
// Names are looked up side by side; each host's addresses are tried IPv6 and IPv4 in turn, the next 250 ms
// after the one before or as soon as that failed. The first connection wins and the others are given up; when
// the winner proves useless (TLS says so), next() goes on with the rest.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/tunnel/address.h"

namespace jump::tunnel {

// Looks a host name up. Must end when cancelled.
using Resolve = std::function<Task<Result<std::vector<asio::ip::address>>>(std::string host)>;
// By the operating system, at most `limit`. Its look-up runs in a thread of Asio's, which cannot be stopped:
// it is left behind, and one that hangs delays the next.
Resolve make_resolve(asio::any_io_executor executor,
                     std::chrono::nanoseconds limit = std::chrono::seconds(10));

struct RaceTimes {
  std::chrono::nanoseconds stagger = std::chrono::milliseconds(250);
  std::chrono::nanoseconds attempt = std::chrono::seconds(10);
};

class Race {
 public:
  struct Connected {
    asio::ip::tcp::socket socket;
    asio::ip::tcp::endpoint endpoint;
    std::size_t target;  // index into the targets
  };

  Race(asio::any_io_executor executor, Resolve resolve, RaceTimes times, std::vector<Address> targets);

  // Absent when nothing is left to try.
  Task<std::optional<Connected>> next();
  // The same address once more, as the first of the rest.
  void again(const asio::ip::tcp::endpoint& endpoint, std::size_t target);
  // What failed since the last call, one sentence each.
  std::vector<std::string> take_failures();

 private:
  struct Candidate {
    asio::ip::tcp::endpoint endpoint;
    std::size_t target;
    bool operator==(const Candidate&) const = default;
  };
  Task<Result<void>> drive(TaskGroup& group);
  Task<> look_up(std::size_t target);
  Task<> attempt(Candidate candidate);
  void add(std::size_t target, const std::vector<asio::ip::address>& addresses);
  void failed(std::string text);

  asio::any_io_executor executor_;
  Resolve resolve_;
  RaceTimes times_;
  std::vector<Address> targets_;
  std::deque<std::size_t> unresolved_;
  std::deque<Candidate> waiting_;
  std::deque<Candidate> running_;
  std::vector<std::string> failures_;
  std::optional<Connected> winner_;
  Event changed_;
  bool failed_ = false;  // since drive() last looked
};

}  // namespace jump::tunnel
