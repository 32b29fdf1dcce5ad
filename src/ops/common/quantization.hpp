#pragma once
// Scales, zero points and rounding of quantized numbers.

#include <cstdint>
#include <vector>

#include "ir/evaluation.hpp"
#include "ir/inference.hpp"

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
  int64_t block = 0;  // 0: a scale for the whole tensor

  /// Of operand 0 and the scales of operand `scale`; checks their shapes against each other.
  ScaleLayout(const Evaluation& c, int scale, int64_t axis, int64_t block_size);
  /// row(at, count, scale_at, step): `count` elements from `at` on use scales scale_at, scale_at +
  /// step, ...
  template <class Row>
  void rows(Row row) const {
    if (block == 0) return row(0, outer * size * inner, 0, 0);
    const bool blocked = per_element;
    const int64_t blocks = (size + block - 1) / block;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < size; ++i)
        row((o * size + i) * inner, inner, blocked ? (o * blocks + i / block) * inner : i,
            blocked ? 1 : 0);
  }
  bool per_element = false;  // scales vary along outer and inner too
};

/// Type rule for scales of operand 0: a scalar (or one element), a vector for `axis`, or a tensor
/// with ceil(size / block_size) scales along it. Operand `zero_point`, where given, has their
/// shape.
void check_scales(Inference& c, int scale, int zero_point, int64_t axis, int64_t block_size);

/// Type rule: operand `i` holds a scalar or one element, or, where `size` is given, that many.
void check_one_or(Inference& c, int i, const Dim* size = nullptr);

/// The only element of operand `i`; `otherwise` when absent.
double one_number(const Evaluation& c, int i, double otherwise = 0);
/// `count` numbers from operand `i`, which holds as many or one for all; zeros when absent.
std::vector<double> numbers_for(const Evaluation& c, int i, int64_t count);

}  // namespace hone
