#pragma once
// Matrix multiplication: the core of matmul, gemm and convolution. f32 products are accumulated in
// f32, in blocks along the depth, in one fixed order. Where code can be generated the kernels of
// jit/contraction.hpp do it, elsewhere a loop that the compiler makes of C++.

#include <cstdint>

#include <memory>

#include "device/cpu/jit/contraction.hpp"

namespace hone::cpu {

/// A multiply of packed panels on one instruction set. A panel of A holds `rows` rows as
/// [depth][rows], a panel of B `columns` columns as [depth][columns]; missing ones are zero.
struct GemmCore {
  Isa isa;
  int rows, columns;
  /// c[rows][columns] += a * b over `depth`; c has `stride` floats a row.
  void (*multiply)(int64_t depth, const float* a, const float* b, float* c, int64_t stride);
};

/// That of isa(), or the generic one where no code can be generated.
const GemmCore& gemm_core();

inline constexpr int64_t kDepthBlock = 384;  // of a panel pair that stays in the first-level cache

/// Floats of `count` rows (or columns) packed in panels of `width`.
int64_t packed_floats(int64_t count, int64_t depth, int width);

/// Packs element (i, d) = from[i * stride + d * depth_stride], i < count, d < depth, in panels of
/// `width`.
void pack_panels(const float* from, int64_t count, int64_t depth, int64_t stride,
                 int64_t depth_stride, int width, float* to);

/// Panels one after the other, `stride` floats from one to the next.
struct Panels {
  const float* data;
  int64_t stride;
};
/// c[m][n] += A * B from panels of both; `stride` floats a row of c. The depth is at most
/// kDepthBlock where the panels shall stay in the caches.
void multiply_panels(const GemmCore& core, int64_t m, int64_t n, int64_t depth, Panels a, Panels b,
                     float* c, int64_t stride);

/// Products of whole numbers of at most 255 in magnitude are summed in f32 without rounding over
/// this depth: 256 * 255 * 255 < 2^24.
inline constexpr int64_t kExactDepth = 256;
inline constexpr int kMostPanel = 12 * 32;  // of rows * columns
/// sums[rows][columns] = a * b of one panel each, exact for such numbers while it fits 32 bits.
void multiply_exact(const GemmCore& core, int64_t depth, const float* a, const float* b,
                    int32_t* sums);

/// One product of a batch, c[m][n] = alpha * A * B and what follows: operands at strides. Null b:
/// `packed_b` has it in panels.
struct Product {
  int64_t m = 0, n = 0, depth = 0;
  const float* a = nullptr;
  int64_t a_row = 0, a_depth = 0;  // strides
  const float* b = nullptr;
  int64_t b_column = 0, b_depth = 0;
  const float* packed_b = nullptr;
  float alpha = 1;
  bool starts = true;  // c holds start values that are added
  // What the kernels were made for:
  const float* bias = nullptr;   // of each column
  const float* added = nullptr;  // as c lies
  float low = 0, high = 0;
  /// Where each row of A lies, in elements, instead of at a_row; by generated code alone.
  const int64_t* a_places = nullptr;
};

/// How a product is cut into tiles of rows x columns (multiples of the core's), for `batch` of
/// them: blocks of both operands fit a second-level cache, and there are some tiles for each
/// worker.
struct Tiling {
  int64_t rows = 0, columns = 0;
  int64_t row_tiles = 0, column_tiles = 0;
  int64_t tiles() const { return row_tiles * column_tiles; }
};
inline constexpr int64_t kTileRows = 192, kTileColumns = 256;  // the most
Tiling tile_product(const GemmCore& core, int64_t m, int64_t n, int64_t batch, int workers);
/// Of one row times a matrix as it lies, whose rows are `n` floats one behind the other: long parts
/// of them.
Tiling tile_row(int64_t n, int64_t batch, int workers);
/// Floats of working memory that one worker needs for a tile.
inline constexpr int64_t kTileScratch = (kTileRows + kTileColumns) * kDepthBlock;

/// What runs tiles of products, made once for what follows the sums.
class ProductKernels {
 public:
  /// Of `follow`, what comes after the scale counts.
  explicit ProductKernels(const ContractionForm& follow = {});
  /// Runs one tile of c, which has `stride` floats a row.
  void run(const Product& product, const Tiling& tiling, int64_t tile, float* scratch, float* c,
           int64_t stride) const;
  /// The same, but that the tile is put to `to` by itself. Nothing that lies as c does is added.
  void run_apart(const Product& product, const Tiling& tiling, int64_t tile, float* scratch,
                 float* to, int64_t stride) const;

 private:
  struct Place;
  struct Part;
  static Place place_of(const Product& product, const Tiling& tiling, int64_t tile);
  void run_at(const Product& product, const Place& place, float* scratch) const;
  void run_part(const Product& product, const Place& place, Part& part) const;
  void run_block(const Product& product, const Place& place, Part& part, int64_t block,
                 int64_t column, int64_t end) const;
  void run_generated(const Product& product, const Place& place, float* scratch) const;
  bool run_vectors(const Product& product, const Place& place, float* sums) const;
  void run_compiled(const Product& product, const Place& place, float* scratch) const;
  void follow(const Product& product, const Place& place) const;

  ContractionForm form_;
  const GemmCore& core_;
  std::shared_ptr<const Contraction> rows_, panels_;  // for A as it lies, and for packed A
};
/// Runs one tile: c += alpha * A * B.
void run_tile(const Product& product, const Tiling& tiling, int64_t tile, float* scratch, float* c,
              int64_t stride);

}  // namespace hone::cpu
