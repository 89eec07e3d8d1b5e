#include "tools/appliance/api/limits.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

namespace jump::api {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEntries = 10000;  // of each table; full: what has been quiet longest goes
constexpr auto kForget = 1h;             // failures are forgotten after so much quiet
constexpr std::uint32_t kUserTries = 3;
constexpr std::uint32_t kUserLongest = 60;  // seconds
constexpr std::uint32_t kSourceTries = 10;
constexpr std::uint32_t kSourceLongest = 900;

std::uint32_t seconds_up(Duration time) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::string lower(std::string_view text) {
  std::string out(text.substr(0, 256));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// An IPv4 address itself, the /64 of an IPv6 one.
std::string source_key(std::string_view source) {
  boost::system::error_code failure;
  const auto address = boost::asio::ip::make_address(std::string(source.substr(0, 64)), failure);
  if (failure) return std::string(source.substr(0, 64));
  if (address.is_v4()) return address.to_string();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace

RequestLimit::Verdict RequestLimit::ask(const std::string& principal, Instant now) {
  if (windows_.size() >= kEntries && !windows_.contains(principal)) {
    std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.hour >= 1h; });
    if (windows_.size() >= kEntries) windows_.erase(windows_.begin());
  }
  Window& window = windows_[principal];
  if (window.in_second == 0 || now - window.second >= 1s) {
    window.second = now;
    window.in_second = 0;
  }
  if (window.in_hour == 0 || now - window.hour >= 1h) {
    window.hour = now;
    window.in_hour = 0;
  }
  Verdict verdict;
  verdict.limit = an_hour_;
  if (window.in_hour >= an_hour_) {
    verdict.allowed = false;
    verdict.retry_after = seconds_up(window.hour + 1h - now);
  } else if (window.in_second >= a_second_) {
    verdict.allowed = false;
    verdict.retry_after = 1;
  } else {
    ++window.in_second;
    ++window.in_hour;
  }
  verdict.remaining = an_hour_ - window.in_hour;
  return verdict;
}

std::uint32_t LoginLimit::wait(std::string_view username, std::string_view source, Instant now) const {
  Duration longest{0};
  if (const auto found = users_.find(lower(username)); found != users_.end()) {
    longest = std::max(longest, Duration(found->second.next - now));
  }
  if (const auto found = sources_.find(source_key(source)); found != sources_.end()) {
    longest = std::max(longest, Duration(found->second.next - now));
  }
  return seconds_up(longest);
}

void LoginLimit::count(Table& table, const std::string& key, std::uint32_t free_tries, std::uint32_t most,
                       Instant now) {
  if (table.size() >= kEntries && !table.contains(key)) {
    std::erase_if(table, [&](const auto& entry) { return now - entry.second.last >= kForget; });
    if (table.size() >= kEntries) {
      table.erase(std::min_element(table.begin(), table.end(), [](const auto& a, const auto& b) {
        return a.second.last < b.second.last;
      }));
    }
  }
  Entry& entry = table[key];
  if (entry.failures > 0 && now - entry.last >= kForget) entry = {};
  ++entry.failures;
  entry.last = now;
  if (entry.failures < free_tries) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(entry.failures - free_tries, 20);
  entry.next = now + std::chrono::seconds(std::min<std::uint32_t>(1u << doublings, most));
}

void LoginLimit::attempt(std::string_view username, std::string_view source, Instant now) {
  count(users_, lower(username), kUserTries, kUserLongest, now);
  count(sources_, source_key(source), kSourceTries, kSourceLongest, now);
}

// The user's record is clean again. The source keeps its other failures: one good password must not pay for
// guessing others.
void LoginLimit::succeeded(std::string_view username, std::string_view source) {
  users_.erase(lower(username));
  const auto found = sources_.find(source_key(source));
  if (found == sources_.end()) return;
  if (--found->second.failures < kSourceTries) found->second.next = {};
  if (found->second.failures == 0) sources_.erase(found);
}

}  // namespace jump::api
