#include "device/cpu/broadcast_rows.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "ir/tensor.hpp"

namespace hone::cpu {

BroadcastRows::BroadcastRows(const std::vector<int64_t>& result,
                             std::span<const std::vector<int64_t>* const> shapes)
    : count_(element_count(result)) {
  std::vector<Outer> dims;  // innermost first
  int64_t dense[kMostOperands] = {1, 1, 1};
  for (size_t d = result.size(); d-- > 0;) {
    Outer dim{result[d], {}};
    for (size_t k = 0; k < shapes.size(); ++k) {
      // More dimensions than the result: a scalar written as [1].
      if (shapes[k] == nullptr || shapes[k]->size() > result.size()) continue;
      const size_t missing = result.size() - shapes[k]->size();
      const int64_t own = d < missing ? 1 : (*shapes[k])[d - missing];
      check(own == 1 || own == dim.size, Code::usage, "an operand of shape ",
            shape_text(*shapes[k]), " does not broadcast to ", shape_text(result));
      dim.strides[k] = own == 1 ? 0 : dense[k];
      dense[k] *= own;
    }
    if (dim.size == 1) continue;
    const auto follows = [&] {
      for (size_t k = 0; k < kMostOperands; ++k)
        if (dim.strides[k] != dims.back().strides[k] * dims.back().size) return false;
      return true;
    };
    if (!dims.empty() && follows()) dims.back().size *= dim.size;
    else dims.push_back(dim);
  }
  if (dims.empty() || count_ == 0) return;
  row_ = dims.front().size;
  std::copy_n(dims.front().strides, kMostOperands, steps_);
  outer_.assign(dims.begin() + 1, dims.end());
}

}  // namespace hone::cpu
