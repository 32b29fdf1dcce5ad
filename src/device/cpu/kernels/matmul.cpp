// Matrix products, batched with broadcast batches: MatMul, and Gemm with alpha, beta and its third
// operand.

#include "ops/matmul.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/size.hpp"
#include "device/cpu/batches.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/pieces.hpp"
#include "device/cpu/placed_rows.hpp"

namespace hone::cpu {
namespace matmul_kernel {
namespace {

/// A product, what is added to it and what follows.
std::optional<Chain> chain_of(const Problem& problem) {
  const auto multiplies = [](const Op& op) {
    return op.as<MatMul>() != nullptr || op.as<Gemm>() != nullptr;
  };
  auto chain = chain_behind(problem, multiplies, true);
  // The third operand of Gemm takes the place of a bias.
  if (chain && chain->bias != nullptr && chain->anchor->input(2) != nullptr)
    chain = chain_behind(problem, multiplies);
  return chain;
}

/// Ops in front of it that move rows of its first operand, which it reads where they were. nullopt:
/// others, or rows are not moved as wholes.
std::optional<Sources> gathered_by(const Problem& problem, const Node& anchor) {
  const Value& rows = *anchor.inputs[0];
  const auto sources = sources_of(rows);
  if (!sources || sources->values.size() != 1 || !sources->values[0]->is_input()) return {};
  const auto* gemm = anchor.op.as<Gemm>();
  if ((gemm != nullptr && gemm->transA) || anchor.inputs[1]->type.tensor().rank() != 2 ||
      gemm_core().isa == Isa::generic || problem.region.body->outputs().size() != 1 ||
      std::any_of(anchor.inputs.begin() + 1, anchor.inputs.end(), [](const Value* other) {
        return other != nullptr && other->producer != nullptr;
      }))
    return {};
  const auto depth = rows.type.tensor().shape().back().constant();
  const auto size = depth ? piece_size_of(rows, problem.sizes) : std::nullopt;
  return size && *depth > 0 && *size % *depth == 0 ? sources : std::nullopt;
}

/// Views behind it by which its rows land elsewhere than they were made; nullopt: none, or what
/// follows the sums needs them where they are.
std::optional<Landing> landing_at(const Problem& problem, const Chain& chain) {
  const auto* gemm = chain.anchor->op.as<Gemm>();
  if (chain.added != nullptr || (gemm != nullptr && chain.anchor->input(2) != nullptr))
    return std::nullopt;
  auto landing = landing_of(problem, chain);
  if (!landing || !landing->place) return landing;
  const size_t rank = chain.result->type.tensor().rank();
  if (!PlacedRows::form_of(*chain.result, *landing->place, rank - 1)) return std::nullopt;
  return landing;
}

Tensor pack_columns(const Problem& problem, const Tuning&, const Tensor& weight) {
  const auto* gemm = chain_of(problem)->anchor->op.as<Gemm>();
  const bool transposed = gemm != nullptr && gemm->transB;
  const int64_t depth = weight.dim(transposed ? 1 : 0), n = weight.dim(transposed ? 0 : 1);
  const Tensor floats = aligned(weight);
  const GemmCore& core = gemm_core();
  Tensor packed(DType::f32, {packed_floats(n, depth, core.columns)});
  pack_panels(reinterpret_cast<const float*>(floats.bytes().data()), n, depth,
              transposed ? depth : 1, transposed ? 1 : n, core.columns,
              reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("multiplies matrices of f32 only");
  const auto gathered = gathered_by(problem, *chain->anchor);
  for (size_t i = 0; i < 2; ++i) {
    const Value* operand = chain->anchor->inputs[i];
    if (operand->producer != nullptr && (i > 0 || !gathered))
      return Verdict::no("what comes before it does not move whole rows");
    if (operand->is_constant())
      return Verdict::no("an operand is a literal of at most 16 elements");
    if (operand->type.tensor().rank() < 2) return Verdict::no("an operand is a vector");
  }
  return verdict_on(problem, *chain, landing_at(problem, *chain), gathered ? gathered->nodes : 0);
}

/// Floats of a worker: what a tile needs, and the tile itself where it lands elsewhere.
int64_t room_of(bool lands) { return kTileScratch + (lands ? kTileRows * kTileColumns : 0); }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Chain chain = *chain_of(*problem);
  const Node& node = *chain.anchor;
  const bool lands = landing_at(*problem, chain).has_value();
  const auto* gemm = node.op.as<Gemm>();
  const Dims& a = node.inputs[0]->type.tensor().shape();
  const Dim& depth = gemm != nullptr && gemm->transA ? a[a.size() - 2] : a.back();
  made.seconds = 2 * typical_count(*problem, node.outputs[0]->type) * typical(*problem, depth) /
                 problem->target->flops_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(room_of(lands)));
  if (lands)
    made.seconds +=
        typical_count(*problem, node.outputs[0]->type) / problem->target->cached_per_second;
  const Weight* weight = constant_of(*problem, node.inputs[1]);
  if (weight != nullptr && weight->shape().size() == 2) {
    const bool transposed = gemm != nullptr && gemm->transB;
    const int64_t first = weight->shape()[0], second = weight->shape()[1];
    const int64_t floats = packed_floats(transposed ? first : second, transposed ? second : first,
                                         gemm_core().columns);
    made.packings.push_back({static_cast<size_t>(Source(*problem, node.inputs[1]).input()),
                             cat(transposed ? "gemm.bt/" : "gemm.b/", name(gemm_core().isa)),
                             pack_columns, floats * static_cast<int64_t>(sizeof(float))});
  }
  made.problem = std::move(problem);
  return made;
}

struct MatMulShared final : Shared<MatMulShared> {
  static constexpr bool kLaunches = true;
  Gemm gemm;  // of MatMul: no transposes, alpha 1
  std::vector<Source> operands_of;
  Source bias, added;
  std::vector<Applied> applied;
  float low, high;
  Tensor packed_b;
  int workers;
  ProductKernels plain;
  std::optional<ProductKernels> biased;  // where there is a third operand
  Region region;
  const Value* gathers = nullptr;        // the first operand, where ops that move rows make it
  const Value* lands = nullptr;          // what views behind it make: rows land elsewhere
  std::optional<PlacedRows::Form> form;  // where strides lead there
  Dims result_shape;                     // of the product, then
  Source landed;                         // what is added there

