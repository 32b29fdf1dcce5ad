// Scaled dot product attention: a tile of queries at a time, whose scores stay in the caches. Views
// in front of it and behind it are no steps: queries, keys and values are read where they lie in
// what the views are of, and the result is written where views would bring it.

#include "ops/attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "base/size.hpp"
#include "device/attention_views.hpp"
#include "device/cpu/attention_views.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::cpu {
namespace attention_kernel {
namespace {

using enum Attention::Operand;

constexpr int64_t kQueries = kTileRows;  // of one tile, at most
constexpr int64_t kAtOnce = 256;         // keys that stay in the first-level cache for a group

Dim keys_of(const Node& node) {
  const Dims& k = attention_operand(node, kK)->shape();
  const TensorType* past = attention_operand(node, kPastKey);
  return k[k.size() - 2] + (past == nullptr ? Dim(0) : past->shape()[2]);
}

/// Keys (0) and values (1) that are put behind those of the past, where nobody wants them: floats.
Dim joined_floats(const Node& node, size_t which) {
  const TensorType* past = attention_operand(node, kPastKey + which);
  if (past == nullptr || node.output(1 + which) != nullptr) return 0;
  const Dims& shape = past->shape();
  return shape[0] * shape[1] * keys_of(node) * shape[3];
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *attention_of(*problem);
  made.seconds = 4 * typical_count(*problem, node.outputs[0]->type) *
                 typical(*problem, keys_of(node)) / problem->target->flops_per_second;
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(kTileScratch) + Dim(kQueries) * keys_of(node)) +
      (joined_floats(node, 0) + joined_floats(node, 1)) * Dim(int64_t{sizeof(float)});
  made.problem = std::move(problem);
  return made;
}

constexpr float kHidden = -std::numeric_limits<float>::infinity();

struct AttentionShared final : Shared<AttentionShared> {
  static constexpr bool kLaunches = true;
  Attention op;
  Region region;
  std::vector<Source> operands_of;  // what queries, keys and values are views of; the others
  Placed q, k, v, y;
  int result = 0;                // which result of the region is that of attention
  std::array<int, 2> present{};  // results with all keys and values; negative: not wanted
  bool mask_chooses = false;     // it is of booleans
  int workers = 1;

  struct Geometry {
    Heads q, k, v, y;
    int64_t first_q = 0, first_kv[2] = {0, 0}, first_y = 0;  // elements in front of them
    Heads all[2];                    // keys and values, with those of the past
    bool joins[2] = {false, false};  // they are put where attention finds them together
    int64_t past = 0;
    int64_t keys() const { return all[0].sequence; }
    int64_t tile = 1, tiles = 0;  // queries of a tile; tiles of a head, 0: there is nothing to do
    MaskPlaces mask;
    float scale = 1;
    int64_t group = 1;  // heads of one query each that one tile attends to, since they share keys
  };

  Geometry geometry(const Operands& operands) const {
    Geometry g;
    const Bindings symbols = places_whole() ? operands.symbols : symbols_of(*region.body, operands);
    g.q = q.heads(op.q_num_heads, operands_of[kQ].shape(operands), symbols);
    g.k = k.heads(op.kv_num_heads, operands_of[kK].shape(operands), symbols);
    g.v = v.heads(op.kv_num_heads, operands_of[kV].shape(operands), symbols);
    g.y = y.heads(op.q_num_heads, result_of(operands).shape, symbols);
    g.first_q = q.first(symbols);
    g.first_kv[0] = k.first(symbols);
    g.first_kv[1] = v.first(symbols);
    g.first_y = y.first(symbols);
    check_heads(g.q, g.k, g.v);
    join(g, operands);
    const std::vector<int64_t>& shape = result_of(operands).shape;
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return g;  // products may overflow
    g.scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(g.q.head)) : op.scale;
    // Fewer queries a tile where there would not be a tile for each worker.
    g.tile = kQueries;
    while (g.tile > 24 && g.q.batch * g.q.heads * ceil_div(g.q.sequence, g.tile) < 2 * workers)
      g.tile /= 2;
    g.tiles = ceil_div(g.q.sequence, g.tile);
    const int64_t group = g.q.heads / g.k.heads;
    if (g.q.sequence == 1 && group <= kQueries && g.q.batch * g.k.heads >= workers &&
        g.q.head_stride == g.q.head && g.y.head_stride == g.y.head)
      g.group = group;
    if (operands_of[kMask].present())
      g.mask = MaskPlaces(operands_of[kMask].shape(operands), g.q, g.all[0]);
    return g;
  }

