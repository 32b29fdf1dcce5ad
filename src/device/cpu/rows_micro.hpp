// Row functions, compiled once per instruction set. Like gemm_micro.hpp it includes no code, so
// that no inline function compiled here can be the copy that the linker keeps for other files.
#pragma once

#include "device/cpu/halves_micro.hpp"
#include "device/cpu/row_folds_micro.hpp"
#include "device/cpu/row_functions.hpp"
#include "device/cpu/row_products_micro.hpp"
#include "device/cpu/softmax_micro.hpp"
#include "device/cpu/turns_micro.hpp"

namespace {

template <int kWidth>
struct Rows : RowProducts<kWidth> {
  using Folds = RowFolds<kWidth>;
  using L = Lanes<kWidth>;
  using V = typename L::V;
  using L::all, L::load, L::store;

  /// What is left of whole vectors is the end of a vector that reaches back into the one before: it
  /// is computed first, as `to` may be `from`.
  template <class F>
  static void map(long count, const float* from, float* to, F f) {
    if (count >= kWidth) {
      const long end = count - kWidth;
      const V last = f(load(from + end));
      for (long i = 0; i < end; i += kWidth) store(to + i, f(load(from + i)));
      return store(to + end, last);
    }
    float rest[kWidth] = {};
    for (long k = 0; k < count; ++k) rest[k] = from[k];
    store(rest, f(load(rest)));
    for (long k = 0; k < count; ++k) to[k] = rest[k];
  }

  static void exp_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return L::exp(x); });
  }
  static void sigmoid_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return L::sigmoid(x); });
  }
  static void tanh_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return L::tanh(x); });
  }
  static void erf_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return L::erf(x); });
  }
  static void swish_row(long count, float alpha, const float* from, float* to) {
    map(count, from, to, [alpha](V x) { return L::over_exp(x, alpha * x); });
  }
  static void gelu_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return 0.5f * x * (1.0f + L::erf(x * 0.707106781f)); });
  }
  static float exp_shifted_row(long count, float shift, const float* from, float* to) {
    const auto made = [&](long i) { return L::exp_negative(load(from + i) - shift); };
    if (count < kWidth) {
      float total = 0;
      map(count, from, to, [shift](V x) { return L::exp_negative(x - shift); });
      for (long i = 0; i < count; ++i) total += to[i];
      return total;
    }
    V sums[2] = {};
    const auto make = [&](long i, V& sum) {
      const V some = made(i);
      store(to + i, some);
      sum += some;
    };
    const long rest = count % kWidth;
    const V last = rest == 0 ? V{} : made(count - kWidth);  // first: `to` may be `from`
    long i = 0;
    for (; i + 2 * kWidth <= count; i += 2 * kWidth) make(i, sums[0]), make(i + kWidth, sums[1]);
    for (; i + kWidth <= count; i += kWidth) make(i, sums[0]);
    if (rest != 0) {
      store(to + count - kWidth, last);
      sums[1] += Folds::last_lanes(last, rest);
    }
    return L::joined(sums[0] + sums[1], [](V a, V b) { return a + b; });
  }
  static float sum_row(long count, const float* from) {
    return Folds::add(count, from, [](V x) { return x; });
  }
  static float squares_row(long count, float center, const float* from) {
    return Folds::add(count, from, [center](V x) { return (x - center) * (x - center); });
  }
  static float max_row(long count, const float* from) {
    return Folds::choose(count, from, -__builtin_inff(),
                         [](auto x, auto best) { return x > best; });
  }
  static float min_row(long count, const float* from) {
    return Folds::choose(count, from, __builtin_inff(), [](auto x, auto best) { return x < best; });
  }
  static void normalize_row(long count, float center, float factor, const float* scale,
                            const float* shift, const float* from, float* to) {
    long i = 0;
    for (; i + kWidth <= count; i += kWidth) {
      V x = (load(from + i) - center) * factor;
      if (scale != nullptr) x *= load(scale + i);
      if (shift != nullptr) x += load(shift + i);
      store(to + i, x);
    }
    for (; i < count; ++i) {
      float x = (from[i] - center) * factor;
      if (scale != nullptr) x *= scale[i];
      if (shift != nullptr) x += shift[i];
      to[i] = x;
    }
  }
  static void hard_sigmoid_row(long count, float factor, float shift, const float* from,
                               float* to) {
    map(count, from, to, [=](V x) { return L::clamped(x * factor + shift, 0.0F, 1.0F); });
  }
  static void hard_swish_row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return x * L::clamped(x / 6.0F + 0.5F, 0.0F, 1.0F); });
  }
  static void standardize_row(long count, float center, float factor, float shift,
                              const float* from, float* to) {
    map(count, from, to, [=](V x) { return (x - center) * factor + shift; });
  }
  static void add_running_rows(long rows, long count, long step, const float* base,
                               const float* from, float* running, float* to) {
    for (long row = 0; row < rows; ++row, from += step, to += step) {
      long i = 0;
      for (; i + kWidth <= count; i += kWidth) {
        const V sum = load(running + i) + load(from + i);
        store(running + i, sum);
        store(to + i, load(base + i) + sum);
      }
      for (; i < count; ++i) to[i] = base[i] + (running[i] += from[i]);
    }
  }
  static void affine_row(long count, float factor, float shift, const float* from, float* to) {
    map(count, from, to, [=](V x) { return x * factor + shift; });
  }
  static void turn_lines(long lines, long columns, const float* from, long from_stride,
                         const float* added, float* to, long to_stride) {
    Turns<kWidth>::all_of(lines, columns, from, from_stride, added, to, to_stride);
  }
};

template <int kWidth>
constexpr hone::cpu::RowFunctions row_functions() {
  using L = Rows<kWidth>;
  return {L::exp_row,
          L::sigmoid_row,
          L::tanh_row,
          L::erf_row,
          L::swish_row,
          L::gelu_row,
          L::hard_sigmoid_row,
          L::hard_swish_row,
          L::exp_shifted_row,
          L::sum_row,
          L::squares_row,
          L::max_row,
          L::min_row,
          L::normalize_row,
          L::standardize_row,
          L::add_running_rows,
          widen_f16_row,
          narrow_f16_row,
          L::affine_row,
          L::turn_lines,
          L::dots_row,
          L::weighted_sum_row,
          L::dots_of_rows,
          L::weighted_sums_rows,
          SoftmaxLines<kWidth>::run};
}

}  // namespace
