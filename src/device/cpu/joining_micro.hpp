// Planes that are joined side by side and parted again. Compiled once per instruction set; see
// side_by_side.hpp and gemm_micro.hpp.
#pragma once

namespace {

template <int... kPlaces>
struct Places {};
template <int kCount, int... kPlaces>
struct PlacesUpTo : PlacesUpTo<kCount - 1, kCount - 1, kPlaces...> {};
template <int... kPlaces>
struct PlacesUpTo<0, kPlaces...> {
  using Type = Places<kPlaces...>;
};

/// V: as many floats as a vector of the instruction set has.
template <class V>
struct Joining {
  static constexpr int kWidth = sizeof(V) / sizeof(float);
  static constexpr typename PlacesUpTo<kWidth>::Type kPlaces{};

  static V load(const float* from) {
    V value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static void store(float* to, V value) { __builtin_memcpy(to, &value, sizeof value); }

  /// Of two rows of squares of kSize: the square above the diagonal and the one below change
  /// places.
  template <int kSize, int... kPlaces>
  static void swap(V& a, V& b, Places<kPlaces...>) {
    const V first =
        __builtin_shufflevector(a, b, (kPlaces & kSize ? kWidth + kPlaces - kSize : kPlaces)...);
    b = __builtin_shufflevector(a, b, (kPlaces & kSize ? kWidth + kPlaces : kPlaces + kSize)...);
    a = first;
  }
  template <int kSize>
  static void swap_all(V (&lines)[kWidth]) {
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i)
      if ((i & kSize) == 0) swap<kSize>(lines[i], lines[i + kSize], kPlaces);
  }
  /// Lines become columns.
  static void turn(V (&lines)[kWidth]) {
    if constexpr (kWidth > 8) swap_all<8>(lines);
    if constexpr (kWidth > 4) swap_all<4>(lines);
    swap_all<2>(lines);
    swap_all<1>(lines);
  }

  static void join(long count, const float* const* planes, long row, long pitch, float* to) {
    long line = 0, column = 0;  // of `to`
    const auto place = [&] {
      float* at = to + (line + column) * kWidth;
      if (++column == row) column = 0, line += pitch;
      return at;
    };
    if (count < kWidth) {
      for (long i = 0; i < count; ++i) {
        float* at = place();
        for (int p = 0; p < kWidth; ++p) at[p] = planes[p][i];
      }
      return;
    }
    for (long i = 0; i < count; i += kWidth) {
      if (i + kWidth > count) {  // the last pixels, some of them again
        i = count - kWidth;
        line = i / row * pitch, column = i % row;
      }
      V lines[kWidth];
#pragma GCC unroll 16
      for (int p = 0; p < kWidth; ++p) lines[p] = load(planes[p] + i);
      turn(lines);
#pragma GCC unroll 16
      for (int p = 0; p < kWidth; ++p) store(place(), lines[p]);
    }
  }

  static void edges(long rows, long pitch, long before, long behind, float value, float* to) {
    const V all = V{} + value;
    for (long row = 0; row < rows; ++row, to += pitch * kWidth) {
      for (long i = 0; i < before; ++i) store(to + i * kWidth, all);
      for (long i = behind; i < pitch; ++i) store(to + i * kWidth, all);
    }
  }

  static void part(long count, const float* from, long many, float* const* planes) {
    if (count < kWidth) {
      for (long p = 0; p < many; ++p)
        for (long i = 0; i < count; ++i) planes[p][i] = from[i * kWidth + p];
      return;
    }
    for (long i = 0; i < count; i += kWidth) {
      if (i + kWidth > count) i = count - kWidth;
      V lines[kWidth];
#pragma GCC unroll 16
      for (int p = 0; p < kWidth; ++p) lines[p] = load(from + (i + p) * kWidth);
      turn(lines);
#pragma GCC unroll 16
      for (int p = 0; p < kWidth; ++p)
        if (p < many) store(planes[p] + i, lines[p]);
    }
  }
};

}  // namespace
