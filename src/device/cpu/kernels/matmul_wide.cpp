// Matrix products of f64, and of integers of 32 and 64 bits, which wrap: MatMul, batched with
// broadcast batches, and Gemm.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/batches.hpp"
#include "device/cpu/step.hpp"
#include "device/cpu/wide_product.hpp"
#include "ops/matmul.hpp"

namespace hone::cpu {
namespace matmul_wide_kernel {
namespace {

constexpr int64_t kDepth = 512;               // of a panel
constexpr int64_t kPanelFloats = 128 * 1024;  // that a worker packs, at most, in room of f32
constexpr int64_t kMostColumns = kPanelFloats / 2 / kDepth;
constexpr int64_t kRows = 96;  // of a tile

Verdict supports(const Problem& problem) {
  const auto* gemm = op_of<Gemm>(problem);
  if (gemm == nullptr && op_of<MatMul>(problem) == nullptr)
    return Verdict::no("MatMul and Gemm only");
  const DType dtype = operand_type(problem, 0)->dtype;
  const bool floats = dtype == DType::f64;
  if (!floats && !(is_integer(dtype) && bits(dtype) >= 32))
    return Verdict::no("f64 and integers of 32 and 64 bits only");
  if (gemm != nullptr && !floats && (gemm->alpha != 1 || gemm->beta != 1))
    return Verdict::no("integers are not scaled");
  for (size_t i = 0; i < 3; ++i)
    if (const TensorType* type = operand_type(problem, i); type != nullptr)
      if (!type->has_rank() || (i < 2 && type->rank() < 2))
        return Verdict::no("an operand is a vector, or of unknown rank");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *problem->region.single();
  const auto* gemm = node.op.as<Gemm>();
  const Dims& a = node.inputs[0]->type.tensor().shape();
  const Dim& depth = gemm != nullptr && gemm->transA ? a[a.size() - 2] : a.back();
  made.seconds = 4 * typical_count(*problem, node.outputs[0]->type) * typical(*problem, depth) /
                 problem->target->flops_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(kPanelFloats));
  made.problem = std::move(problem);
  return made;
}

/// A matrix at strides.
struct Matrix {
  int64_t rows = 0, columns = 0, row = 0, column = 0;

  Matrix() = default;
  Matrix(const std::vector<int64_t>& shape, bool transposed)
      : rows(shape[shape.size() - 2]), columns(shape.back()), row(columns), column(1) {
    if (!transposed) return;
    std::swap(rows, columns);
    std::swap(row, column);
  }
};

template <class T>
struct WideMatMul final : Shared<WideMatMul<T>> {
  Gemm gemm;  // of MatMul: nothing is transposed or scaled
  std::vector<Source> operands_of;
  int workers = 1;

  struct Geometry {
    Matrix a, b;
    std::vector<int64_t> a_offsets, b_offsets;
    int64_t tile_columns = 1, row_tiles = 1, column_tiles = 1;
    int64_t addend_row = 0, addend_column = 0;  // strides of what Gemm adds
  };

  static int64_t panel_columns() {
    return wide_products().panel_bytes / static_cast<int64_t>(sizeof(T));
  }

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& result = operands.outputs[0].shape;
    Geometry g;
    if (element_count(result) == 0) return g;
    const auto &a = operands_of[0].shape(operands), &b = operands_of[1].shape(operands);
    g.a = {a, gemm.transA};
    g.b = {b, gemm.transB};
    g.a_offsets = batch_offsets(a, result);
    g.b_offsets = batch_offsets(b, result);
    const int64_t panel = panel_columns();
    const int64_t wanted = ceil_div(4 * int64_t{workers}, std::ssize(g.a_offsets));
    g.row_tiles = ceil_div(g.a.rows, kRows);
    const int64_t parts = workers == 1 ? 1 : ceil_div(wanted, g.row_tiles);
    g.tile_columns = std::clamp(ceil_div(ceil_div(g.b.columns, parts), panel) * panel, panel,
                                kMostColumns / panel * panel);
    g.column_tiles = ceil_div(g.b.columns, g.tile_columns);
    if (operands_of[2].present()) {
      const std::vector<int64_t>& c = operands_of[2].shape(operands);
      const int64_t columns = c.empty() ? 1 : c.back();
      g.addend_column = columns == 1 ? 0 : 1;
      g.addend_row = c.size() < 2 || c[c.size() - 2] == 1 ? 0 : columns;
    }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t tiles = g.row_tiles * g.column_tiles;
    stream.parallel(std::ssize(g.a_offsets) * tiles, [&](int64_t i) {
      const auto index = static_cast<size_t>(i / tiles);
      const int64_t row = i % tiles / g.column_tiles * kRows;
      const int64_t column = i % g.column_tiles * g.tile_columns;
      const int64_t rows = std::min(kRows, g.a.rows - row);
      const int64_t columns = std::min(g.tile_columns, g.b.columns - column);
      auto* panels = reinterpret_cast<T*>(scratch_of(scratch, kPanelFloats));
      const T* a = operands_of[0].template as<T>(operands) + g.a_offsets[index] + row * g.a.row;
      const T* b =
          operands_of[1].template as<T>(operands) + g.b_offsets[index] + column * g.b.column;
      T* c = operands.outputs[0].as<T>() + i / tiles * g.a.rows * g.b.columns + row * g.b.columns +
             column;
      for (int64_t d = 0; d == 0 || d < g.a.columns; d += kDepth) {
        const int64_t depth = std::min(kDepth, g.a.columns - d);
        pack(g.b, b + d * g.b.row, depth, columns, panels);
        multiply(g, a + d * g.a.column, panels, rows, columns, depth, d > 0, c);
      }
      finish(g, operands, row, column, rows, columns, c);
    });
  }

