#include "ops/common/broadcast.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "base/text.hpp"

namespace hone {

std::optional<Sizes> broadcast_shape(std::span<const Sizes> shapes) {
  size_t rank = 0;
  for (const Sizes& shape : shapes) rank = std::max(rank, shape.size());
  Sizes result(rank, 1);
  for (const Sizes& shape : shapes) {
    const size_t lead = rank - shape.size();
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t& size = result[lead + d];
      if (size == 1) size = shape[d];
      else if (shape[d] != 1 && shape[d] != size) return std::nullopt;
    }
  }
  return result;
}

Sizes broadcast_shape(const Evaluation& c, int first, int count) {
  std::vector<Sizes> shapes;
  for (int i = first; i < first + count; ++i) shapes.push_back(c.input(i).shape());
  std::optional<Sizes> result = broadcast_shape(shapes);
  if (result) return *std::move(result);
  std::string found;
  for (const Sizes& shape : shapes) found += cat(found.empty() ? "" : ", ", shape_text(shape));
  c.fail("shapes ", found, " do not broadcast: two sizes differ and neither is 1");
}

Sizes broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> result) {
  Sizes strides(result.size(), 0);
  int64_t stride = 1;
  for (size_t d = shape.size(), at = result.size(); d-- > 0;) {
    --at;
    if (shape[d] != 1) strides[at] = stride;
    stride = checked_mul(stride, std::max<int64_t>(shape[d], 1));
  }
  return strides;
}

StridedWalk::StridedWalk(const Sizes& sizes, const std::vector<Sizes>& strides, Sizes starts)
    : strides_(strides.size()), starts_(std::move(starts)), steps_(strides.size()) {
  starts_.resize(strides.size(), 0);
  empty_ = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  if (empty_) return;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 1) continue;
    bool even = !sizes_.empty();
    for (size_t k = 0; k < strides.size() && even; ++k)
      even = strides_[k].back() == strides[k][d] * sizes[d];
    if (!even) sizes_.push_back(1);
    sizes_.back() = checked_mul(sizes_.back(), sizes[d]);
    for (size_t k = 0; k < strides.size(); ++k) {
      if (!even) strides_[k].push_back(0);
      strides_[k].back() = strides[k][d];
    }
  }
  if (sizes_.empty()) {
    sizes_.push_back(1);
    for (Sizes& stride : strides_) stride.push_back(0);
  }
  for (size_t k = 0; k < strides.size(); ++k) steps_[k] = strides_[k].back();
}

StridedWalk broadcast_walk(const Sizes& result, std::span<const Sizes> operands) {
  std::vector<Sizes> strides;
  for (const Sizes& shape : operands) strides.push_back(broadcast_strides(shape, result));
  return StridedWalk(result, strides);
}

}  // namespace hone
