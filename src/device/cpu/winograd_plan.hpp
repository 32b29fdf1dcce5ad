#pragma once
// How the tiles of the output of a Winograd convolution, of f32 or of integers, are cut into chunks
// whose transformed input stays in the second-level cache, and what a chunk needs of memory.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/size.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/shares.hpp"
#include "device/cpu/step.hpp"
#include "device/cpu/winograd.hpp"

namespace hone::cpu {

/// Why it is no convolution for Winograd's; null: it is one.
const char* winograd_refusal(const Window& window, int64_t group,
                             const std::vector<int64_t>& weight);

struct WinogradPlan {
  static constexpr int64_t kOut = kWinogradOutputs, kIn = kWinogradInputs;
  static constexpr int64_t kProducts = kWinogradProducts;
  static constexpr int64_t kTileFloats = 160 * 1024;  // of the transformed input of some tiles
  static constexpr int64_t kFilters = 64;     // whose products are made before they are transformed
  static constexpr int64_t kMostVectors = 4;  // of tiles at a time
  static constexpr int kVectors = 2;          // of a block of products, at most

  int64_t filters, depth;     // of the sums of products, in elements of 4 bytes
  int64_t lanes, most_tiles;  // at a time
  int64_t rows;               // of a block of products, at most
  int64_t lines;              // floats that hold rows of pixels while these are transformed
  double typical_tiles = 0;   // that are computed, for estimates
  int64_t count = 1;          // of blocks

  /// `result`: of the convolution. `lines`: for each of a vector's tiles, and for each of a
  /// chunk's.
  WinogradPlan(const Problem& problem, const Dims& result, int64_t filters, int64_t depth,
               int64_t lanes, int64_t rows, std::pair<int64_t, int64_t> lines)
      : filters(filters),
        depth(depth),
        lanes(lanes),
        most_tiles(std::clamp<int64_t>(kTileFloats / (kProducts * depth * lanes), 1, kMostVectors) *
                   lanes),
        rows(rows),
        lines(lines.first * lanes + lines.second * most_tiles) {
    double in_image = 1;
    for (const size_t axis : {2, 3}) in_image *= std::ceil(typical(problem, result[axis]) / kOut);
    const auto vectors = [&](double tiles) {
      return std::ceil(tiles / static_cast<double>(lanes));
    };
    typical_tiles = typical(problem, result[0]) * vectors(in_image) * static_cast<double>(lanes);
    // Workers share out chunks of at least one vector of tiles. An open number of images is taken
    // for one: that is when blocks matter.
    const auto images = static_cast<double>(result[0].constant().value_or(1));
    count = blocks_of(filters, rows, 2 * vectors(images * in_image), problem.share.workers);
  }

  int64_t blocks() const { return count; }
  int64_t first(int64_t block) const { return block * filters / blocks(); }
  /// From one product to the next, in the transformed input and in the products: not a multiple of
  /// 4 KiB, or all 36 would share one set of the first-level cache.
  int64_t step(int64_t lines_of, int64_t tiles) const { return lines_of * tiles + lanes; }
  int64_t input_floats() const { return kProducts * step(depth, most_tiles); }
  int64_t floats() const {
    return input_floats() + kProducts * step(kFilters + rows, most_tiles) + lines;
  }
  // In a worker's memory.
  float* products(float* work) const { return work + input_floats(); }
  float* lines_of(float* work) const { return work + floats() - lines; }
};

/// Numbers from `begin` to before `end`.
struct WinogradRange {
  int64_t begin, end;
};

struct WinogradGeometry {
  int64_t images = 0;  // 0: there is nothing to do
  WindowAxis y, x;
  int64_t in_row = 0, tiles = 0;  // of an image
  int64_t chunks = 0, parts = 1;  // of the tiles; of the filters
  bool by_products = false;       // all workers multiply for a chunk
  int64_t stride = 0;             // from one element of the depth to the next: tiles of a chunk
  std::vector<int32_t> offsets;   // of the depth in the transformed input, in bytes
  std::vector<int64_t> filters;   // first ones of blocks, and how many there are

  WinogradGeometry() = default;
  WinogradGeometry(const WinogradPlan& plan, const Window& window, const std::vector<int64_t>& in,
                   const std::vector<int64_t>& out, int workers);
  int64_t first(int64_t chunk) const { return chunk * tiles / chunks; }
  int64_t size(int64_t chunk) const { return first(chunk + 1) - first(chunk); }

  /// Neighbours in a row among the tiles [first, first + count): each(which of these is the first,
  /// the pixel where it begins, how many).
  template <class Each>
  void each_run(int64_t first, int64_t count, const Each& each) const {
    for (int64_t i = 0; i < count;) {
      const int64_t row = (first + i) / in_row, column = (first + i) % in_row;
      const int64_t run = std::min(in_row - column, count - i);
      each(i, row * WinogradPlan::kOut, column * WinogradPlan::kOut, run);
      i += run;
    }
  }
};

}  // namespace hone::cpu
