#pragma once

#include <cstdint>
#include <vector>

#include "base/size.hpp"

namespace hone {

/// A row-major tensor seen along axes [first, last): lanes of `size` elements `step` apart.
struct Lanes {
  int64_t outer = 1, size = 1, step = 1;

  Lanes(const std::vector<int64_t>& shape, size_t first, size_t last) {
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t& count = i < first ? outer : i < last ? size : step;
      count = checked_mul(count, shape[i]);
    }
  }
  /// Calls f(lane number, offset of its first element) for every lane in order.
  template <class F>
  void each(const F& f) const {
    if (step == 0) return;
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t j = 0; j < step; ++j) f(i * step + j, i * size * step + j);
  }
};

}  // namespace hone
