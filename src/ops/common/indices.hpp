#pragma once
// Index operands, as gathering and scattering share them.

#include "base/size.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

inline void check_index_dtype(const Inference& c, int input) {
  const DType dtype = c.dtype(input);
  c.check(dtype == DType::i64 || dtype == DType::i32, "the indices are ", dtype,
          ", wanted i64 or i32");
}

/// `index` of an axis of `size` made nonnegative; out of range fails. `c`: an Inference or an
/// Evaluation.
template <class Context>
int64_t index_position(const Context& c, int64_t index, int64_t size) {
  if (index < -size || index >= size) [[unlikely]]
    c.fail("index ", index, " is out of range for size ", size);
  return index < 0 ? index + size : index;
}

/// Calls visit(i, element) for element i of `indices`: `element` is the number of the element of a
/// tensor of `shape` that has its coordinates, but along `axis` the index.
template <class Visit>
void for_each_picked(const Evaluation& c, const std::vector<int64_t>& shape, const Tensor& indices,
                     size_t axis, Visit visit) {
  c.check(indices.shape().size() == shape.size(), "the data has shape ", shape_text(shape),
          ", the indices ", shape_text(indices.shape()), ", wanted the same rank");
  if (indices.count() == 0) return;
  const std::vector<int64_t> strides = row_major_strides(shape);
  ElementMap coordinates;  // offsets of everything but the index
  for (size_t d = 0; d < shape.size(); ++d) {
    c.check(d == axis || indices.shape()[d] <= shape[d], "the indices have shape ",
            shape_text(indices.shape()), ", too large for data of ", shape_text(shape));
    coordinates.offsets.push_back(
        arithmetic_offsets(0, indices.shape()[d], d == axis ? 0 : strides[d]));
  }
  coordinates.for_each_run([&](int64_t to, int64_t from, int64_t count) {
    for (int64_t i = to; i < to + count; ++i, ++from)
      visit(i, from + index_position(c, indices.integer(i), shape[axis]) * strides[axis]);
  });
}

}  // namespace hone