  MatMulShared(const Problem& problem, const Chain& chain)
      : bias(problem, chain.bias),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.low),
        high(chain.high),
        workers(problem.share.workers),
        plain(chain.form),
        region(problem.region),
        landed(problem, static_cast<const Value*>(nullptr)) {
    const Node& node = *chain.anchor;
    if (auto landing = landing_at(problem, chain)) {
      const size_t rank = chain.result->type.tensor().rank();
      if (landing->place)
        form = PlacedRows::form_of(*chain.result, *std::move(landing->place), rank - 1);
      lands = landing->last;
      landed = Source(problem, landing->added);
      result_shape = chain.result->type.tensor().shape();
    }
    if (const Gemm* op = node.op.as<Gemm>()) gemm = *op;
    const auto gathered = gathered_by(problem, node);
    if (gathered) gathers = node.inputs[0];
    operands_of.emplace_back(problem, gathered ? gathered->values[0] : node.inputs[0]);
    for (size_t i = 1; i < 3; ++i) operands_of.emplace_back(problem, node.input(i));
    if (!operands_of[2].present()) return;
    ContractionForm form = chain.form;
    form.bias = ContractionForm::Bias::column;
    biased.emplace(form);
  }

  /// Moves that tear rows apart at these sizes: to or from dense rows, one op after the other.
  struct Torn {
    std::optional<StepwiseMoves> moves;
    std::unique_ptr<float[]> rows;
    void make(const Value& value, const Bindings& symbols, int64_t floats) {
      moves.emplace(value, symbols, int64_t{sizeof(float)});
      rows.reset(new float[static_cast<size_t>(floats)]);
    }
  };

  struct Geometry {
    Product product;              // without addresses
    bool lands = false;           // tile by tile
    PlacedRows rows;              // there
    std::vector<int64_t> places;  // of rows of the first operand
    Torn before, behind;
    bool one_bias = false;  // the third operand is one row
    std::vector<int64_t> a_offsets, b_offsets;
    Tiling tiling;
    // Products of one tile with the same second operand, side by side in `order`: it is packed once
    // for those of [starts[i], starts[i + 1]). Empty: each packs its own.
    std::vector<size_t> order, starts;
  };

