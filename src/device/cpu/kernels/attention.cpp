// Scaled dot product attention: a tile of queries at a time, whose scores stay in the caches.

#include "ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/size.hpp"
#include "device/attention_geometry.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

enum Operand : size_t {
  kQ,
  kK,
  kV,
  kMask,
  kOthers  // the first that is not supported
};

bool is_floats(const TensorType& type) { return type.has_rank() && type.dtype == DType::f32; }

Verdict supports(const Problem& problem) {
  const auto* op = op_of<Attention>(problem);
  if (op == nullptr) return Verdict::no("Attention only");
  for (const size_t operand : {kQ, kK, kV}) {
    if (!is_floats(*operand_type(problem, operand))) return Verdict::no("f32 only");
    if (region_input(problem, operand) < 0) return Verdict::no("an operand is a literal");
  }
  const TensorType* mask = operand_type(problem, kMask);
  if (mask != nullptr && !is_floats(*mask) && !(mask->has_rank() && mask->dtype == DType::boolean))
    return Verdict::no("a mask of f32 or booleans only");
  if (mask != nullptr && mask->shape().empty()) return Verdict::no("the mask is a scalar");
  if (problem.region.single()->inputs.size() > kOthers)
    return Verdict::no("a cache or lengths of keys are given");
  if (op->is_causal || op->left_window_size >= 0 || op->right_window_size >= 0)
    return Verdict::no("queries see a part of the keys");
  if (op->softcap != 0) return Verdict::no("scores are capped");
  for (const size_t result : {1, 2, 3})
    if (wanted_output(problem, result) >= 0) return Verdict::no("wants more than the first result");
  return {};
}

constexpr int64_t kQueries = kTileRows;  // of one tile, at most

Dim keys_of(const Problem& problem) {
  const Dims& k = operand_type(problem, kK)->shape();
  return k[k.size() - 2];
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *problem->region.single();
  made.seconds = 4 * typical_count(*problem, node.outputs[0]->type) *
                 typical(*problem, keys_of(*problem)) / problem->target->flops_per_second;
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(kTileScratch) + Dim(kQueries) * keys_of(*problem));
  made.problem = std::move(problem);
  return made;
}

constexpr float kHidden = -std::numeric_limits<float>::infinity();

struct AttentionShared final : Shared<AttentionShared> {
  Attention op;
  std::vector<Source> operands_of;
  bool mask_chooses = false;  // it is of booleans
  int workers = 1;

  struct Geometry {
    Heads q, k, v, y;
    int64_t tile = 1, tiles = 0;  // queries of a tile; tiles of a head, 0: there is nothing to do
    MaskPlaces mask;
    float scale = 1;
  };

