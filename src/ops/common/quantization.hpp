#pragma once
// Scales, zero points and rounding of quantized numbers.

#include <cstdint>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ops/common/broadcast.hpp"

namespace hone {

/// Integers that a type holds.
struct IntegerRange {
  double least, most;
};
IntegerRange integer_range(DType type);

/// Rounds to the nearest integer, halves to even, adds the zero point, saturates. NaN: `least`.
double quantized(double value, double zero_point, const IntegerRange& range);

/// `value` rounded to the floating point type `type` (f64, f32, f16 or bf16).
double rounded_to(DType type, double value);

/// Which elements of a tensor share a scale: all; those of one index of `axis`; or `block`
/// neighbours along it. The tensor is seen as [outer, size, inner] with `axis` in the middle.
struct ScaleLayout {
  int64_t outer = 1, size = 1, inner = 1;
  int64_t block = 0;         // 0: a scale for the whole tensor
  bool per_element = false;  // scales vary along outer and inner too

  /// Of operand 0 and the scales of operand `scale`; checks their shapes against each other.
  ScaleLayout(const Evaluation& c, int scale, int64_t axis, int64_t block_size);
  /// row(at, count, scale_at, step): `count` elements from `at` on use scales scale_at, scale_at +
  /// step, ...
  template <class Row>
  void rows(Row row) const {
    if (block == 0) return row(0, outer * size * inner, 0, 0);
    const int64_t blocks = (size + block - 1) / block;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < size; ++i)
        row((o * size + i) * inner, inner, per_element ? (o * blocks + i / block) * inner : i,
            per_element ? 1 : 0);
  }
};

/// Type rule for scales of operand 0: a scalar (or one element), a vector for `axis`, or a tensor
/// with ceil(size / block_size) scales along it. Operand `zero_point`, where given, has their
/// shape.
void check_scales(Inference& c, int scale, int zero_point, int64_t axis, int64_t block_size);

/// The only element of operand `i`; `otherwise` when absent.
double one_number(const Evaluation& c, int i, double otherwise = 0);

/// How a scale or zero point [count] of a matrix' rows, or of its columns, lines up with the
/// matrix.
enum class Along : uint8_t {
  rows,
  columns,
  first_axis,  ///< of a tensor of any rank, as filters of a convolution's weight
};
/// The shape in which `parameter` (a scalar, one element, a vector, or a tensor that broadcasts as
/// it is) broadcasts to a tensor of `rank`.
Sizes parameter_shape(const Tensor& parameter, Along along, int rank);

/// The integers of operand `x` less those of operand `zero_point` (absent: 0).
std::vector<int64_t> shifted(const Evaluation& c, int x, int zero_point, Along along);

/// Fails unless operand `i` holds integers of at most 16 bits, so that no sum of products
/// overflows.
DType short_integers(const Inference& c, int i);
/// Fails unless operand `i` (absent is fine) holds zero points of operand `x`: the same type.
void check_zero_point(const Inference& c, int x, int i);
/// Fails unless operand `i` holds floating point scales.
void check_scale(const Inference& c, int i);

}  // namespace hone
