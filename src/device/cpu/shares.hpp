#pragma once
// How the workers share out products of filters and columns (pixels, or tiles of Winograd's).

#include <cstdint>

namespace hone::cpu {

/// The columns are cut into tiles and the filters into parts; an item is one part of one tile.
struct Shares {
  int64_t tiles = 1, parts = 1;
};

struct SharedWork {
  int64_t pieces = 1;  // images and groups, each with as many columns and filters
  int64_t columns = 1;
  int64_t unit = 1;  // columns of a tile are a multiple of it, but for the last tile
  int64_t least_tiles = 1, most_tiles = 1;
  int64_t blocks = 1, rows = 1;  // parts are whole blocks of so many filters
  int64_t depth = 1;             // multiplications for one element
  int64_t lanes = 1;
  int64_t workers = 1;
  int64_t most_divided = INT64_MAX;  // several parts only of at most so many tiles of all pieces
};

/// Blocks that `filters` are cut into, of at most `most_rows`: where there are few vectors of
/// columns, so that the workers have to share out filters, smaller ones, for which no worker waits
/// long.
int64_t blocks_of(int64_t filters, int64_t most_rows, double vectors, int64_t workers);

/// With which the last worker is done first, by count: an item multiplies, and reads its columns
/// and filters from the caches of others before. Items are several for each worker where that costs
/// little, because workers are not equally fast: a core may be shared with others.
Shares share_out(const SharedWork& work);

}  // namespace hone::cpu
