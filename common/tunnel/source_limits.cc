#include <boost/asio/ip/address.hpp>

#include "common/tunnel/acceptor.h"
#include "common/tunnel/endpoint_text.h"

namespace jump::tunnel {
namespace {

constexpr auto kFailuresCount = std::chrono::minutes(1);
// Whoever owns many networks must not fill our memory with them: then everybody's failures are forgotten.
constexpr std::size_t kMostSources = 65536;

}  // namespace

std::string source_of(const asio::ip::address& address) {
  const asio::ip::address plain = plain_address(address);
  if (plain.is_v4()) return plain.to_string();
  auto bytes = plain.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::make_address_v6(bytes).to_string() + "/64";
}

bool SourceLimits::begin(const std::string& source, Instant now) {
  forget_old(now);
  Source& counts = sources_[source];
  if (now - counts.failed_since >= kFailuresCount) counts.failed = 0;
  if (counts.unfinished + counts.failed >= limits::kUnfinishedPerSource) return false;
  ++counts.unfinished;
  return true;
}

void SourceLimits::finished(const std::string& source, bool succeeded, Instant now) {
  const auto found = sources_.find(source);
  if (found == sources_.end()) return;
  Source& counts = found->second;
  if (counts.unfinished > 0) --counts.unfinished;
  if (now - counts.failed_since >= kFailuresCount) counts.failed = 0;
  if (!succeeded && counts.failed++ == 0) counts.failed_since = now;
  if (counts.unfinished == 0 && counts.failed == 0) sources_.erase(found);
}

void SourceLimits::forget_old(Instant now) {
  const bool full = sources_.size() >= kMostSources;
  if (!full && now - swept_ < kFailuresCount) return;
  swept_ = now;
  std::erase_if(sources_, [&](const auto& entry) {
    return entry.second.unfinished == 0 && (full || now - entry.second.failed_since >= kFailuresCount);
  });
}

}  // namespace jump::tunnel
