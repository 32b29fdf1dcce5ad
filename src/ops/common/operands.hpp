#pragma once
// What many type rules and reference evaluations ask of their operands.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Room for a result that is zero where nothing is written: by itself it holds what was there
/// before.
inline Tensor& zeros(Evaluation& c, int output, DType dtype, const std::vector<int64_t>& shape) {
  Tensor& y = c.output(output, dtype, shape);
  std::ranges::fill(y.mutable_bytes(), std::byte{0});
  return y;
}

/// Fails unless the operand is a tensor of floats.
inline DType float_operand(const Inference& c, int operand) {
  const DType dtype = c.dtype(operand);
  c.check(is_float(dtype), "operand ", operand, " is ", dtype, ", wanted floats");
  return dtype;
}
/// Fails unless the operand is a tensor of floats or integers.
inline DType number_operand(const Inference& c, int operand) {
  const DType dtype = c.dtype(operand);
  c.check(is_float(dtype) || is_integer(dtype), "operand ", operand, " is ", dtype,
          ", wanted floats or integers");
  return dtype;
}
/// Fails unless both operands have the same element type (an absent `b` is fine).
inline void same_dtype(const Inference& c, int a, int b) {
  if (!c.has(b)) return;
  c.check(c.dtype(a) == c.dtype(b), "operand ", a, " is ", c.dtype(a), " but operand ", b, " is ",
          c.dtype(b));
}
/// Fails where the operand's rank is known and not `rank`.
inline void rank_is(const Inference& c, int operand, int rank) {
  const TensorType& type = c.tensor(operand);
  c.check(!type.has_rank() || type.rank() == rank, "operand ", operand, " is ", type,
          ", wanted rank ", rank);
}
/// An operand of rank 1 and `size` elements; absent is fine.
inline void vector_of(Inference& c, int operand, const Dim& size) {
  if (!c.has(operand)) return;
  rank_is(c, operand, 1);
  const TensorType& type = c.tensor(operand);
  if (!type.has_rank()) return;
  const auto fits = provably_equal(type.shape()[0], size, c.ranges());
  c.check(fits.value_or(true), "operand ", operand, " is ", type, ", wanted ", size, " elements");
  c.require_equal(type.shape()[0], size);
}

/// An operand that broadcasts to `dims` without changing them; absent is fine.
inline void broadcasts_to(Inference& c, int operand, const Dims& dims) {
  if (!c.has(operand) || !c.tensor(operand).has_rank()) return;
  const TensorType& type = c.tensor(operand);
  const Dims& own = type.shape();
  c.check(own.size() <= dims.size(), "operand ", operand, " is ", type,
          ", wanted to broadcast to [", join(dims, ","), "]");
  for (size_t i = 0; i < own.size(); ++i) {
    const Dim& size = dims[dims.size() - own.size() + i];
    c.check(provably_equal(own[i], size, c.ranges()).value_or(true) ||
                provably_equal(own[i], 1, c.ranges()).value_or(true),
            "operand ", operand, " is ", type, ", wanted to broadcast to [", join(dims, ","), "]");
    c.broadcasts_to(own[i], size);
  }
}

/// All elements widened to T (double, int64_t, or uint64_t where arithmetic wraps), row-major, read
/// once.
template <class T>
std::vector<T> elements(const Tensor& tensor) {
  std::vector<T> result(static_cast<size_t>(tensor.count()));
  for (size_t i = 0; i < result.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>) result[i] = tensor.number(static_cast<int64_t>(i));
    else result[i] = static_cast<T>(tensor.integer(static_cast<int64_t>(i)));
  }
  return result;
}
/// Writes all elements, rounding each once.
template <class T>
void store(Tensor& tensor, const std::vector<T>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>)
      tensor.set_number(static_cast<int64_t>(i), values[i]);
    else tensor.set_integer(static_cast<int64_t>(i), static_cast<int64_t>(values[i]));
  }
}

}  // namespace hone
