#pragma once
// Functions over rows of f64, for the instruction set in use: exp, sigmoid and tanh as polynomials
// (3 ulp at most, see tests/device/doubles_test.cpp). Rows may have any alignment; `to` may be
// `from`. Includes nothing: the files compiled for one instruction set include it.

namespace hone::cpu {

struct DoubleFunctions {
  using Function = void (*)(long count, const double* from, double* to);
  Function exp, sigmoid, tanh, sqrt;
  /// exp(x - shift) for x up to shift; returns the sum.
  double (*exp_shifted)(long count, double shift, const double* from, double* to);
  /// x * factor + shift.
  void (*affine)(long count, double factor, double shift, const double* from, double* to);
  /// (x - center) * factor + shift.
  void (*standardize)(long count, double center, double factor, double shift, const double* from,
                      double* to);
  /// The largest; -infinity of none, NaN where one is.
  double (*max)(long count, const double* from);
  double (*min)(long count, const double* from);
};

/// Those of isa().
const DoubleFunctions& double_functions();

}  // namespace hone::cpu
