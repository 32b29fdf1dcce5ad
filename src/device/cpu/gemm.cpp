#include "device/cpu/gemm.hpp"

#include <algorithm>
#include <cstring>

namespace hone::cpu {

// Defined in gemm_ISA.cpp, each compiled for its instruction set.
void multiply_avx512(long depth, const float* a, const float* b, float* c, long stride);
void multiply_avx2(long depth, const float* a, const float* b, float* c, long stride);
void multiply_generic(long depth, const float* a, const float* b, float* c, long stride);

namespace {

constexpr GemmCore kCores[] = {
    {Isa::generic, 4, 8, multiply_generic},
    {Isa::avx2, 6, 16, multiply_avx2},
    {Isa::avx512, 12, 32, multiply_avx512},
};
constexpr int kMostTile = 12 * 32;

int64_t ceil_to(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// One panel pair into a corner of c that is smaller than the panels.
void multiply_corner(const GemmCore& core, int64_t depth, const float* a, const float* b, float* c,
                     int64_t stride, int64_t rows, int64_t columns) {
  float whole[kMostTile] = {};
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(whole + i * core.columns, c + i * stride,
                static_cast<size_t>(columns) * sizeof(float));
  core.multiply(depth, a, b, whole, core.columns);
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(c + i * stride, whole + i * core.columns,
                static_cast<size_t>(columns) * sizeof(float));
}

}  // namespace

const GemmCore& gemm_core() { return kCores[static_cast<size_t>(isa())]; }

int64_t packed_floats(int64_t count, int64_t depth, int width) {
  return ceil_to(count, width) * depth;
}

void pack_panels(const float* from, int64_t count, int64_t depth, int64_t stride,
                 int64_t depth_stride, int width, float* to) {
  for (int64_t first = 0; first < count; first += width) {
    const int64_t present = std::min<int64_t>(width, count - first);
    const float* source = from + first * stride;
    for (int64_t d = 0; d < depth; ++d) {
      const float* at = source + d * depth_stride;
      if (stride == 1) {
        std::memcpy(to, at, static_cast<size_t>(present) * sizeof(float));
      } else {
        for (int64_t i = 0; i < present; ++i) to[i] = at[i * stride];
      }
      for (int64_t i = present; i < width; ++i) to[i] = 0;
      to += width;
    }
  }
}

void multiply_panels(const GemmCore& core, int64_t m, int64_t n, int64_t depth, const float* a,
                     const float* b, float* c, int64_t stride) {
  for (int64_t start = 0; start < depth; start += kDepthBlock) {
    const int64_t block = std::min(kDepthBlock, depth - start);
    for (int64_t j = 0; j < n; j += core.columns) {
      const float* b_panel = b + j * depth + start * core.columns;
      for (int64_t i = 0; i < m; i += core.rows) {
        const float* a_panel = a + i * depth + start * core.rows;
        float* corner = c + i * stride + j;
        const int64_t rows = std::min<int64_t>(core.rows, m - i);
        const int64_t columns = std::min<int64_t>(core.columns, n - j);
        if (rows == core.rows && columns == core.columns)
          core.multiply(block, a_panel, b_panel, corner, stride);
        else multiply_corner(core, block, a_panel, b_panel, corner, stride, rows, columns);
      }
    }
  }
}

Tiling tile_product(const GemmCore& core, int64_t m, int64_t n, int64_t depth, int64_t batch,
                    int workers) {
  constexpr int64_t kPanelFloats =
      96 * 1024;  // of each operand's tile: both fit a second-level cache
  const int64_t fit = std::max<int64_t>(1, kPanelFloats / std::max<int64_t>(1, depth));
  Tiling tiling;
  tiling.rows = std::clamp<int64_t>(fit / core.rows * core.rows, core.rows,
                                    ceil_to(std::max<int64_t>(m, 1), core.rows));
  tiling.columns = std::clamp<int64_t>(2 * fit / core.columns * core.columns, 2 * core.columns,
                                       ceil_to(std::max<int64_t>(n, 1), core.columns));
  const int64_t wanted =
      4 * int64_t{workers};  // dynamic claiming evens out only when there are some
  const auto count = [&] {
    tiling.row_tiles = (m + tiling.rows - 1) / tiling.rows;
    tiling.column_tiles = (n + tiling.columns - 1) / tiling.columns;
    return tiling.tiles() * batch;
  };
  while (count() < wanted && workers > 1) {
    if (tiling.columns >= 4 * core.columns)
      tiling.columns = ceil_to(tiling.columns / 2, core.columns);
    else if (tiling.rows >= 4 * core.rows) tiling.rows = ceil_to(tiling.rows / 2, core.rows);
    else break;
  }
  return tiling;
}

int64_t tile_scratch(const GemmCore& core, const Tiling& tiling, int64_t depth, bool packed_b) {
  return packed_floats(tiling.rows, depth, core.rows) +
         (packed_b ? 0 : packed_floats(tiling.columns, depth, core.columns));
}

void run_tile(const GemmCore& core, const Product& product, const Tiling& tiling, int64_t tile,
              float* scratch, float* c, int64_t stride) {
  const int64_t row = tile / tiling.column_tiles * tiling.rows;
  const int64_t column = tile % tiling.column_tiles * tiling.columns;
  const int64_t rows = std::min(tiling.rows, product.m - row);
  const int64_t columns = std::min(tiling.columns, product.n - column);
  float* a = scratch;
  pack_panels(product.a + row * product.a_row, rows, product.depth, product.a_row, product.a_depth,
              core.rows, a);
  if (product.alpha != 1) {
    const int64_t count = packed_floats(rows, product.depth, core.rows);
    for (int64_t i = 0; i < count; ++i) a[i] *= product.alpha;
  }
  const float* b = nullptr;
  if (product.packed_b != nullptr) {
    b = product.packed_b + column * product.depth;
  } else {
    float* packed = scratch + packed_floats(tiling.rows, product.depth, core.rows);
    pack_panels(product.b + column * product.b_column, columns, product.depth, product.b_column,
                product.b_depth, core.columns, packed);
    b = packed;
  }
  multiply_panels(core, rows, columns, product.depth, a, b, c + row * stride + column, stride);
}

}  // namespace hone::cpu
