// CreditPool: how much may lie in the relays of one session, one tunnel, one process. Credit that is out is
// memory that may be needed, so it is counted when it is given, not when the bytes arrive.
#pragma once

#include <algorithm>
#include <cstdint>

namespace jump::mux {

class CreditPool {
 public:
  // `parent` must outlive it; what is counted here counts there too.
  explicit CreditPool(std::uint64_t limit, CreditPool* parent = nullptr) : limit_(limit), parent_(parent) {}
  CreditPool(const CreditPool&) = delete;
  CreditPool& operator=(const CreditPool&) = delete;
  ~CreditPool() { change(out_, 0); }

  std::uint64_t out() const { return out_; }
  std::uint64_t left() const {
    const std::uint64_t here = limit_ > out_ ? limit_ - out_ : 0;
    return parent_ == nullptr ? here : std::min(here, parent_->left());
  }
  // Someone held `before` and holds `after` now. May go over the limit: the least that every stream gets.
  void change(std::uint64_t before, std::uint64_t after) {
    out_ = out_ - before + after;
    if (parent_ != nullptr) parent_->change(before, after);
  }

 private:
  std::uint64_t limit_;
  CreditPool* parent_;
  std::uint64_t out_ = 0;
};

}  // namespace jump::mux
