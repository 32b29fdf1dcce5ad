// Lines of f32 that become columns. Includes no code, as rows_micro.hpp.
#pragma once

#include "device/cpu/lanes_micro.hpp"

namespace {

/// Squares of lines and columns that are swapped in registers.
template <int kWidth>
struct Turns : Lanes<kWidth> {
  using L = Lanes<kWidth>;
  using V = typename L::V;

  /// The first halves of both, element by element; the second halves.
  static V low(V a, V b) {
    if constexpr (kWidth == 4) return __builtin_shufflevector(a, b, 0, 4, 1, 5);
    else if constexpr (kWidth == 8) return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    else
      return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  }
  static V high(V a, V b) {
    if constexpr (kWidth == 4) return __builtin_shufflevector(a, b, 2, 6, 3, 7);
    else if constexpr (kWidth == 8)
      return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    else
      return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                     31);
  }
  static void square(const float* from, long from_stride, const float* added, float* to,
                     long to_stride) {
    V lines[kWidth], next[kWidth];
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) lines[i] = L::load(from + i * from_stride);
#pragma GCC unroll 4
    for (int round = 1; round < kWidth; round *= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < kWidth / 2; ++i) {
        next[2 * i] = low(lines[i], lines[i + kWidth / 2]);
        next[2 * i + 1] = high(lines[i], lines[i + kWidth / 2]);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) lines[i] = next[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
      if (added != nullptr) lines[i] += L::load(added + i * to_stride);
      L::store(to + i * to_stride, lines[i]);
    }
  }
  /// Whole squares, then smaller ones of what is left.
  static void all_of(long lines, long columns, const float* from, long from_stride,
                     const float* added, float* to, long to_stride) {
    const auto also = [&](long at) { return added == nullptr ? nullptr : added + at; };
    const long whole_lines = lines / kWidth * kWidth, whole_columns = columns / kWidth * kWidth;
    for (long i = 0; i < whole_lines; i += kWidth)
      for (long j = 0; j < whole_columns; j += kWidth)
        square(from + i * from_stride + j, from_stride, also(j * to_stride + i),
               to + j * to_stride + i, to_stride);
    const auto rest = [&](long line, long column, long line_count, long column_count) {
      const float* source = from + line * from_stride + column;
      const long at = column * to_stride + line;
      if constexpr (kWidth > 4)
        return Turns<4>::all_of(line_count, column_count, source, from_stride, also(at), to + at,
                                to_stride);
      for (long i = 0; i < line_count; ++i)
        for (long j = 0; j < column_count; ++j) {
          const long place = at + j * to_stride + i;
          if (added == nullptr)  // as bits: they may be of integers
            __builtin_memcpy(to + place, source + i * from_stride + j, sizeof *to);
          else to[place] = source[i * from_stride + j] + added[place];
        }
    };
    if (whole_columns < columns) rest(0, whole_columns, whole_lines, columns - whole_columns);
    if (whole_lines < lines) rest(whole_lines, 0, lines - whole_lines, columns);
  }
};

}  // namespace
