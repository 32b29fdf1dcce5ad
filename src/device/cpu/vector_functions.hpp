#pragma once
// Functions of f32 over rows, as polynomials: at most 4 units in the last place from the true
// value, mostly 2 (tests/device/vector_functions_test.cpp). Rows may have any alignment; `to` may
// be `from`. Includes nothing: the files compiled for one instruction set include it.

namespace hone::cpu {

struct VectorFunctions {
  using Function = void (*)(long count, const float* from, float* to);
  Function log, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh;
  /// log(1 + exp(x)).
  Function softplus;
  /// x / (1 + |x|).
  Function softsign;
  Function sqrt, reciprocal, floor, ceil, round;  // halves to even
  /// x where x >= 0, else factor * x.
  void (*leaky)(long count, float factor, const float* from, float* to);
  /// above * x where x >= 0, else below * (exp(slope * x) - 1); slope is positive.
  void (*elu)(long count, float above, float below, float slope, const float* from, float* to);
};

/// Those of isa(); null: it has none.
const VectorFunctions* vector_functions();

}  // namespace hone::cpu
