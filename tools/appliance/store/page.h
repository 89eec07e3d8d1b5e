// A window of a list, and what it gives.
#pragma once

#include <cstdint>
#include <vector>

namespace jump::store {

struct Page {
  std::int64_t offset = 0;
  std::int64_t limit = 100;
};

template <typename T>
struct Rows {
  std::vector<T> items;
  std::int64_t total = 0;  // of all pages
};

}  // namespace jump::store
