#include "device/cpu/shares.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

// In multiplications of a vector. Measured with 16 workers on a Xeon with AVX-512 whose cores
// others use as well, so that some are half as fast: rows of columns that others have just written
// come at 8 GB/s, filters at 20 GB/s, a claim takes 0.1 us.
constexpr double kReadColumn = 1.4, kReadFilter = 0.8;  // an element
constexpr double kClaim = 300;                          // an item
constexpr double kLast = 0.8;      // of the largest item, that others wait for at the end
constexpr int64_t kMostItems = 8;  // for each worker

/// What a worker needs for its lane, which is items behind one another, parts of a tile first, and
/// for what it takes from others.
double cost_of(const SharedWork& work, const Shares& shares) {
  const int64_t units = ceil_div(work.columns, work.unit);
  const auto columns = static_cast<double>(ceil_div(units, shares.tiles) * work.unit);
  const auto filters = static_cast<double>(ceil_div(work.blocks, shares.parts) * work.rows);
  const double item = columns * filters / static_cast<double>(work.lanes);
  const double all = static_cast<double>(work.pieces * units * work.unit) *
                     static_cast<double>(work.blocks * work.rows) /
                     static_cast<double>(work.lanes * work.workers);
  const int64_t run = ceil_div(work.pieces * shares.tiles * shares.parts, work.workers);
  const auto length = static_cast<double>(run), parts = static_cast<double>(shares.parts);
  const bool whole = shares.parts % run == 0 || run % shares.parts == 0;  // no lane ends in a tile
  const double tiles = whole ? std::max(1.0, length / parts) : std::min(length, length / parts + 1);
  const double read = kReadColumn * columns, read_filters = kReadFilter * filters;
  return std::max(all, item) + kLast * (item + read + read_filters) + read * tiles +
         read_filters * std::min(length, parts) + length * kClaim / static_cast<double>(work.depth);
}

}  // namespace

int64_t blocks_of(int64_t filters, int64_t most_rows, double vectors, int64_t workers) {
  constexpr double kBlock = 2;  // what a block costs beside its rows, in rows
  const int64_t fewest = ceil_div(filters, most_rows);
  if (workers == 1) return fewest;
  const double share = std::max(1.0, vectors / 2) / static_cast<double>(workers);
  int64_t best = fewest;
  double least = INFINITY;
  for (int64_t count = fewest; count <= std::min(filters, 2 * fewest); ++count) {
    const double block = static_cast<double>(ceil_div(filters, count)) + kBlock;
    const double cost = block * (static_cast<double>(count) * share + kLast);
    if (cost > least) continue;  // of equals the smaller blocks
    least = cost;
    best = count;
  }
  return best;
}

Shares share_out(const SharedWork& work) {
  Shares best{work.least_tiles, 1};
  double least = INFINITY;
  for (int64_t tiles = work.least_tiles; tiles <= work.most_tiles; ++tiles) {
    if (tiles > work.least_tiles && work.pieces * tiles > kMostItems * work.workers) break;
    for (int64_t parts = 1; parts <= work.blocks; ++parts) {
      const int64_t divided = work.pieces * tiles;
      if (parts > 1 && divided > work.most_divided) break;
      const bool is_least = tiles == work.least_tiles && parts == 1;
      if (!is_least && divided * parts > kMostItems * work.workers) break;
      const double cost = cost_of(work, {tiles, parts});
      if (cost >= least) continue;
      least = cost;
      best = {tiles, parts};
    }
  }
  return best;
}

}  // namespace hone::cpu
