#pragma once
// Element by element over 8-bit integers, for the instruction set in use. Included by files that
// are compiled for one instruction set each: includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

/// Rows of quantized integers less their zero points; of a single operand there is one element.
struct BytePair {
  const unsigned char *a, *b;
  bool a_single, b_single;
  bool is_signed;
  int a_zero, b_zero;
  long count;
  unsigned char* to;
};

/// Results are rounded half to even and saturated; NaN gives the least.
struct ByteFunctions {
  /// to = a * a_ratio + b * b_ratio + zero, in f64.
  void (*add)(const BytePair& pair, double a_ratio, double b_ratio, double zero);
  /// to = a * b * ratio + zero, both rounded to f32.
  void (*multiply)(const BytePair& pair, float ratio, float zero);
  /// to = values / divisor + zero; of numbers that are no NaN the quotient is rounded first.
  void (*quantize)(long count, const float* values, float divisor, int zero, bool is_signed,
                   unsigned char* to);
  /// to[i] = the larger of to[i] and from[i * step].
  void (*raise)(long count, const unsigned char* from, long step, bool is_signed,
                unsigned char* to);
};

const ByteFunctions& byte_functions();

}  // namespace hone::cpu
