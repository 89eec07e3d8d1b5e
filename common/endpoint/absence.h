// How long the appliance has been tried in vain (PRODUCT.md 3.5): counted in time of trying, never by the
// wall clock, so that neither a wrong clock nor a machine that was off for a year uninstalls anything.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/base/clock.h"

namespace jump::endpoint {

class Absence {
 public:
  static constexpr Duration kLook = std::chrono::seconds(60);         // how often look() is called
  static constexpr Duration kMostAtOnce = std::chrono::seconds(120);  // longer: the machine slept
  static constexpr std::uint64_t kSaveEvery = 3600;                   // seconds

  // `stored`: seconds so far, of earlier starts.
  explicit Absence(std::uint64_t stored) : seconds_(stored), saved_(stored) {}

  // `reached`: the appliance has answered since, be it with a refusal. `passed`: since the last look.
  void look(bool reached, Duration passed) {
    if (reached) {
      seconds_ = 0;
    } else {
      const Duration counted = std::clamp(passed, Duration(0), kMostAtOnce);
      seconds_ +=
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(counted).count());
    }
  }
  std::uint64_t seconds() const { return seconds_; }
  // Worth writing down now; saved() then.
  bool unsaved() const { return seconds_ == 0 ? saved_ != 0 : seconds_ >= saved_ + kSaveEvery; }
  void saved() { saved_ = seconds_; }
  // `minutes` as in identity::SettingsOrder: 0 is never.
  bool over(std::uint32_t minutes) const { return minutes > 0 && seconds_ >= std::uint64_t{minutes} * 60; }

 private:
  std::uint64_t seconds_;
  std::uint64_t saved_;
};

}  // namespace jump::endpoint