  bool places_whole() const { return q.whole && k.whole && v.whole && y.whole; }
  const Operand& result_of(const Operands& operands) const {
    return operands.outputs[static_cast<size_t>(result)];
  }

  /// Where keys and values lie.
  void join(Geometry& g, const Operands& operands) const {
    const Heads* fresh[] = {&g.k, &g.v};
    for (size_t i = 0; i < 2; ++i) {
      const Source& past = operands_of[kPastKey + i];
      g.joins[i] = past.present() || present[i] >= 0;
      g.all[i] = *fresh[i];
      if (!g.joins[i]) continue;
      std::vector<int64_t> shape{fresh[i]->batch, fresh[i]->heads, 0, fresh[i]->head};
      if (past.present()) {
        const std::vector<int64_t>& given = past.shape(operands);
        shape[2] = given[2];
        check(given == shape, Code::usage, "a past of shape ", shape_text(given), ", wanted ",
              shape_text(shape));
      }
      g.past = shape[2];
      shape[2] = checked_add(shape[2], fresh[i]->sequence);
      g.all[i] = Heads(shape, 0);
    }
    check(g.all[0].sequence == g.all[1].sequence, Code::usage, g.all[0].sequence, " keys for ",
          g.all[1].sequence, " values");
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t own = kTileScratch + kQueries * g.keys();
    std::array<const float*, 2> both{};
    auto* room = reinterpret_cast<float*>(scratch.data()) + workers * own;
    // Who attends to all queries of a head puts its keys and values together: they are at hand.
    const bool by_heads = g.tiles == 1 && g.q.heads == g.k.heads * g.group;
    std::array<std::function<void(int64_t head)>, 2> fills;
    for (size_t i = 0; i < 2; ++i) {
      both[i] = operands_of[kK + i].as<float>(operands) + g.first_kv[i];
      if (!g.joins[i]) continue;
      const Heads& all = g.all[i];
      float* to = room;
      if (present[i] >= 0) to = operands.outputs[static_cast<size_t>(present[i])].as<float>();
      else room += all.batch * all.batch_stride;
      fills[i] = [&fresh = i == 0 ? g.k : g.v, &all, from = both[i], to,
                  past = operands_of[kPastKey + i].as<float>(operands)](int64_t head) {
        fill(fresh, all, past, from, to, head);
      };
      if (!by_heads) stream.launch(all.batch * all.heads, fills[i]);
      both[i] = to;
    }
    if (g.tiles == 0) return;
    const auto tile = [=, this, &g, &operands](int64_t index) {
      const int64_t first = index % g.tiles * g.tile, head = index / g.tiles * g.group;
      for (size_t i = 0; by_heads && i < 2; ++i)
        if (g.joins[i]) fills[i](index / g.tiles);
      attend(g, operands, both.data(), head / g.q.heads, head % g.q.heads, first,
             std::min(g.tile, g.q.sequence - first), scratch_of(scratch, own));
    };
    const int64_t tiles = g.q.batch * g.q.heads / g.group * g.tiles;
    if (g.joins[0] || g.joins[1] || g.group > 1) return stream.launch(tiles, tile);
    stream.launch(tiles, tile, [&](int64_t index) { return touched(g, operands, index); });
  }

