// Matrix products, batched with broadcast batches: MatMul, and Gemm with alpha, beta and its third
// operand.

#include "ops/matmul.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

/// The largest depth whose packed tiles are worth reserving for every worker.
constexpr int64_t kMostDepth = 1 << 16;

Tensor pack_columns(const Problem& problem, const Tuning&, const Tensor& weight) {
  const auto* gemm = problem.region.single()->op.as<Gemm>();
  const bool transposed = gemm != nullptr && gemm->transB;
  const int64_t depth = weight.dim(transposed ? 1 : 0), n = weight.dim(transposed ? 0 : 1);
  std::vector<float> floats(static_cast<size_t>(weight.count()));
  std::memcpy(floats.data(), weight.bytes().data(), weight.bytes().size());
  const GemmCore& core = gemm_core();
  Tensor packed(DType::f32, {packed_floats(n, depth, core.columns)});
  pack_panels(floats.data(), n, depth, transposed ? depth : 1, transposed ? 1 : n, core.columns,
              reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

bool constant_matrix(const Problem& problem, size_t operand) {
  const int input = region_input(problem, operand);
  return input >= 0 && problem.weights[static_cast<size_t>(input)] != nullptr &&
         problem.weights[static_cast<size_t>(input)]->shape().size() == 2;
}

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (node == nullptr || (node->op.as<MatMul>() == nullptr && node->op.as<Gemm>() == nullptr))
    return Verdict::no("multiplies matrices only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  for (size_t i = 0; i < 2; ++i) {
    if (region_input(problem, i) < 0)
      return Verdict::no("an operand is a literal of at most 16 elements");
    if (node->inputs[i]->type.tensor().rank() < 2) return Verdict::no("an operand is a vector");
  }
  const Dims& a = node->inputs[0]->type.tensor().shape();
  const auto* gemm = node->op.as<Gemm>();
  const Dim& depth = gemm != nullptr && gemm->transA ? a[a.size() - 2] : a.back();
  if (depth.bounds(problem.ranges).low > kMostDepth)
    return Verdict::no("the sum is over more than 65,536 products");
  return {};
}

/// Working memory is reserved for every worker before sizes are known: the most that tile_product
/// gives.
Dim most_scratch(const Problem& problem, const Dim& depth) {
  const GemmCore& core = gemm_core();
  // rows * depth and columns * depth stay below the panels' budget, or are one panel (two of B)
  // each.
  return worker_scratch(problem.share,
                        Dim(3 * 96 * 1024 + 1024) + Dim(core.rows + 2 * core.columns) * depth);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *problem->region.single();
  const auto* gemm = node.op.as<Gemm>();
  const Dims& a = node.inputs[0]->type.tensor().shape();
  const Dim& depth = gemm != nullptr && gemm->transA ? a[a.size() - 2] : a.back();
  made.seconds = 2 * typical_count(node.outputs[0]->type) * typical(depth) / kFlopsPerSecond;
  made.scratch_bytes = most_scratch(*problem, depth);
  if (constant_matrix(*problem, 1)) {
    const char* form = gemm != nullptr && gemm->transB ? "gemm.bt/" : "gemm.b/";
    made.packings.push_back(
        {static_cast<size_t>(region_input(*problem, 1)), cat(form, gemm_core().isa), pack_columns});
  }
  made.problem = std::move(problem);
  return made;
}

/// Offsets of each matrix of a broadcast batch.
std::vector<int64_t> batch_offsets(const std::vector<int64_t>& shape,
                                   const std::vector<int64_t>& result) {
  const size_t axes = result.size() - 2;
  std::vector<int64_t> offsets{0};
  const int64_t matrix = shape[shape.size() - 2] * shape.back();
  for (size_t axis = 0; axis < axes; ++axis) {
    const size_t shift = result.size() - shape.size();
    const int64_t size = axis < shift ? 1 : shape[axis - shift];
    std::vector<int64_t> next;
    for (const int64_t offset : offsets)
      for (int64_t i = 0; i < result[axis]; ++i)
        next.push_back(offset * size + (size == 1 ? 0 : i));
    offsets = std::move(next);
  }
  for (int64_t& offset : offsets) offset *= matrix;
  return offsets;
}

struct MatMulShared final : Shared<MatMulShared> {
  Gemm gemm;  // of MatMul: no transposes, alpha 1
  bool has_c = false;
  Tensor literal_c;  // when the third operand is a literal
  size_t a = 0, b = 1, c = 2;
  Tensor packed_b;
  int workers = 1;

  /// C, broadcast over the result, or zeros: what products are added to.
  void start(const Operands& operands, int64_t m, int64_t n, float* to) const {
    if (!has_c) return void(std::memset(to, 0, static_cast<size_t>(m * n) * sizeof(float)));
    std::vector<int64_t> shape = literal_c.empty() ? operands.inputs[c].shape : literal_c.shape();
    while (shape.size() < 2) shape.insert(shape.begin(), 1);
    const auto* from = literal_c.empty() ? operands.inputs[c].as<float>()
                                         : reinterpret_cast<const float*>(literal_c.bytes().data());
    for (int64_t i = 0; i < m; ++i) {
      const float* row = from + (shape[0] == 1 ? 0 : i * shape[1]);
      for (int64_t j = 0; j < n; ++j) to[i * n + j] = gemm.beta * row[shape[1] == 1 ? 0 : j];
    }
  }

  void run(const Operands& operands, std::span<std::byte> scratch, Stream& stream) const {
    const Operand& left = operands.inputs[a];
    const Operand& right = operands.inputs[b];
    const Operand& result = operands.outputs[0];
    const size_t rank = result.shape.size();
    Product product;
    product.m = result.shape[rank - 2];
    product.n = result.shape[rank - 1];
    if (element_count(result.shape) == 0) return;
    const int64_t a_columns = left.shape.back(), b_columns = right.shape.back();
    product.depth = gemm.transA ? left.shape[left.shape.size() - 2] : a_columns;
    product.a_row = gemm.transA ? 1 : a_columns;
    product.a_depth = gemm.transA ? a_columns : 1;
    product.b_column = gemm.transB ? b_columns : 1;
    product.b_depth = gemm.transB ? 1 : b_columns;
    product.alpha = gemm.alpha;
    std::vector<int64_t> a_offsets = batch_offsets(left.shape, result.shape);
    std::vector<int64_t> b_offsets = batch_offsets(right.shape, result.shape);
    // A batch of matrices times one matrix is one tall matrix times it.
    const bool tall = !gemm.transA && right.shape.size() == 2 && left.shape.size() == rank;
    if (tall) {
      product.m = element_count(std::span(result.shape).first(rank - 1));
      a_offsets = b_offsets = {0};
    }
    const GemmCore& core = gemm_core();
    const auto batch = static_cast<int64_t>(a_offsets.size());
    const Tiling tiling = tile_product(core, product.m, product.n, product.depth, batch, workers);
    const int64_t floats = static_cast<int64_t>(scratch.size()) / 64 * 64 /
                           static_cast<int64_t>(sizeof(float)) / workers;
    const float* packed =
        packed_b.empty() ? nullptr : reinterpret_cast<const float*>(packed_b.bytes().data());
    const int64_t matrix = product.m * product.n;
    const bool grouped = has_c;  // the start values are set apart from the tiles
    if (grouped)
      stream.parallel(batch, [&](int64_t i) {
        start(operands, product.m, product.n, result.as<float>() + i * matrix);
      });
    stream.parallel(batch * tiling.tiles(), [&](int64_t tile) {
      const int64_t index = tile / tiling.tiles();
      Product mine = product;
      mine.a = left.as<float>() + a_offsets[static_cast<size_t>(index)];
      mine.packed_b = packed;
      if (packed == nullptr) mine.b = right.as<float>() + b_offsets[static_cast<size_t>(index)];
      float* to = result.as<float>() + index * matrix;
      if (!grouped) clear_tile(mine, tiling, tile % tiling.tiles(), to);
      run_tile(core, mine, tiling, tile % tiling.tiles(), scratch_of(scratch, floats), to,
               product.n);
    });
  }

  static void clear_tile(const Product& product, const Tiling& tiling, int64_t tile, float* c) {
    const int64_t row = tile / tiling.column_tiles * tiling.rows;
    const int64_t column = tile % tiling.column_tiles * tiling.columns;
    const int64_t rows = std::min(tiling.rows, product.m - row);
    const int64_t columns = std::min(tiling.columns, product.n - column);
    for (int64_t i = 0; i < rows; ++i)
      std::memset(c + (row + i) * product.n + column, 0,
                  static_cast<size_t>(columns) * sizeof(float));
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed) {
  auto shared = std::make_shared<MatMulShared>();
  const Problem& problem = *recipe.problem;
  const Node& node = *problem.region.single();
  if (const Gemm* gemm = node.op.as<Gemm>()) shared->gemm = *gemm;
  shared->a = static_cast<size_t>(region_input(problem, 0));
  shared->b = static_cast<size_t>(region_input(problem, 1));
  shared->has_c = node.input(2) != nullptr;
  if (region_input(problem, 2) == -1) shared->literal_c = node.inputs[2]->weight->tensor().clone();
  else if (shared->has_c) shared->c = static_cast<size_t>(region_input(problem, 2));
  if (!packed.empty()) shared->packed_b = std::move(packed.front());
  shared->workers = problem.share.workers;
  return shared;
}

}  // namespace

void register_matmul(KernelRegistry& registry) {
  registry.add({"cpu.matmul", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
