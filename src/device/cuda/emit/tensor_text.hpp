#pragma once
// Products of halves, or of integers of 8 bits, on tensor cores, as text.

#include <algorithm>

#include "device/cuda/emit/half_product.hpp"

namespace hone::cuda::emitter {

/// Of a block: its rows and columns, tiles of the depth in shared memory, in how many parts the
/// depth is summed. `warpgroups`: by instructions of compute capability 9.0, where parts of the
/// depth are a cluster of blocks; else parts go by the scratch. `behind`: of two tiles of the
/// depth, the products of the first may still run while the second's begin.
struct TensorTile {
  int rows = 128, columns = 128, stages = 4, split = 1;
  bool warpgroups = false, behind = false;
  int element_bytes = 2, words = 0;  // of operands; numbers of a column, of integers

  /// Each has 64 rows, or twice 64; they lie below each other, then side by side.
  int groups_down() const { return rows >= 128 ? 2 : 1; }
  int groups_right() const { return rows == 64 && columns >= 128 ? 2 : 1; }
  int threads() const { return 128 * groups_down() * groups_right(); }
  int stage_bytes() const { return (rows + columns) * HalfProduct::kRowBytes; }
  /// Tiles of the depth, and the sums in their place when all is multiplied.
  int tile_bytes() const { return std::max(stages * stage_bytes(), rows * (columns + 8) * 4); }
  /// Behind them: 8 bytes of each stage that count what comes, and of the sums of a cluster.
  int sums_counter() const { return tile_bytes() + 56; }
  static constexpr int kMostColumns = 4;  // operands of which a number a column is kept
  int column_bytes() const { return std::max(kMostColumns * 2, words * 4); }
  int shared_bytes() const { return 1024 + tile_bytes() + 64 + column_bytes() * columns; }
  int run() const { return 16 / element_bytes; }  // elements of 16 bytes
  /// Of a multiprocessor, as far as shared memory and registers go.
  int blocks_at_once() const {
    const int by_memory = (227 << 10) / (shared_bytes() + 1024);
    const int by_registers = 65536 / (threads() * (sums() + 48));
    return std::clamp(std::min(by_memory, by_registers), 1, 4);
  }
  int sums() const { return rows * columns / threads(); }  // of a thread
  int ahead() const { return stages - (behind ? 2 : 1); }  // tiles that are loaded beforehand
  int group_columns() const { return columns / groups_right(); }
  /// A warpgroup has `down` times 64 rows; of single warps, each has 32 rows, half the columns.
  int down() const { return warpgroups ? rows / 64 / groups_down() : 2; }
  int right() const { return group_columns() / 8 / (warpgroups ? 1 : 2); }  // times 8 columns
};

/// Function "product", launched with the tile's threads and shared_bytes(), on batches * ceil(rows
/// / tile) * ceil(columns / tile) * split blocks; where parts go by the scratch, also "finish"
/// behind it, with 256 threads, each of 8 columns of a row.
ContractText text_of(const HalfProduct& product, const TensorTile& tile);

}  // namespace hone::cuda::emitter