  Geometry geometry(const Operands& operands) const {
    std::vector<int64_t> left = operands_of[0].shape(operands);
    const std::vector<int64_t>& right = operands_of[1].shape(operands);
    std::vector<int64_t> result = operands.outputs[0].shape;
    Geometry g;
    if (element_count(result) == 0) return g;
    Bindings symbols;
    if (lands != nullptr || gathers != nullptr) symbols = symbols_of(*region.body, operands);
    if (lands != nullptr) {
      result = evaluated(result_shape, symbols);
      if (form) g.rows = PlacedRows(*form, symbols);
      g.lands = form || find_landing(g, symbols, result);
      if (!g.lands) g.behind.make(*lands, symbols, element_count(result));
    }
    if (gathers != nullptr) {
      left = evaluated(gathers->type.tensor().shape(), symbols);
      if (!find_rows(g, symbols, left.back()))
        g.before.make(*gathers, symbols, element_count(left));
    }
    Product& product = g.product;
    const size_t rank = result.size();
    product.m = result[rank - 2];
    product.n = result[rank - 1];
    const int64_t a_columns = left.back(), b_columns = right.back();
    product.depth = gemm.transA ? left[left.size() - 2] : a_columns;
    product.a_row = gemm.transA ? 1 : a_columns;
    product.a_depth = gemm.transA ? a_columns : 1;
    product.b_column = gemm.transB ? b_columns : 1;
    product.b_depth = gemm.transB ? 1 : b_columns;
    product.alpha = gemm.alpha;
    if (biased.has_value() && gemm.beta == 1) {
      const std::vector<int64_t>& bias = operands_of[2].shape(operands);
      g.one_bias = element_count(bias) == product.n && !bias.empty() && bias.back() == product.n;
    }
    product.starts = operands_of[2].present() && !g.one_bias;
    g.a_offsets = batch_offsets(left, result);
    g.b_offsets = batch_offsets(right, result);
    // A batch of matrices times one matrix is one tall matrix times it.
    if (!gemm.transA && right.size() == 2 && left.size() == rank) {
      product.m = element_count(std::span(result).first(rank - 1));
      g.a_offsets = g.b_offsets = {0};
      even_places(g);
    }
    const auto batch = static_cast<int64_t>(g.a_offsets.size());
    g.tiling = tile_product(gemm_core(), product.m, product.n, batch, workers);
    if (product.m == 1 && product.b_column == 1 && packed_b.empty() && lands == nullptr &&
        g.places.empty())
      g.tiling = tile_row(product.n, batch, workers);
    if (packed_b.empty() && g.tiling.tiles() == 1 && !product.starts) share_columns(g);
    return g;
  }

  /// Where rows of the first operand are; false: they are not moved as wholes at these sizes.
  bool find_rows(Geometry& g, const Bindings& symbols, int64_t depth) const {
    const auto pieces = pieces_of(*gathers, symbols);
    if (!pieces || pieces->size % depth != 0) return false;
    for (const Pieces::Place& piece : pieces->places)
      for (int64_t at = 0; at < pieces->size; at += depth) g.places.push_back(piece.at + at);
    return true;
  }

  /// Rows of the first operand that lie evenly are told by a stride, as those that nothing moved.
  static void even_places(Geometry& g) {
    const std::vector<int64_t>& places = g.places;
    if (places.empty() || std::ssize(places) != g.product.m) return;
    const int64_t step = places.size() > 1 ? places[1] - places[0] : g.product.depth;
    if (step < g.product.depth) return;
    for (size_t i = 2; i < places.size(); ++i)
      if (places[i] - places[i - 1] != step) return;
    g.a_offsets = {places[0]};
    g.product.a_row = step;
    g.places.clear();
  }

  /// Where rows of the result go; false: likewise, or not each of them somewhere.
  bool find_landing(Geometry& g, const Bindings& symbols,
                    const std::vector<int64_t>& result) const {
    const auto pieces = pieces_of(*lands, symbols);
    const int64_t columns = result.back();
    if (!pieces || pieces->size % columns != 0) return false;
    std::vector<int64_t> places(static_cast<size_t>(element_count(result) / columns), -1);
    int64_t to = 0;
    for (const Pieces::Place& piece : pieces->places)
      for (int64_t at = 0; at < pieces->size; at += columns, to += columns)
        places[static_cast<size_t>((piece.at + at) / columns)] = to;
    if (to != element_count(result) || std::ranges::find(places, -1) != places.end()) return false;
    g.rows = PlacedRows(std::move(places), columns);
    return true;
  }

