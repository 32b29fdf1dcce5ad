#pragma once
// Operands and results as the copy engine of compute capability 9.0 moves them: boxes of a matrix,
// or what a filter sees of a picture.

#include <optional>

#include "device/cuda/emit/half_product.hpp"

namespace hone::cuda::emitter {

/// Columns of a box of results, and of a second operand that lies turned.
inline constexpr int kBoxColumns = 64;
/// The most columns that a box of results has, of integers.
inline constexpr int kMostBoxColumns = 128;

struct Brought {
  enum class Kind : uint8_t {
    none,
    rows,     ///< of elements side by side: along the depth, of a result along the columns
    columns,  ///< of the second operand: elements side by side are columns
    packed,   ///< a constant in the kernel's own form, which needs no map
    picture,  ///< channels innermost
  };
  Kind kind = Kind::none;
  /// Innermost first: {along, rows, batches}; of a picture {channels, width, height, pictures}.
  Dims sizes;
  Dims strides;          // in elements, of all but the first
  bool batched = false;  // every batch has its own
  /// Of a result whose columns are parts that lie behind each other, in place of batches: columns
  /// of each; 0: they are in one piece.
  int64_t part = 0;
  /// Of a picture: filters' taps, the step from result to result, from tap to tap, what lies before
  /// the first; of the width, of the height. And the results' own sizes.
  struct Along {
    int64_t taps = 1, step = 1, dilation = 1, before = 0;
    Dim results = 1;
  };
  Along width, height;
};

/// Loops of a sum over pictures: of the pictures (null: there is one), down, to the right. nullopt:
/// there are others.
struct PictureLoops {
  const Axis *pictures = nullptr, *down = nullptr, *right = nullptr;
};
std::optional<PictureLoops> picture_loops(const Contraction& of);

/// How a side's elements come; none: otherwise.
Brought brought_side(const HalfProduct& product, const HalfSide& side);
/// Elements at the loops of the stage (a result, or an operand that each result reads an element
/// of) as rows of columns.
Brought brought_rows(const HalfProduct& product, const Dims& indices, const Dims& strides);

}  // namespace hone::cuda::emitter