  /// Panels of columns, one behind the other; what is missing is zero.
  static void pack(const Matrix& b, const T* from, int64_t depth, int64_t columns, T* to) {
    const int64_t panel = panel_columns();
    for (int64_t first = 0; first < columns; first += panel) {
      const int64_t count = std::min(panel, columns - first);
      for (int64_t d = 0; d < depth; ++d, to += panel) {
        const T* line = from + d * b.row + first * b.column;
        if (b.column == 1) std::copy_n(line, count, to);
        else
          for (int64_t i = 0; i < count; ++i) to[i] = line[i * b.column];
        std::fill(to + count, to + panel, T{});
      }
    }
  }

  static void multiply(const Geometry& g, const T* a, const T* panels, int64_t rows,
                       int64_t columns, int64_t depth, bool accumulates, T* c) {
    const WideProducts& products = wide_products();
    const auto function = std::is_same_v<T, double> ? products.f64
                          : sizeof(T) == 8          ? products.b64
                                                    : products.b32;
    WideBlock block{};
    block.a_row = g.a.row;
    block.a_depth = g.a.column;
    block.c_row = g.b.columns;
    block.depth = depth;
    block.accumulates = accumulates;
    for (int64_t first = 0; first < columns; first += panel_columns()) {
      block.panel = panels + first * depth;
      block.columns = std::min(panel_columns(), columns - first);
      for (int64_t row = 0; row < rows; row += kWideRows) {
        block.rows = std::min<int64_t>(kWideRows, rows - row);
        block.a = a + row * g.a.row;
        block.c = c + row * g.b.columns + first;
        function(block);
      }
    }
  }

  /// Of Gemm: the scales, and the third operand.
  void finish(const Geometry& g, const Operands& operands, int64_t row, int64_t column,
              int64_t rows, int64_t columns, T* c) const {
    const T* addend = operands_of[2].template as<T>(operands);
    if (addend == nullptr && gemm.alpha == 1) return;
    const T alpha = static_cast<T>(gemm.alpha), beta = static_cast<T>(gemm.beta);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        T& sum = c[i * g.b.columns + j];
        sum *= alpha;
        if (addend != nullptr)
          sum += addend[(row + i) * g.addend_row + (column + j) * g.addend_column] * beta;
      }
  }
};

template <class T>
std::shared_ptr<const Prepared> prepared(const Problem& problem) {
  auto shared = std::make_shared<WideMatMul<T>>();
  if (const auto* gemm = op_of<Gemm>(problem)) shared->gemm = *gemm;
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->workers = problem.share.workers;
  return shared;
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const DType dtype = operand_type(*recipe.problem, 0)->dtype;
  if (dtype == DType::f64) return prepared<double>(*recipe.problem);
  return bits(dtype) == 64 ? prepared<uint64_t>(*recipe.problem)
                           : prepared<uint32_t>(*recipe.problem);
}

}  // namespace
}  // namespace matmul_wide_kernel

void register_matmul_wide(KernelRegistry& registry) {
  using namespace matmul_wide_kernel;
  registry.add({"cpu.matmul.wide", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