  void share_columns(Geometry& g) const {
    const size_t batch = g.b_offsets.size();
    const Product& product = g.product;
    if (packed_floats(product.n, product.depth, gemm_core().columns) > kTileColumns * kDepthBlock)
      return;
    g.order.resize(batch);
    std::iota(g.order.begin(), g.order.end(), size_t{0});
    std::stable_sort(g.order.begin(), g.order.end(),
                     [&](size_t a, size_t b) { return g.b_offsets[a] < g.b_offsets[b]; });
    // At most so many each, so that there is work for all.
    const size_t most = std::max<size_t>(1, batch / static_cast<size_t>(4 * workers));
    for (size_t i = 0; i < batch; ++i) {
      const bool same = i > 0 && g.b_offsets[g.order[i]] == g.b_offsets[g.order[i - 1]];
      if (!same || i - g.starts.back() == most) g.starts.push_back(i);
    }
    if (2 * g.starts.size() > batch) g.order.clear(), g.starts.clear();
    else g.starts.push_back(batch);
  }

  /// The third operand, broadcast over the result: what products are added to.
  void start(const Operands& operands, int64_t m, int64_t n, float* to) const {
    const std::vector<int64_t>& shape = operands_of[2].shape(operands);
    const int64_t columns = shape.empty() ? 1 : shape.back();
    const int64_t rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
    const auto* from = operands_of[2].as<float>(operands);
    for (int64_t i = 0; i < m; ++i) {
      const float* row = from + (rows == 1 ? 0 : i * columns);
      for (int64_t j = 0; j < n; ++j) to[i * n + j] = gemm.beta * row[columns == 1 ? 0 : j];
    }
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const Tiling& tiling = g.tiling;
    if (g.before.moves)
      g.before.moves->run([&](size_t) { return operands_of[0].data(operands); },
                          reinterpret_cast<std::byte*>(g.before.rows.get()), stream);
    const auto batch = static_cast<int64_t>(g.a_offsets.size());
    const float* packed =
        packed_b.empty() ? nullptr : reinterpret_cast<const float*>(packed_b.bytes().data());
    const int64_t matrix = g.product.m * g.product.n;
    const auto *left = left_of(g, operands), *right = operands_of[1].as<float>(operands);
    auto* result = result_of(g, operands);
    if (g.product.starts)
      stream.launch(batch, [=, this, &g, &operands](int64_t i) {
        start(operands, g.product.m, g.product.n, result + i * matrix);
      });
    const auto one = [=, this, &g, &operands, &tiling](size_t index, int64_t tile,
                                                       const float* columns) {
      const ProductKernels& kernels = g.one_bias ? *biased : plain;
      Product mine = g.product;
      mine.a = left + g.a_offsets[index];
      if (!g.places.empty()) mine.a_places = g.places.data();
      mine.packed_b = columns;
      if (columns == nullptr) mine.b = right + g.b_offsets[index];
      mine.bias = (g.one_bias ? operands_of[2] : bias).as<float>(operands);
      mine.added = added.as<float>(operands);
      const auto place = static_cast<int64_t>(index) * matrix;
      if (mine.added != nullptr) mine.added += place;
      mine.low = low;
      mine.high = high;
      if (g.lands) return land(g, operands, mine, kernels, index, tile, scratch);
      kernels.run(mine, tiling, tile, room_in(scratch), result + place, mine.n);
      if (!applied.empty()) apply_to(mine, tiling, tile, result + place);
    };
    if (!g.starts.empty()) {
      stream.launch(std::ssize(g.starts) - 1, [=, this, &g](int64_t item) {
        const size_t first = g.starts[static_cast<size_t>(item)];
        const size_t last = g.starts[static_cast<size_t>(item) + 1];
        // Where a tile would pack its own.
        float* columns = room_in(scratch) + kTileRows * kDepthBlock;
        pack_panels(right + g.b_offsets[g.order[first]], g.product.n, g.product.depth,
                    g.product.b_column, g.product.b_depth, gemm_core().columns, columns);
        for (size_t i = first; i < last; ++i) one(g.order[i], 0, columns);
      });
    } else {
      stream.launch(
          batch * tiling.tiles(),
          [=, &tiling](int64_t tile) {
            one(static_cast<size_t>(tile / tiling.tiles()), tile % tiling.tiles(), packed);
          },
          [&](int64_t tile) { return touched(g, operands, tile); });
    }
    if (g.behind.moves) bring(g, operands, stream);
  }

  const float* left_of(const Geometry& g, const Operands& operands) const {
    return g.before.moves ? g.before.rows.get() : operands_of[0].as<float>(operands);
  }
  static float* result_of(const Geometry& g, const Operands& operands) {
    return g.behind.moves ? g.behind.rows.get() : operands.outputs[0].as<float>();
  }

