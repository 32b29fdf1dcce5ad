#pragma once
// Products of halves by blocks that stay, one on each multiprocessor, as text.

#include "device/cuda/emit/bringing.hpp"

namespace hone::cuda::emitter {

/// Of a block: its warpgroups, each with `down` times 64 rows of a tile; where they take turns, of
/// tiles of their own: one multiplies while another one stores. Tiles of the depth in shared
/// memory, and slots of results (64 rows) of each warpgroup.
struct ResidentTile {
  int warpgroups = 2, down = 1, columns = 128, stages = 4, slots = 2;
  bool in_turn = false;
  int element_bytes = 2, words = 0;        // of operands; numbers of a column, of integers
  int row_bytes = HalfProduct::kRowBytes;  // of a tile of the depth

  int rows() const { return 64 * down * (in_turn ? 1 : warpgroups); }
  int threads() const { return 128 * (warpgroups + 1); }
  int stage_bytes() const { return (rows() + columns) * row_bytes; }
  /// Of 64 rows of results: 128 bytes of each, where there are so many.
  int slot_columns() const {
    return element_bytes == 1 && columns % kMostBoxColumns == 0 ? kMostBoxColumns : kBoxColumns;
  }
  int slot_bytes() const { return 64 * slot_columns() * element_bytes; }
  int slots_begin() const { return stages * stage_bytes(); }
  int barriers_begin() const { return slots_begin() + warpgroups * slots * slot_bytes(); }
  int barrier_bytes() const { return 8 * (2 * stages + 2 * warpgroups * slots + warpgroups); }
  int words_begin() const { return barriers_begin() + (barrier_bytes() + 15) / 16 * 16; }
  int word_bytes() const { return words * columns * 4; }  // of a warpgroup
  int shared_bytes() const {
    return words == 0 ? 1024 + barriers_begin() + barrier_bytes()
                      : 1024 + words_begin() + warpgroups * word_bytes();
  }
};

/// Function "spread", where there are windows, with kSpreadThreads threads; function "product",
/// launched with the tile's threads and shared_bytes(), on as many blocks as
/// there are multiprocessors, or tiles. Behind the arguments that ContractText tells of, it takes
/// maps of a, of b where b is no constant, of the result, of the kept operand.
ContractText text_of(const BroughtProduct& product, const ResidentTile& tile);

}  // namespace hone::cuda::emitter
