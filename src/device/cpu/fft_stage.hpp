#pragma once
// A stage of a Fourier transform, for the instruction set in use. Included by files that are
// compiled for one instruction set each: includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

/// Transforms of `radix` elements that lie `m` places apart, of `m` such groups; a place has
/// `width` floats of each part, which are transformed alike (Stockham's form: results are in
/// order).
struct FftStage {
  long radix, m, width;
  const float* twiddles;  // [m][radix - 1][2]: e^(-2 pi i p j / (radix m)), j from 1 on
  const float* roots;     // [radix][2]: e^(-2 pi i j / radix)
};
constexpr long kMostRadix = 32;

struct FftParts {
  const float *re, *im;
  float *to_re, *to_im;
};

struct FftFunctions {
  void (*stage)(const FftStage& stage, const FftParts& parts);
};

const FftFunctions& fft_functions();

}  // namespace hone::cpu