  /// What a tile reads and writes where keys and values are found as they lie.
  Touched touched(const Geometry& g, const Operands& operands, int64_t index) const {
    const int64_t head = index / g.tiles, b = head / g.q.heads, h = head % g.q.heads;
    const int64_t first = index % g.tiles * g.tile;
    const int64_t count = std::min(g.tile, g.q.sequence - first);
    const auto box = [&](const float* tensor, const Heads& heads, int64_t of, int64_t begin,
                         int64_t rows) {
      return Box::of(tensor + heads.at(b, of, begin), 0, heads.head, rows, heads.row_stride);
    };
    Touched all{{}, {box(result_of(operands).as<float>() + g.first_y, g.y, h, first, count)}};
    all.reads.push_back(box(operands_of[kQ].as<float>(operands) + g.first_q, g.q, h, first, count));
    const int64_t kv = h / (g.q.heads / g.k.heads);
    const Heads* both[] = {&g.k, &g.v};
    for (size_t i = 0; i < 2; ++i)
      all.reads.push_back(box(operands_of[kK + i].as<float>(operands) + g.first_kv[i], *both[i], kv,
                              0, both[i]->sequence));
    for (const Operand& each : operands.inputs)
      if (each.data != nullptr && each.data != operands_of[kQ].data(operands) &&
          each.data != operands_of[kK].data(operands) &&
          each.data != operands_of[kK + 1].data(operands))
        all.reads.push_back(Box::of(
            each.data, 0, static_cast<int64_t>(bytes_for(each.dtype, element_count(each.shape)))));
    return all;
  }

  /// Keys or values of the past, then the new ones, of one head.
  static void fill(const Heads& fresh, const Heads& all, const float* past, const float* from,
                   float* to, int64_t index) {
    const int64_t before = (all.sequence - fresh.sequence) * all.head;
    const int64_t b = index / all.heads, h = index % all.heads;
    float* place = to + all.at(b, h, 0);
    if (before > 0) std::copy_n(past + index * before, before, place);
    for (int64_t i = 0; i < fresh.sequence; ++i)
      std::copy_n(from + fresh.at(b, h, i), all.head, place + before + i * all.head);
  }

  /// Keys that a query may see.
  struct Range {
    int64_t first, last;
  };
  Range seen(const Geometry& g, const Operands& operands, int64_t b, int64_t query) const {
    int64_t valid = g.keys(), position = g.past + query;
    if (operands_of[kNonpad].present()) {
      valid = operands_of[kNonpad].as<int64_t>(operands)[b];
      check(valid >= 0 && valid <= g.keys(), Code::invalid_model, "nonpad_kv_seqlen has ", valid,
            " for ", g.keys(), " keys");
      position = valid - g.q.sequence + query;
    }
    Range range{0, valid};
    if (op.is_causal) range.last = std::min(range.last, position + 1);
    if (op.right_window_size >= 0)
      range.last = std::min(range.last, position + op.right_window_size + 1);
    if (op.left_window_size >= 0)
      range.first = std::max(range.first, position - op.left_window_size);
    range.last = std::max<int64_t>(range.last, 0);
    range.first = std::min(range.first, range.last);
    return range;
  }

  /// What hides keys from the queries of one head.
  struct Mask {
    const float* added = nullptr;  // one of both, or none
    const bool* seen = nullptr;
    int64_t stride = 0, keys = 0;
    float fill = 0;

    Mask(const AttentionShared& shared, const Geometry& g, const Operands& operands, int64_t b,
         int64_t h)
        : stride(g.mask.strides[2]), keys(g.mask.keys), fill(shared.op.fill) {
      const Source& mask = shared.operands_of[kMask];
      if (!mask.present()) return;
      const int64_t at = b * g.mask.strides[0] + h * g.mask.strides[1];
      if (shared.mask_chooses) seen = mask.as<bool>(operands) + at;
      else added = mask.as<float>(operands) + at;
    }
    /// What becomes of the scores of query i; row[0] is that of key `begin`. Sums are of whole
    /// scores: parts of a score would each be swallowed by a large number in the mask.
    void apply(int64_t i, int64_t begin, int64_t end, float* row) const {
      const int64_t known = std::clamp(keys, begin, end) - begin;
      if (added != nullptr) {
        const float* terms = added + i * stride + begin;
        for (int64_t j = 0; j < known; ++j) row[j] += terms[j];
      } else if (seen != nullptr) {
        const bool* chosen = seen + i * stride + begin;
        for (int64_t j = 0; j < known; ++j) row[j] = chosen[j] ? row[j] : fill;
      } else {
        return;
      }
      std::fill(row + known, row + (end - begin), kHidden);
    }
    bool hides_all(int64_t i, const Range& range) const {
      const auto hides = [](float number) { return number == kHidden; };
      const int64_t known = std::clamp(keys, range.first, range.last);
      const int64_t begin = i * stride + range.first, end = i * stride + known;
      if (added != nullptr) return std::all_of(added + begin, added + end, hides);
      if (seen == nullptr || fill != kHidden) return range.first == range.last;
      return std::none_of(seen + begin, seen + end, std::identity());
    }
  };

