// The proxies that are measured side by side, each started on a free port of 127.0.0.1.
#pragma once

#include <memory>
#include <string>

#include "tools/bench/child.h"
#include "tools/bench/zone_load.h"

namespace jump::bench {

enum class ZoneKind { ours, haproxy_copying, haproxy_splicing, squid, tinyproxy };

class ZoneProxy {
 public:
  // Throws a sentence where it does not start; nothing where it is not installed.
  static std::unique_ptr<ZoneProxy> start(ZoneKind kind, const std::string& programs, std::uint16_t server);
  ~ZoneProxy();

  const char* name() const;
  ZoneKind kind() const { return kind_; }
  const ZoneEntry& entry() const { return entry_; }
  int pid() const { return child_.pid(); }

 private:
  ZoneProxy() = default;
  ZoneKind kind_ = ZoneKind::ours;
  Scratch scratch_;
  ZoneEntry entry_;
  int settings_ = -1;  // ours ends with its input
  Child child_;
};

}  // namespace jump::bench
