// Compiled once per instruction set; see fft_stage.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/fft_stage.hpp"

namespace {

template <int kWidth>
struct FloatsOf {
  typedef float V __attribute__((vector_size(kWidth * 4)));
};
template <>
struct FloatsOf<1> {
  typedef float V;
};

/// Complex numbers side by side. (As an argument of a template a vector would become a float.)
template <int kWidth>
struct Complexes {
  typename FloatsOf<kWidth>::V re, im;
};
template <int kWidth>
Complexes<kWidth> operator+(Complexes<kWidth> a, Complexes<kWidth> b) {
  return {a.re + b.re, a.im + b.im};
}
template <int kWidth>
Complexes<kWidth> operator-(Complexes<kWidth> a, Complexes<kWidth> b) {
  return {a.re - b.re, a.im - b.im};
}
template <int kWidth>
Complexes<kWidth> operator*(Complexes<kWidth> a, const float* factor) {
  return {a.re * factor[0] - a.im * factor[1], a.re * factor[1] + a.im * factor[0]};
}
/// a * i * by.
template <int kWidth>
Complexes<kWidth> turned(Complexes<kWidth> a, float by) {
  return {-a.im * by, a.re * by};
}
template <int kWidth>
Complexes<kWidth> scaled(Complexes<kWidth> a, float by) {
  return {a.re * by, a.im * by};
}

/// Of a short transform: x becomes its transform.
template <int kRadix, int kWidth>
[[gnu::always_inline]] inline void transform(Complexes<kWidth>* x) {
  if constexpr (kRadix == 2) {
    const Complexes<kWidth> a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
  } else if constexpr (kRadix == 3) {
    const Complexes<kWidth> sum = x[1] + x[2], across = turned(x[1] - x[2], -0.866025404f);
    const Complexes<kWidth> middle = x[0] - scaled(sum, 0.5f);
    x[0] = x[0] + sum;
    x[1] = middle + across;
    x[2] = middle - across;
  } else if constexpr (kRadix == 4) {
    const Complexes<kWidth> even = x[0] + x[2], odd = x[1] + x[3], rest = x[0] - x[2];
    const Complexes<kWidth> across = turned(x[1] - x[3], -1);
    x[0] = even + odd;
    x[1] = rest + across;
    x[2] = even - odd;
    x[3] = rest - across;
  } else {
    static_assert(kRadix == 5);
    const Complexes<kWidth> a = x[1] + x[4], b = x[2] + x[3], c = x[1] - x[4], d = x[2] - x[3];
    const Complexes<kWidth> p = x[0] + scaled(a, 0.309016994f) - scaled(b, 0.809016994f);
    const Complexes<kWidth> q = x[0] - scaled(a, 0.809016994f) + scaled(b, 0.309016994f);
    const Complexes<kWidth> s = turned(scaled(c, 0.951056516f) + scaled(d, 0.587785252f), -1);
    const Complexes<kWidth> t = turned(scaled(c, 0.587785252f) - scaled(d, 0.951056516f), -1);
    x[0] = x[0] + a + b;
    x[1] = p + s;
    x[2] = q + t;
    x[3] = q - t;
    x[4] = p - s;
  }
}

template <int kWidth>
[[gnu::always_inline]] inline typename FloatsOf<kWidth>::V fft_load(const float* from) {
  typedef typename FloatsOf<kWidth>::V Loose __attribute__((aligned(4), may_alias));
  return *reinterpret_cast<const Loose*>(from);
}
template <int kWidth>
[[gnu::always_inline]] inline void fft_store(float* to, typename FloatsOf<kWidth>::V value) {
  typedef typename FloatsOf<kWidth>::V Loose __attribute__((aligned(4), may_alias));
  *reinterpret_cast<Loose*>(to) = value;
}

/// Group p, the elements at `q` of its places.
template <int kRadix, int kWidth>
[[gnu::always_inline]] inline void one_group(const hone::cpu::FftStage& stage,
                                             const hone::cpu::FftParts& parts, long p, long q) {
  Complexes<kWidth> x[kRadix];
  for (int k = 0; k < kRadix; ++k) {
    const long at = q + stage.width * (p + stage.m * k);
    x[k] = {fft_load<kWidth>(parts.re + at), fft_load<kWidth>(parts.im + at)};
  }
  transform<kRadix>(x);
  const float* factors = stage.twiddles + p * (kRadix - 1) * 2;
  for (int j = 0; j < kRadix; ++j) {
    const long at = q + stage.width * (kRadix * p + j);
    const Complexes<kWidth> y = j == 0 || p == 0 ? x[j] : x[j] * (factors + (j - 1) * 2);
    fft_store<kWidth>(parts.to_re + at, y.re);
    fft_store<kWidth>(parts.to_im + at, y.im);
  }
}

/// Of any radix, by its definition.
template <int kWidth>
void one_long_group(const hone::cpu::FftStage& stage, const hone::cpu::FftParts& parts, long p,
                    long q) {
  Complexes<kWidth> x[hone::cpu::kMostRadix];
  for (long k = 0; k < stage.radix; ++k) {
    const long at = q + stage.width * (p + stage.m * k);
    x[k] = {fft_load<kWidth>(parts.re + at), fft_load<kWidth>(parts.im + at)};
  }
  for (long j = 0; j < stage.radix; ++j) {
    Complexes<kWidth> sum = x[0];
    long root = 0;
    for (long k = 1; k < stage.radix; ++k) {
      root = root + j >= stage.radix ? root + j - stage.radix : root + j;
      sum = sum + x[k] * (stage.roots + 2 * root);
    }
    if (j > 0) sum = sum * (stage.twiddles + (p * (stage.radix - 1) + j - 1) * 2);
    const long at = q + stage.width * (stage.radix * p + j);
    fft_store<kWidth>(parts.to_re + at, sum.re);
    fft_store<kWidth>(parts.to_im + at, sum.im);
  }
}

template <int kRadix, int kWidth>
void all_groups(const hone::cpu::FftStage& stage, const hone::cpu::FftParts& parts) {
  for (long p = 0; p < stage.m; ++p) {
    long q = 0;
    for (; q + kWidth <= stage.width; q += kWidth)
      if constexpr (kRadix == 0) one_long_group<kWidth>(stage, parts, p, q);
      else one_group<kRadix, kWidth>(stage, parts, p, q);
    for (; q < stage.width; ++q)
      if constexpr (kRadix == 0) one_long_group<1>(stage, parts, p, q);
      else one_group<kRadix, 1>(stage, parts, p, q);
  }
}

template <int kWidth>
void fft_stage(const hone::cpu::FftStage& stage, const hone::cpu::FftParts& parts) {
  switch (stage.radix) {
    case 2: return all_groups<2, kWidth>(stage, parts);
    case 3: return all_groups<3, kWidth>(stage, parts);
    case 4: return all_groups<4, kWidth>(stage, parts);
    case 5: return all_groups<5, kWidth>(stage, parts);
    default: return all_groups<0, kWidth>(stage, parts);
  }
}

}  // namespace