  /// Dense rows of the result where views behind the product bring them, and what is added there.
  void bring(const Geometry& g, const Operands& operands, Stream& stream) const {
    auto* result = operands.outputs[0].as<float>();
    const auto* rows = reinterpret_cast<const std::byte*>(g.behind.rows.get());
    g.behind.moves->run([&](size_t) { return rows; }, reinterpret_cast<std::byte*>(result), stream);
    const auto* also = landed.as<float>(operands);
    if (also == nullptr) return;
    launch_ranges(stream, element_count(operands.outputs[0].shape), kTileRows * kTileColumns,
                  [=](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) result[i] += also[i];
                  });
  }

  float* room_in(std::span<std::byte> scratch) const {
    return scratch_of(scratch, room_of(lands != nullptr));
  }

  /// A tile in working memory, then where views behind the product bring it.
  void land(const Geometry& g, const Operands& operands, const Product& product,
            const ProductKernels& kernels, size_t index, int64_t tile,
            std::span<std::byte> scratch) const {
    const Tiling& tiling = g.tiling;
    const int64_t row = tile / tiling.column_tiles * tiling.rows;
    const int64_t column = tile % tiling.column_tiles * tiling.columns;
    const int64_t rows = std::min(product.m - row, tiling.rows);
    const int64_t columns = std::min(product.n - column, tiling.columns);
    float* room = room_in(scratch);
    float* made = room + kTileScratch;
    kernels.run_apart(product, tiling, tile, room, made, columns);
    for (int64_t i = 0; !applied.empty() && i < rows; ++i)
      apply(applied, columns, made + i * columns);
    g.rows.scatter(made, columns, static_cast<int64_t>(index) * product.m + row, rows, column,
                   columns, landed.as<float>(operands), operands.outputs[0].as<float>());
  }

  /// What a tile of the products reads and writes.
  Touched touched(const Geometry& g, const Operands& operands, int64_t tile) const {
    const Tiling& tiling = g.tiling;
    const Product& product = g.product;
    const int64_t index = tile / tiling.tiles(), at = tile % tiling.tiles();
    const int64_t row = at / tiling.column_tiles * tiling.rows;
    const int64_t rows = std::min(tiling.rows, product.m - row);
    const int64_t column = at % tiling.column_tiles * tiling.columns;
    const int64_t end = std::min(product.n, column + tiling.columns);
    const auto box = [&](const float* matrix) {
      return Box::of(matrix + index * product.m * product.n + row * product.n, column, end, rows,
                     product.n);
    };
    const auto whole = [&](const Source& source) {
      return Box::of(source.as<float>(operands), 0, element_count(source.shape(operands)));
    };
    const float* a = left_of(g, operands) + g.a_offsets[static_cast<size_t>(index)];
    const auto at_landing = [&](const float* tensor) {
      return g.rows.box(tensor, index * product.m + row, rows, column, end - column);
    };
    auto* result = result_of(g, operands);
    Touched all{{}, {g.lands ? at_landing(result) : box(result)}};
    if (g.lands && landed.present()) all.reads.push_back(at_landing(landed.as<float>(operands)));
    if (product.a_depth == 1 && g.places.empty())
      all.reads.push_back(
          Box::of(a, row * product.a_row, (row + rows - 1) * product.a_row + product.depth));
    else all.reads.push_back(whole(operands_of[0]));
    if (packed_b.empty()) all.reads.push_back(whole(operands_of[1]));
    for (const Source* each : {&operands_of[2], &bias})
      if (each->present()) all.reads.push_back(whole(*each));
    if (added.present()) all.reads.push_back(box(added.as<float>(operands)));
    return all;
  }

  /// What follows the sums, in one tile.
  void apply_to(const Product& product, const Tiling& tiling, int64_t tile, float* c) const {
    const int64_t row = tile / tiling.column_tiles * tiling.rows;
    const int64_t column = tile % tiling.column_tiles * tiling.columns;
    for (int64_t i = row; i < std::min(product.m, row + tiling.rows); ++i)
      apply(applied, std::min(tiling.columns, product.n - column), c + i * product.n + column);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<MatMulShared>(problem, *chain_of(problem));
  if (!packed.empty()) shared->packed_b = std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace matmul_kernel

void register_matmul(KernelRegistry& registry) {
  using namespace matmul_kernel;
  registry.add({"cpu.matmul", 2, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
