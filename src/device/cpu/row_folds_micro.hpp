// Rows of f32 that become one number. Includes no code, as rows_micro.hpp.
#pragma once

#include "device/cpu/lanes_micro.hpp"

namespace {

template <int kWidth>
struct RowFolds : Lanes<kWidth> {
  using L = Lanes<kWidth>;
  using V = typename L::V;
  using I = typename L::I;
  using L::all, L::load;

  /// The last `count` lanes; 0 in the others.
  static V last_lanes(V value, long count) {
    I lanes;
    for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = lane;
    return L::bits(L::bits(value) & (lanes >= kWidth - static_cast<int>(count)));
  }

  /// Adds f of whole vectors in two rows of lanes, then what is left.
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
    if (i < count && count >= kWidth) {
      second += last_lanes(f(load(from + count - kWidth)), count - i);
      i = count;
    }
    float total = L::joined(first + second, [](V a, V b) { return a + b; });
    for (; i < count; ++i) total += f(all(from[i]))[0];
    return total;
  }

  /// The best element, of `none` and those; in several vectors, as each waits for the one before.
  /// NaN where one is.
  template <class Better>
  static float choose(long count, const float* from, float none, Better better) {
    constexpr int kVectors = 4;
    V best[kVectors] = {all(none), all(none), all(none), all(none)};
    I poison[2] = {};
    const auto take = [&](auto& known, auto x) { known = better(x, known) ? x : known; };
    const auto next = [&](int k, V x) { take(best[k], x), poison[k % 2] |= x != x; };
    long i = 0;
    for (; i + kVectors * kWidth <= count; i += kVectors * kWidth)
      for (int k = 0; k < kVectors; ++k) next(k, load(from + i + k * kWidth));
    for (; i + kWidth <= count; i += kWidth) next(0, load(from + i));
    if (i < count && count >= kWidth) next(1, load(from + count - kWidth)), i = count;
    take(best[0], best[2]), take(best[1], best[3]), take(best[0], best[1]);
    float result = L::joined(best[0], [&](V a, V b) { return take(a, b), a; });
    const float nan = L::joined(L::bits(poison[0] | poison[1]),  // all bits are set, or none
                                [](V a, V b) { return L::bits(L::bits(a) | L::bits(b)); });
    if (nan != nan) return nan;
    for (; i < count; ++i)
      if (better(from[i], result) || from[i] != from[i]) result = from[i];
    return result;
  }
};

}  // namespace