  Geometry geometry(const Operands& operands) const {
    Geometry g;
    g.q = Heads(operands_of[kQ].shape(operands), op.q_num_heads);
    g.k = Heads(operands_of[kK].shape(operands), op.kv_num_heads);
    g.v = Heads(operands_of[kV].shape(operands), op.kv_num_heads);
    g.y = Heads(operands.outputs[0].shape, op.q_num_heads);
    check_heads(g.q, g.k, g.v);
    const std::vector<int64_t>& y = operands.outputs[0].shape;
    if (std::find(y.begin(), y.end(), 0) != y.end()) return g;  // products may overflow then
    g.scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(g.q.head)) : op.scale;
    // Fewer queries a tile where there would not be a tile for each worker.
    g.tile = kQueries;
    while (g.tile > 24 && g.q.batch * g.q.heads * ceil_div(g.q.sequence, g.tile) < 2 * workers)
      g.tile /= 2;
    g.tiles = ceil_div(g.q.sequence, g.tile);
    if (operands_of[kMask].present())
      g.mask = MaskPlaces(operands_of[kMask].shape(operands), g.q, g.k);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.tiles == 0) return;
    stream.parallel(g.q.batch * g.q.heads * g.tiles, [&](int64_t index) {
      const int64_t first = index % g.tiles * g.tile, head = index / g.tiles;
      attend(g, operands, head / g.q.heads, head % g.q.heads, first,
             std::min(g.tile, g.q.sequence - first),
             scratch_of(scratch, kTileScratch + kQueries * g.k.sequence));
    });
  }

  /// What hides keys from the queries of one head.
  struct Mask {
    const float* added = nullptr;  // one of both, or none
    const bool* seen = nullptr;
    int64_t stride = 0, keys = 0, all = 0;
    float fill = 0;

    Mask(const AttentionShared& shared, const Geometry& g, const Operands& operands, int64_t b,
         int64_t h)
        : stride(g.mask.strides[2]), keys(g.mask.keys), all(g.k.sequence), fill(shared.op.fill) {
      const Source& mask = shared.operands_of[kMask];
      if (!mask.present()) return;
      const int64_t at = b * g.mask.strides[0] + h * g.mask.strides[1];
      if (shared.mask_chooses) seen = mask.as<bool>(operands) + at;
      else added = mask.as<float>(operands) + at;
    }
    /// What becomes of the scores of query i. Sums are of whole scores: parts of a score would each
    /// be swallowed by a large number in the mask.
    void apply(int64_t i, float* row) const {
      if (added != nullptr) {
        const float* terms = added + i * stride;
        for (int64_t j = 0; j < keys; ++j) row[j] += terms[j];
      } else if (seen != nullptr) {
        const bool* chosen = seen + i * stride;
        for (int64_t j = 0; j < keys; ++j) row[j] = chosen[j] ? row[j] : fill;
      } else {
        return;
      }
      std::fill(row + keys, row + all, kHidden);
    }
    bool hides_all(int64_t i) const {
      const auto hides = [](float number) { return number == kHidden; };
      if (added != nullptr)
        return std::all_of(added + i * stride, added + i * stride + keys, hides);
      if (seen == nullptr || fill != kHidden) return false;
      return std::none_of(seen + i * stride, seen + i * stride + keys, std::identity());
    }
  };

  /// `count` queries of one head from the query `first` on.
  void attend(const Geometry& g, const Operands& operands, int64_t b, int64_t h, int64_t first,
              int64_t count, float* working) const {
    const RowFunctions& rows = row_functions();
    float* scores = working + kTileScratch;
    const int64_t keys = g.k.sequence, kv = h / (g.q.heads / g.k.heads);
    const Mask mask(*this, g, operands, b, h);
    Product product{.m = count, .n = keys, .depth = g.q.head};
    product.a = operands_of[kQ].as<float>(operands) + g.q.at(b, h, first);
    product.a_row = g.q.row_stride;
    product.a_depth = 1;
    product.b = operands_of[kK].as<float>(operands) + g.k.at(b, kv, 0);
    product.b_column = g.k.row_stride;
    product.b_depth = 1;
    product.alpha = g.scale;
    product.starts = false;
    multiply(product, working, scores, keys);

    auto* y = operands.outputs[0].as<float>() + g.y.at(b, h, first);
    float sums[kQueries];
    for (int64_t i = 0; i < count; ++i) {
      float* row = scores + i * keys;
      mask.apply(first + i, row);
      sums[i] = rows.exp_shifted(keys, rows.max(keys, row), row, row);
      // One share that is NaN makes all NaN.
      if (std::isnan(sums[i]) && (op.zero_nan || (op.zero_unseen && mask.hides_all(first + i))))
        std::fill_n(row, keys, sums[i] = 0.0F);
    }
    product = {.m = count, .n = g.v.head, .depth = keys};
    product.a = scores;
    product.a_row = keys;
    product.a_depth = 1;
    product.b = operands_of[kV].as<float>(operands) + g.v.at(b, kv, 0);
    product.b_column = 1;
    product.b_depth = g.v.row_stride;
    product.starts = false;
    multiply(product, working, y, g.y.row_stride);
    for (int64_t i = 0; i < count; ++i) {
      float* row = y + i * g.y.row_stride;
      if (sums[i] != 0) rows.affine(g.y.head, 1 / sums[i], 0, row, row);
    }
  }

  void multiply(const Product& product, float* working, float* to, int64_t stride) const {
    const Tiling tiling = tile_product(gemm_core(), product.m, product.n, 1 << 10, 1);
    for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
      run_tile(product, tiling, tile, working, to, stride);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<AttentionShared>();
  const Problem& problem = *recipe.problem;
  shared->op = *op_of<Attention>(problem);
  for (size_t i = 0; i < kOthers; ++i) shared->operands_of.emplace_back(problem, i);
  const TensorType* mask = operand_type(problem, kMask);
  shared->mask_chooses = mask != nullptr && mask->dtype == DType::boolean;
  shared->workers = problem.share.workers;
  return shared;
}

}  // namespace

void register_attention(KernelRegistry& registry) {
  registry.add({"cpu.attention", 2, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
