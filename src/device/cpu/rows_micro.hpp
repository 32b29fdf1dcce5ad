// Row functions, compiled once per instruction set. Like gemm_micro.hpp it includes no code, so
// that no inline function compiled here can be the copy that the linker keeps for other files.
#pragma once

#include "device/cpu/halves_micro.hpp"
#include "device/cpu/row_functions.hpp"
#include "device/cpu/row_products_micro.hpp"
#include "device/cpu/turns_micro.hpp"

namespace {

template <int kWidth>
struct Rows : RowProducts<kWidth> {
  using L = Lanes<kWidth>;
  using V = typename L::V;
  using L::all, L::load, L::store;

  template <class F>
  static void map(long count, const float* from, float* to, F f) {
    long i = 0;
    for (; i + kWidth <= count; i += kWidth) store(to + i, f(load(from + i)));
    if (i == count) return;
    float rest[kWidth] = {};
    for (long k = i; k < count; ++k) rest[k - i] = from[k];
    store(rest, f(load(rest)));
    for (long k = i; k < count; ++k) to[k] = rest[k - i];
  }

  /// Adds f of whole vectors in two rows of lanes, then lane by lane.
  template <class F>
  static float add(long count, const float* from, F f) {
    V first{}, second{};
    long i = 0;
    for (; i + 2 * kWidth <= count; i += 2 * kWidth) {
      first += f(load(from + i));
      second += f(load(from + i + kWidth));
    }
    if (i + kWidth <= count) {
      first += f(load(from + i));
      i += kWidth;
    }
    float total = L::joined(first + second, [](V a, V b) { return a + b; });
    for (; i < count; ++i) total += f(all(from[i]))[0];
    return total;
  }

  /// The best element, of `none` and those; in several vectors, as each waits for the one before.
  template <class Better>
  static float choose(long count, const float* from, float none, Better better) {
    constexpr int kVectors = 4;
    V best[kVectors] = {all(none), all(none), all(none), all(none)};
    const auto take = [&](auto& known, auto x) { known = better(x, known) ? x : known; };
    long i = 0;
    for (; i + kVectors * kWidth <= count; i += kVectors * kWidth)
      for (int k = 0; k < kVectors; ++k) take(best[k], load(from + i + k * kWidth));
    for (; i + kWidth <= count; i += kWidth) take(best[0], load(from + i));
    take(best[0], best[2]), take(best[1], best[3]), take(best[0], best[1]);
    float result = L::joined(best[0], [&](V a, V b) { return take(a, b), a; });
    for (; i < count; ++i) take(result, from[i]);
    return result;
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
    V sums[2] = {};
    const auto make = [&](long i, V& sum) {
      const V made = L::exp_negative(load(from + i) - shift);
      store(to + i, made);
      sum += made;
    };
    long i = 0;
    for (; i + 2 * kWidth <= count; i += 2 * kWidth) make(i, sums[0]), make(i + kWidth, sums[1]);
    for (; i + kWidth <= count; i += kWidth) make(i, sums[0]);
    float total = L::joined(sums[0] + sums[1], [](V a, V b) { return a + b; });
    map(count - i, from + i, to + i, [shift](V x) { return L::exp_negative(x - shift); });
    for (; i < count; ++i) total += to[i];
    return total;
  }
  static float sum_row(long count, const float* from) {
    return add(count, from, [](V x) { return x; });
  }
  static float squares_row(long count, float center, const float* from) {
    return add(count, from, [center](V x) { return (x - center) * (x - center); });
  }
  static float max_row(long count, const float* from) {
    return choose(count, from, -__builtin_inff(), [](auto x, auto best) { return x > best; });
  }
  static float min_row(long count, const float* from) {
    return choose(count, from, __builtin_inff(), [](auto x, auto best) { return x < best; });
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
  return {L::exp_row,         L::sigmoid_row,      L::tanh_row,         L::erf_row,
          L::swish_row,       L::gelu_row,         L::hard_sigmoid_row, L::hard_swish_row,
          L::exp_shifted_row, L::sum_row,          L::squares_row,      L::max_row,
          L::min_row,         L::normalize_row,    L::standardize_row,  L::add_running_rows,
          widen_f16_row,      narrow_f16_row,      L::affine_row,       L::turn_lines,
          L::dots_row,        L::weighted_sum_row, L::dots_of_rows,     L::weighted_sums_rows};
}

}  // namespace