  /// Rows that lie pages apart, as parts of one product do, are fetched by no hardware on its own.
  static void fetch(const Heads& heads, const float* rows, int64_t count) {
    constexpr int64_t kPage = 4096 / sizeof(float), kLine = 64 / sizeof(float);
    if (heads.row_stride < kPage / 2) return;
    for (int64_t i = 0; i < std::min<int64_t>(count, 256); ++i)  // more the caches would not hold
      for (int64_t at = 0; at < heads.head; at += kLine)
        __builtin_prefetch(rows + i * heads.row_stride + at);
  }

  /// `count` queries of one head from the query `first` on, or one of each head of a group. Keys
  /// that none of them sees are left out.
  void attend(const Geometry& g, const Operands& operands, const float* const* both, int64_t b,
              int64_t h, int64_t first, int64_t count, float* working) const {
    const RowFunctions& rows = row_functions();
    float* scores = working + kTileScratch;
    const int64_t kv = h / (g.q.heads / g.k.heads);
    const int64_t begin = seen(g, operands, b, first).first;
    const int64_t keys = std::max<int64_t>(0, seen(g, operands, b, first + count - 1).last - begin);
    const int64_t all = count * g.group;
    fetch(g.all[0], both[0] + g.all[0].at(b, kv, begin), keys);
    if (keys > 0)
      score(g, operands_of[kQ].as<float>(operands) + g.first_q + g.q.at(b, h, first), count,
            both[0] + g.all[0].at(b, kv, begin), keys, working);
    if (op.softcap != 0) {
      rows.tanh(all * keys, scores, scores);
      rows.affine(all * keys, op.softcap, 0, scores, scores);
    }

    const float* values = both[1] + g.all[1].at(b, kv, begin);
    fetch(g.all[1], values, keys);
    auto* y = result_of(operands).as<float>() + g.first_y + g.y.at(b, h, first);
    float sums[kQueries];
    for (int64_t i = 0; i < all; ++i) {
      const int64_t query = g.group > 1 ? first : first + i;
      const Mask mask(*this, g, operands, b, g.group > 1 ? h + i : h);
      const Range range = seen(g, operands, b, query);
      float* row = scores + i * keys;
      mask.apply(query, begin, begin + keys, row);
      std::fill(row, row + std::max<int64_t>(0, range.first - begin), kHidden);
      std::fill(row + std::clamp<int64_t>(range.last - begin, 0, keys), row + keys, kHidden);
      sums[i] = rows.exp_shifted(keys, rows.max(keys, row), row, row);
      // One share that is NaN makes all NaN.
      if (std::isnan(sums[i]) && (op.zero_nan || (op.zero_unseen && mask.hides_all(query, range))))
        std::fill_n(row, keys, sums[i] = 0.0F);
    }
    const int64_t apart = g.group > 1 ? g.y.head_stride : g.y.row_stride;
    if (keys == 0) return fill_unseen(g, operands, b, all, apart, y);
    if (g.group > 1) {
      rows.weighted_sums(all, keys, g.v.head, scores, keys, values, g.all[1].row_stride, y);
    } else if (count == 1) {
      rows.weighted_sum(keys, g.v.head, scores, values, g.all[1].row_stride, y);
    } else {
      Product product{.m = count, .n = g.v.head, .depth = keys};
      product.a = scores;
      product.a_row = keys;
      product.a_depth = 1;
      product.b = values;
      product.b_column = 1;
      product.b_depth = g.all[1].row_stride;
      product.starts = false;
      multiply(product, working, y, g.y.row_stride);
    }
    for (int64_t i = 0; i < all; ++i) {
      float* row = y + i * apart;
      if (sums[i] != 0) rows.affine(g.y.head, 1 / sums[i], 0, row, row);
    }
  }

