// The time by which certificates are judged. A machine's clock may stand in 1970 after a dead battery, or be
// turned back by somebody who holds an old stolen certificate; so "now" is never before the day of our build
// or the last time that the appliance told over an authenticated tunnel.
#pragma once

#include <cstdint>

namespace jump::identity {

// Midnight UTC of the day on which this program was built.
std::int64_t build_day();

class TimeFloor {
 public:
  // `told`: the stored last time of the appliance, 0 when there is none.
  explicit TimeFloor(std::int64_t told = 0) : told_(told) {}

  // The time to judge certificates by, when the machine's clock says `wall`.
  std::int64_t now(std::int64_t wall) const;
  // The appliance said its time in its welcome; `valid_until` is not_after of the certificate that it showed.
  // Its time counts at most up to there, so that an appliance whose clock once stood years ahead strands
  // nobody. True when the floor rose and is worth storing.
  bool tell(std::int64_t time, std::int64_t valid_until);
  std::int64_t told() const { return told_; }

 private:
  std::int64_t told_;
};

}  // namespace jump::identity
