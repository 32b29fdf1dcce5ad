#include "device/cpu/shares.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

// In multiplications of a vector. Measured with 16 workers on a Xeon with AVX-512: 16 GB/s each for
// what others have just written, 0.14 us to hand out an item.
constexpr double kRead = 0.8;      // an element of a column or a filter
constexpr double kHandOut = 600;   // an item
constexpr int64_t kMostItems = 8;  // for each worker

double cost_of(const SharedWork& work, const Shares& shares) {
  const int64_t units = ceil_div(work.columns, work.unit);
  const auto columns = static_cast<double>(ceil_div(units, shares.tiles) * work.unit);
  const auto filters = static_cast<double>(ceil_div(work.blocks, shares.parts) * work.rows);
  const double item =
      columns * filters / static_cast<double>(work.lanes) + kRead * (columns + filters);
  const int64_t items = work.pieces * shares.tiles * shares.parts;
  return static_cast<double>(ceil_div(items, work.workers)) * item +
         static_cast<double>(items) * kHandOut / static_cast<double>(work.depth);
}

}  // namespace

int64_t blocks_of(int64_t filters, int64_t most_rows, double vectors, int64_t workers) {
  constexpr int64_t kBlock = 2;  // what a block costs beside its rows, in rows
  const int64_t fewest = ceil_div(filters, most_rows);
  if (workers == 1 || vectors > static_cast<double>(4 * workers)) return fewest;
  int64_t best = fewest, least = INT64_MAX;
  for (int64_t count = fewest; count <= std::min(filters, 2 * fewest); ++count) {
    const int64_t cost = ceil_div(count, workers) * (ceil_div(filters, count) + kBlock);
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
