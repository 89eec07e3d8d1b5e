#include "common/identity/time_floor.h"

#include <algorithm>

namespace jump::identity {

std::int64_t build_day() {
  return JUMP_BUILD_DAY;
}

std::int64_t TimeFloor::now(std::int64_t wall) const {
  return std::max({wall, build_day(), told_});
}

bool TimeFloor::tell(std::int64_t time, std::int64_t valid_until) {
  const std::int64_t counted = std::min(time, valid_until);
  if (counted <= told_) return false;
  told_ = counted;
  return true;
}

}  // namespace jump::identity