  /// Products of queries and keys. Of a single query nothing is packed.
  void score(const Geometry& g, const float* queries, int64_t count, const float* k, int64_t keys,
             float* working) const {
    const float factor = op.softcap == 0 ? g.scale : g.scale / op.softcap;
    const int64_t stride = g.all[0].row_stride;
    for (int64_t at = 0; g.group > 1 && at < keys; at += kAtOnce)
      row_functions().dots_of(g.group, std::min(kAtOnce, keys - at), g.q.head, factor,
                              k + at * stride, stride, queries, working + kTileScratch + at, keys);
    if (g.group > 1) return;
    if (count == 1)
      return row_functions().dots(keys, g.q.head, factor, k, g.all[0].row_stride, queries,
                                  working + kTileScratch);
    Product product{.m = count, .n = keys, .depth = g.q.head};
    product.a = queries;
    product.a_row = g.q.row_stride;
    product.a_depth = 1;
    product.b = k;
    product.b_column = g.all[0].row_stride;
    product.b_depth = 1;
    product.alpha = factor;
    product.starts = false;
    multiply(product, working, working + kTileScratch, keys);
  }

  /// Queries that see no key: as an op without keys at all they give zeros, else what a softmax of
  /// -inf does.
  void fill_unseen(const Geometry& g, const Operands& operands, int64_t b, int64_t count,
                   int64_t apart, float* y) const {
    const Source& lengths = operands_of[kNonpad];
    const int64_t valid = lengths.present() ? lengths.as<int64_t>(operands)[b] : g.keys();
    const bool zero = op.zero_nan || op.zero_unseen || valid == 0;
    for (int64_t i = 0; i < count; ++i)
      std::fill_n(y + i * apart, g.y.head, zero ? 0.0F : std::nanf(""));
  }

  void multiply(const Product& product, float* working, float* to, int64_t stride) const {
    const Tiling tiling = tile_product(gemm_core(), product.m, product.n, 1 << 10, 1);
    for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
      run_tile(product, tiling, tile, working, to, stride);
  }
};

/// Which of the region's results it is; -1: none.
int output_of(const Value* value) { return value == nullptr ? -1 : value->first_output; }

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<AttentionShared>();
  const Problem& problem = *recipe.problem;
  const Node& node = *attention_of(problem);
  shared->op = *node.op.as<Attention>();
  shared->region = problem.region;
  for (size_t i = 0; i <= kNonpad; ++i) {
    const Value* operand = node.input(i);
    if (i > kV) {
      shared->operands_of.emplace_back(problem, operand);
      continue;
    }
    auto place = *place_of_operand(*operand);
    shared->operands_of.emplace_back(problem, place.of);
    (i == kQ ? shared->q : i == kK ? shared->k : shared->v) = Placed(*operand, std::move(place));
  }
  shared->y = Placed(*node.output(), *place_of_result(*node.output()));
  shared->result = output_of(behind_views(*node.output()));
  for (size_t i = 0; i < 2; ++i) shared->present[i] = output_of(node.output(1 + i));
  const TensorType* mask = attention_operand(node, kMask);
  shared->mask_chooses = mask != nullptr && mask->dtype == DType::boolean;
  shared->workers = problem.share.workers;
  return shared;
}

}  // namespace
}  // namespace attention_kernel

void register_attention(KernelRegistry& registry) {
  using namespace attention_kernel;
  registry.add({"cpu.attention", 3, attention_verdict, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
