#pragma once
// Products of halves of few results, as text: soon done rather than many at once.

#include "device/cuda/emit/bringing.hpp"

namespace hone::cuda::emitter {

/// Of a block: 64 rows; its columns, tiles of the depth in shared memory. A cluster of `split`
/// blocks has a tile of results and parts the depth; a block's warpgroups take its tiles in turn,
/// each of which needs two stages at least: one is given back when the next is multiplied.
struct ClusterTile {
  int columns = 64, stages = 4, split = 1, warpgroups = 1;
  int element_bytes = 2, words = 0;        // of operands; numbers of a column, of integers
  int row_bytes = HalfProduct::kRowBytes;  // of a tile of the depth

  static constexpr int kRows = 64;
  int own_rows() const { return kRows / split; }  // that a block adds up and stores
  int threads() const { return 128 * warpgroups + 32; }
  int stage_bytes() const { return (kRows + columns) * row_bytes; }
  int pitch() const { return (columns + 8) * 4; }  // of rows of sums
  int sums_begin() const { return stages * stage_bytes(); }
  int barriers_begin() const { return sums_begin() + warpgroups * kRows * pitch(); }
  int words_begin() const { return barriers_begin() + 8 * (2 * stages + 2); }
  int shared_bytes() const {
    return words == 0 ? 1024 + barriers_begin() + 8 * (2 * stages + 1)
                      : 1024 + words_begin() + words * columns * 4;
  }
  int run() const { return 16 / element_bytes; }  // elements of 16 bytes
  int blocks_at_once() const { return shared_bytes() <= 113 << 10 ? 2 : 1; }
};

/// Functions "spread" and "product" as in resident_text.hpp; `split` blocks of "product" for each
/// tile of results. Behind the arguments that ContractText tells of, it takes maps of a, and of b
/// where b is no constant.
ContractText text_of(const BroughtProduct& product, const ClusterTile& tile);

}  // namespace hone::cuda::emitter
