// Who made a network card, by the first bytes of its address: the IEEE's tables, as the Debian package
// ieee-data installs them (oui.csv, mam.csv, oui36.csv).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/wake/mac.h"

namespace jump::browse {

inline constexpr const char* kVendorFolder = "/usr/share/ieee-data";

class Vendors {
 public:
  // Takes 3 MiB and some 50 ms. Fault::not_found without the tables.
  static Result<Vendors> load(const std::string& folder = kVendorFolder);

  // Empty: unknown, or an address that software made up (locally administered).
  std::string_view name(const wake::Mac& mac) const;

  // One table's text: lines of "registry,hex digits,name,…".
  void add(std::string_view table);
  // After the last add().
  void finish();

 private:
  struct Entry {
    std::uint64_t prefix = 0;  // in the top bits of 48
    std::uint8_t bits = 0;     // 24, 28 or 36
    std::uint32_t name = 0;    // start in names_
    std::uint16_t size = 0;
  };

  std::string_view find(std::uint64_t address, std::uint8_t bits) const;

  std::vector<Entry> entries_;
  std::string names_;
};

}  // namespace jump::browse
