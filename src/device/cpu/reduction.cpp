#include "device/cpu/reduction.hpp"

#include "base/size.hpp"

namespace hone::cpu {

Reduction::Reduction(const std::vector<int64_t>& shape, const std::vector<bool>& gone_axes) {
  struct Axis {
    MoveDim dim;
    bool goes;
  };
  std::vector<Axis> axes;
  const std::vector<int64_t> strides = dense_strides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    if (!axes.empty() && axes.back().goes == gone_axes[d]) {
      axes.back().dim.size *= shape[d];
      axes.back().dim.from = strides[d];
    } else {
      axes.push_back({{shape[d], strides[d], 0}, gone_axes[d]});
    }
  }
  if (!axes.empty()) {
    (axes.back().goes ? line : columns) = axes.back().dim.size;
    axes.pop_back();
  }
  for (const Axis& axis : axes) {
    (axis.goes ? gone : kept).push_back(axis.dim);
    (axis.goes ? rows : results) *= axis.dim.size;
  }
  check(gone.size() <= kMostAxes, Code::unsupported, "a reduction of ", shape.size(), " axes");
}

int64_t Reduction::start(int64_t i) const {
  int64_t at = 0;
  for (size_t d = kept.size(); d-- > 0;) {
    at += i % kept[d].size * kept[d].from;
    i /= kept[d].size;
  }
  return at;
}

}  // namespace hone::cpu
