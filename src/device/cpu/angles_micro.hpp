// Functions of angles of f32, and those that give angles, as polynomials. Includes no code, as
// gemm_micro.hpp.
#pragma once

#include "device/cpu/logarithm_micro.hpp"

namespace {

template <int kWidth>
struct FunctionLanes : LogarithmLanes<kWidth> {
  using L = LogarithmLanes<kWidth>;
  using V = typename L::V;
  using I = typename L::I;
  using L::all, L::bits, L::magnitude, L::with_sign, L::polynomial, L::sqrt;

  // Half of pi, and what that is more than it.
  static constexpr float kHalfPi = 0x1.921fb6p+0f, kHalfPiLow = -0x1.777a5cp-25f;
  // The same in three parts that are positive, so that what is left of -0 is -0.
  static constexpr float kFirst = 0x1.921fb4p+0f, kSecond = 0x1.4442d0p-24f,
                         kThird = 0x1.846988p-48f;

  /// What is left of x beside `turns` quarters; |x| up to kMostAngle. The first product and
  /// difference are exact, and what is left is never below 2^-29.
  static V quarter(V x, I& turns) {
    const V shifted = x * 0.636619772f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
    const V whole = shifted - 12582912.0f;
    turns = bits(shifted);
    return x - whole * kFirst - whole * kSecond - whole * kThird;
  }
  static constexpr float kMostAngle = 131072.0f;

  static V sin_near(V r, V z) {
    static constexpr float kSin[] = {-0.16666653752326965f, 0.008332083001732826f,
                                     -0.0001950431615114212f};
    return with_sign(r * z * polynomial(z, kSin) + r, r);  // of -0, too
  }
  static V cos_near(V z) {
    static constexpr float kCos[] = {0.04166664555668831f, -0.0013887243112549186f,
                                     2.4423887225566432e-05f};
    return z * z * polynomial(z, kCos) + (1.0f - 0.5f * z);
  }
  /// kAhead: quarters; the cosine is the sine a quarter ahead.
  template <int kAhead>
  static V sine(V x) {
    I turns;
    const V r = quarter(x, turns);
    const V z = r * r;
    turns += kAhead;
    const V value = (turns & 1) != 0 ? cos_near(z) : sin_near(r, z);
    return bits(bits(value) ^ ((turns & 2) << 30));
  }
  static V tan(V x) {
    I turns;
    const V r = quarter(x, turns);
    const V z = r * r;
    const V sine = sin_near(r, z), cosine = cos_near(z);
    const auto odd = (turns & 1) != 0;
    return (odd ? -cosine : sine) / (odd ? sine : cosine);
  }

  static V atan(V x) {
    // (atan(x) / x - 1) / x^2 of x^2 < 1.
    static constexpr float kAtan[] = {
        -0.3333316743373871f,  0.19994136691093445f, -0.14214205741882324f, 0.10678929090499878f,
        -0.07580552995204926f, 0.04355324059724808f, -0.01658099703490734f, 0.0029745432548224926f};
    const V a = magnitude(x);
    const auto above = a > 1.0f;
    const V r = above ? 1.0f / a : a;
    const V z = r * r;
    const V near = r * z * polynomial(z, kAtan) + r;
    return with_sign(above ? kHalfPi - (near - kHalfPiLow) : near, x);
  }

  /// asin(sqrt(z)) / sqrt(z) - 1, z up to 1 / 4.
  static V asin_part(V z) {
    static constexpr float kAsin[] = {0.16666753590106964f, 0.07495241612195969f,
                                      0.04547709599137306f, 0.02414761111140251f,
                                      0.04221854731440544f};
    return z * polynomial(z, kAsin);
  }
  /// From 1 / 2 on it is pi / 2 - 2 * asin(sqrt((1 - |x|) / 2)).
  static V asin(V x) {
    const V a = magnitude(x);
    const auto far = a > 0.5f;
    const V z = far ? 0.5f - 0.5f * a : a * a;
    const V r = far ? sqrt(z) : a;
    const V part = r * asin_part(z) + r;
    return with_sign(far ? kHalfPi - (2.0f * part - kHalfPiLow) : part, x);
  }
  static V acos(V x) {
    const V a = magnitude(x);
    const auto far = a > 0.5f;
    const V z = far ? 0.5f - 0.5f * a : a * a;
    const V r = far ? sqrt(z) : x;
    const V part = r * asin_part(z) + r;
    const V near = kHalfPi - (part - kHalfPiLow);
    const V beyond = x < 0.0f ? 2.0f * kHalfPi - (2.0f * part - 2.0f * kHalfPiLow) : 2.0f * part;
    return far ? beyond : (a <= 0.5f ? near : x);
  }
};

}  // namespace
