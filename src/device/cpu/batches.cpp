#include "device/cpu/batches.hpp"

#include "base/error.hpp"
#include "base/size.hpp"
#include "ir/tensor.hpp"

namespace hone::cpu {

std::vector<int64_t> batch_offsets(const std::vector<int64_t>& shape,
                                   const std::vector<int64_t>& result) {
  const size_t axes = result.size() - 2;
  std::vector<int64_t> offsets{0};
  const int64_t matrix = shape[shape.size() - 2] * shape.back();
  for (size_t axis = 0; axis < axes; ++axis) {
    const size_t lacking = result.size() - shape.size();
    const int64_t size = axis < lacking ? 1 : shape[axis - lacking];
    check(size == 1 || size == result[axis], Code::usage, "a batch of matrices of shape ",
          shape_text(shape), " does not broadcast to ", shape_text(result));
    std::vector<int64_t> next;
    for (const int64_t offset : offsets)
      for (int64_t i = 0; i < result[axis]; ++i)
        next.push_back(offset * size + (size == 1 ? 0 : i));
    offsets = std::move(next);
  }
  for (int64_t& offset : offsets) offset *= matrix;
  return offsets;
}

}  // namespace hone::cpu
