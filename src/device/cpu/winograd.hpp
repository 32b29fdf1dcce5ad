#pragma once
// The transforms of Winograd's convolution F(4x4, 3x3): 4x4 outputs of a 3x3 filter from 6x6 inputs
// with 36 products instead of 144, for many tiles at once. With the nodes 0, +-1/sqrt(2),
// +-sqrt(2), infinity f32 results are within 1e-5 of the largest (measured: 1e-6 to 6e-6), as
// against 5e-7 by plain sums.
// Includes nothing, as row_functions.hpp.

namespace hone::cpu {

inline constexpr int kWinogradOutputs = 4, kWinogradInputs = 6, kWinogradProducts = 36;

/// On one instruction set, `width` tiles at a time.
struct WinogradFunctions {
  int width;
  /// From lines[6][2][width * 4]: of each row of the tiles' inputs the first four elements of every
  /// tile, and the four after these. To `to`, 36 vectors `stride` floats apart.
  void (*input)(const float* lines, float* to, long stride);
  /// From 36 vectors `stride` floats apart to lines[4][width * 4]: rows of the tiles' outputs.
  void (*output)(const float* from, long stride, float* lines);
  /// to[i] = clipped(from[i] + bias + added[i]); null `added`: nothing. NaN stays.
  void (*finish)(const float* from, long count, float bias, const float* added, float low,
                 float high, float* to);
  /// The 36 factors of `count` filters[3][3] that begin `apart` floats apart, computed in double:
  /// of each factor those of all filters side by side, `stride` floats from factor to factor.
  void (*filters)(const float* from, long apart, long count, float* to, long stride);
};

/// Six lines of bytes of two channels, `line` bytes apart. Tile t reads the eight bytes of each
/// that begin at places[t]; it needs six of them.
struct IntegerWinogradLines {
  const unsigned char *first, *second;
  long line;
  bool is_signed;  // i8, else u8
  int zero;        // is taken off
};

/// Of integers of 8 bits, exact, with the nodes 0, +-1, +-2, infinity. Inputs that are whole
/// numbers up to 255 become at most 25,500, which 16 bits hold. Of the factors 1/4, -1/6 and 1/24
/// of the filters are left out, but for the first and the last, which have 6: they stand in the
/// outputs, which come out 9 times a power of two, at most 64, too large. Sums are those of i32
/// that wrap: 9 has an inverse there, and the power of two is shifted out, so that outputs below
/// 2^25 are right.
struct IntegerWinogradFunctions {
  /// 36 lines of two channels' words side by side, `stride` apart, of `vectors` of tiles.
  void (*input)(const IntegerWinogradLines& lines, const int* places, long vectors, unsigned* to,
                long stride);
  /// As of f32, plus `bias`.
  void (*output)(const unsigned* from, long stride, int bias, int* lines);
};
inline constexpr long kIntegerWinogradMost = 1L << 25;  // no output is as large

/// Those of isa(). There is no integer one for a generic processor.
const WinogradFunctions& winograd_functions();
const IntegerWinogradFunctions& integer_winograd_functions();

}  // namespace hone::cpu
