#pragma once
// Rotary position embedding of one head's vector.

#include <cstdint>
#include <utility>

namespace hone {

/// Rotates `half` pairs of `x` in place by the angles whose cosines and sines are given. Pairs are
/// x[k], x[half + k], or neighbours where `interleaved`. What follows stays.
inline void rotate(double* x, const double* cosine, const double* sine, int64_t half,
                   bool interleaved) {
  for (int64_t k = 0; k < half; ++k) {
    double& real = x[interleaved ? 2 * k : k];
    double& imaginary = x[interleaved ? 2 * k + 1 : half + k];
    const double before = real;
    real = cosine[k] * before - sine[k] * imaginary;
    imaginary = sine[k] * before + cosine[k] * imaginary;
  }
}

}  // namespace hone
