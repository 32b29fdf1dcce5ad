#include "device/cpu/gemm.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"

namespace hone::cpu {

void multiply_generic(long depth, const float* a, const float* b, float* c, long stride);

namespace {

constexpr int kPanelVectors = 2;  // of B

/// Whole blocks of rows x kPanelVectors, from packed panels.
std::shared_ptr<const Contraction> block_kernels(Isa isa) {
  return Contraction::of(isa, {.panel_vectors = kPanelVectors}, kPanelVectors);
}

/// The kernel of one such block as a plain function.
template <Isa kIsa, int kRows>
void multiply_generated(int64_t depth, const float* a, const float* b, float* c, int64_t stride) {
  static const auto kKernels = block_kernels(kIsa);
  ContractionCall call;
  call.a = a;
  call.b = b;
  call.depth = depth;
  call.c = c;
  call.c_stride = stride * static_cast<int64_t>(sizeof(float));
  call.accumulates = 1;
  kKernels->function(kRows, kPanelVectors)(&call);
}

constexpr GemmCore kCores[] = {
    {Isa::generic, 4, 8, multiply_generic},
    {Isa::avx2, 6, 16, multiply_generated<Isa::avx2, 6>},
    {Isa::avx512, 12, 32, multiply_generated<Isa::avx512, 12>},
};

/// One panel pair into a corner of c that is smaller than the panels.
void multiply_corner(const GemmCore& core, int64_t depth, const float* a, const float* b, float* c,
                     int64_t stride, int64_t rows, int64_t columns) {
  float whole[kMostPanel] = {};
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(whole + i * core.columns, c + i * stride,
                static_cast<size_t>(columns) * sizeof(float));
  core.multiply(depth, a, b, whole, core.columns);
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(c + i * stride, whole + i * core.columns,
                static_cast<size_t>(columns) * sizeof(float));
}

}  // namespace

namespace {

/// There are kernels for it; they are kept.
template <Isa kIsa>
bool generates() {
  static const auto kKernels = block_kernels(kIsa);
  return kKernels != nullptr;
}

}  // namespace

const GemmCore& gemm_core() {
  const Isa wanted = isa();
  const bool made = wanted == Isa::avx512 ? generates<Isa::avx512>()
                                          : wanted == Isa::avx2 && generates<Isa::avx2>();
  return kCores[made ? static_cast<size_t>(wanted) : 0];
}

int64_t packed_floats(int64_t count, int64_t depth, int width) {
  return ceil_to(count, width) * depth;
}

namespace {

/// One panel of rows whose elements lie side by side: blocks of columns that stay in the first
/// cache.
void pack_rows(const float* from, int64_t rows, int64_t depth, int64_t stride, int width,
               float* to) {
  constexpr int64_t kBlock = 64;
  for (int64_t first = 0; first < depth; first += kBlock) {
    const int64_t count = std::min(kBlock, depth - first);
    for (int64_t i = 0; i < rows; ++i) {
      const float* at = from + i * stride + first;
      float* place = to + first * width + i;
      for (int64_t d = 0; d < count; ++d) place[d * width] = at[d];
    }
    for (int64_t i = rows; i < width; ++i)
      for (int64_t d = 0; d < count; ++d) to[(first + d) * width + i] = 0;
  }
}

}  // namespace

void pack_panels(const float* from, int64_t count, int64_t depth, int64_t stride,
                 int64_t depth_stride, int width, float* to) {
  for (int64_t first = 0; first < count; first += width) {
    const int64_t present = std::min<int64_t>(width, count - first);
    const float* source = from + first * stride;
    if (stride != 1 && depth_stride == 1) {  // rows are read as they lie
      pack_rows(source, present, depth, stride, width, to);
      to += depth * width;
      continue;
    }
    // All at once: a call for the rest of each row takes longer than the row.
    if (present < width) std::fill_n(to, depth * width, 0.0F);
    for (int64_t d = 0; d < depth; ++d, to += width) {
      const float* at = source + d * depth_stride;
      if (stride == 1 && present == width)
        std::memcpy(to, at, static_cast<size_t>(present) * sizeof(float));
      else
        for (int64_t i = 0; i < present; ++i) to[i] = at[i * stride];
    }
  }
}

void multiply_panels(const GemmCore& core, int64_t m, int64_t n, int64_t depth, Panels a, Panels b,
                     float* c, int64_t stride) {
  for (int64_t j = 0; j < n; j += core.columns) {
    const float* b_panel = b.data + j / core.columns * b.stride;
    for (int64_t i = 0; i < m; i += core.rows) {
      const float* a_panel = a.data + i / core.rows * a.stride;
      float* corner = c + i * stride + j;
      const int64_t rows = std::min<int64_t>(core.rows, m - i);
      const int64_t columns = std::min<int64_t>(core.columns, n - j);
      if (rows == core.rows && columns == core.columns)
        core.multiply(depth, a_panel, b_panel, corner, stride);
      else multiply_corner(core, depth, a_panel, b_panel, corner, stride, rows, columns);
    }
  }
}

void multiply_exact(const GemmCore& core, int64_t depth, const float* a, const float* b,
                    int32_t* sums) {
  const int64_t panel = int64_t{core.rows} * core.columns;
  std::fill_n(sums, panel, 0);
  for (int64_t start = 0; start < depth; start += kExactDepth) {
    float part[kMostPanel] = {};
    core.multiply(std::min(kExactDepth, depth - start), a + start * core.rows,
                  b + start * core.columns, part, core.columns);
    for (int64_t i = 0; i < panel; ++i) sums[i] += static_cast<int32_t>(part[i]);
  }
}

Tiling tile_product(const GemmCore& core, int64_t m, int64_t n, int64_t batch, int workers) {
  Tiling tiling;
  tiling.rows = std::min(kTileRows, ceil_to(std::max<int64_t>(m, 1), core.rows));
  tiling.columns = std::min(kTileColumns, ceil_to(std::max<int64_t>(n, 1), core.columns));
  // Dynamic claiming evens out only when there are some.
  const int64_t wanted = workers == 1 ? 1 : 4 * int64_t{workers};
  for (;;) {
    tiling.row_tiles = (m + tiling.rows - 1) / tiling.rows;
    tiling.column_tiles = (n + tiling.columns - 1) / tiling.columns;
    if (tiling.tiles() * batch >= wanted) return tiling;
    if (tiling.columns >= 4 * core.columns && tiling.columns >= tiling.rows)
      tiling.columns = ceil_to(tiling.columns / 2, core.columns);
    else if (tiling.rows >= 4 * core.rows) tiling.rows = ceil_to(tiling.rows / 2, core.rows);
    else return tiling;
  }
}

Tiling tile_row(int64_t n, int64_t batch, int workers) {
  constexpr int64_t kLeast = 256, kMost = 32 * 1024, kLanes = 16;
  const int64_t wanted = workers == 1 ? 1 : (2 * int64_t{workers} + batch - 1) / batch;
  Tiling tiling{1, ceil_to(std::clamp((n + wanted - 1) / wanted, kLeast, kMost), kLanes), 1, 0};
  tiling.column_tiles = (n + tiling.columns - 1) / tiling.columns;
  return tiling;
}

}  // namespace hone::cpu
