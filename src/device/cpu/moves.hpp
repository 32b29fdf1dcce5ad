#pragma once
// Copies of strided boxes of whole elements: what transposing, joining, cutting and repeating come
// down to.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "device/cpu/stream.hpp"

namespace hone::cpu {

/// One dimension of a box; strides in elements.
struct MoveDim {
  int64_t size, from, to;
};

/// A box copied from one operand to one result. Offsets in elements.
struct Move {
  size_t operand = 0, result = 0;
  int64_t from = 0, to = 0;
  std::vector<MoveDim> dims;  // outermost first
  int64_t joined = 1;         // elements that are moved as one: all counts and strides are of these

  int64_t count() const;
  /// Whether all of the box lies within as many elements of the operand and of the result.
  bool within(int64_t operand_count, int64_t result_count) const;
  /// Drops dimensions of one element, joins those that both sides run through evenly.
  void simplify();
  /// Short lines, of elements of `width` bytes, become elements.
  void join_lines(int64_t width);
};

/// Dims of a box that runs through a dense tensor of `shape`: `from` strides are its, `to` 0.
std::vector<MoveDim> dense_dims(const std::vector<int64_t>& shape);
/// to[k * lines + i] = from[i * size + k]: small ones, for the first-level cache.
void transpose_lines(int64_t lines, int64_t size, const float* from, float* to);

/// Strides of a dense tensor of `shape`.
std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape);

/// Copies the box, elements of `width` bytes (1, 2, 4, 8 or 16), in parallel. `move` is simplified.
void run_move(const Move& move, int64_t width, const std::byte* from, std::byte* to,
              Stream& stream);

/// What a box leaves of a dense result of `count` elements, as moves of one element of `operand` to
/// each place: all of the result, to be moved before the box, where the runs between its lines are
/// too many and short to be worth it, else these runs. `box` is simplified and not joined.
std::vector<Move> around(const Move& box, int64_t count, int64_t width, size_t operand);

/// Whether copy_part() takes them, `first` and `last` of the same dimension of all: their outermost
/// ones are of one size, what they have inside are lines.
bool part_together(std::span<const Move> moves);
/// Copies what lies in [first, last) of the outermost dimension.
void copy_part(const Move& move, int64_t width, int64_t first, int64_t last, const std::byte* from,
               std::byte* to);
/// What that touches.
Touched touched_by_part(const Move& move, int64_t width, int64_t first, int64_t last,
                        const std::byte* from, const std::byte* to);

/// Copies bytes in parallel. `to` may be `from`; otherwise they must not overlap.
void copy_bytes(const std::byte* from, std::byte* to, int64_t bytes, Stream& stream);

/// Few bytes, without a call.
inline void copy_few(const std::byte* from, int64_t count, std::byte* to) {
  const auto both_ends = [&]<size_t kSize>(std::integral_constant<size_t, kSize>) {
    std::memcpy(to, from, kSize);
    std::memcpy(to + count - kSize, from + count - kSize, kSize);
  };
  if (count > 64) std::memcpy(to, from, static_cast<size_t>(count));
  else if (count >= 32) both_ends(std::integral_constant<size_t, 32>());
  else if (count >= 16) both_ends(std::integral_constant<size_t, 16>());
  else if (count >= 8) both_ends(std::integral_constant<size_t, 8>());
  else if (count >= 4) both_ends(std::integral_constant<size_t, 4>());
  else
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

}  // namespace hone::cpu
