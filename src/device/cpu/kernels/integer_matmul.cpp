// Products of matrices of 8-bit integers by generated kernels, exact: QLinearMatMul, QGemm and
// MatMulInteger, clipped, summed with another quantized tensor. Batches broadcast.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/batches.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/integer_chain.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/integer_weights.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {
namespace integer_matmul_kernel {
namespace {

constexpr int32_t kGroup = 4;                 // bytes
constexpr int64_t kRowGroups = 64 * 1024;     // of rows of x that a worker copies at a time
constexpr int64_t kPanelGroups = 128 * 1024;  // of a computed matrix that a worker packs
constexpr int64_t kMostComputedDepth = 4 * 1024;
constexpr int64_t kMostRows = 96;  // of a tile

/// Vectors of a panel.
int panel_vectors() { return isa() == Isa::avx512 ? 4 : 2; }
int64_t panel_columns() { return int64_t{panel_vectors()} * IntegerContraction::lanes(isa()); }

std::optional<IntegerChain> chain_of(const Problem& problem) {
  auto chain = integer_chain(problem);
  if (!chain) return std::nullopt;
  const Op& op = chain->anchor->op;
  const bool multiplies = op.as<QLinearMatMul>() != nullptr || op.as<QGemm>() != nullptr ||
                          op.as<MatMulInteger>() != nullptr;
  return multiplies ? chain : std::nullopt;
}

/// What is known of the second matrix.
struct Columns {
  IntegerForm form;
  bool transposed = false;
  int64_t count = 1, depth = 0;  // of a constant one; of a computed one: parameters are for all

  Columns(const Problem& problem, const IntegerChain& chain)
      : form(integer_form(problem, chain, IntegerForm::Kind::matrix, {kGroup, panel_columns()})) {
    form.panel_vectors = static_cast<int8_t>(panel_vectors());
    const auto* gemm = chain.anchor->op.as<QGemm>();
    transposed = gemm != nullptr && gemm->transB;
    const Weight* weight = weight_of(problem, chain);
    if (weight == nullptr || weight->shape().size() != 2) return;
    count = weight->shape()[transposed ? 0 : 1];
    depth = weight->shape()[transposed ? 1 : 0];
  }
  int64_t groups(int64_t depth) const { return ceil_div(depth, form.in_group()); }
  int64_t padded() const { return ceil_div(count, panel_columns()) * panel_columns(); }
};

/// A block is a panel of columns; what is missing is zero.
Tensor pack_columns(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *chain_of(problem);
  const Columns columns(problem, chain);
  const int64_t n = columns.count, depth = columns.depth;
  const std::vector<int16_t> values =
      centered_weight(weight, constant_of(problem, chain.operand(chain.places.w_zero)),
                      columns.transposed ? depth : 1, n);
  const int64_t along = columns.transposed ? 1 : n, across = columns.transposed ? depth : 1;
  std::vector<int32_t> sums(static_cast<size_t>(columns.padded()));
  for (int64_t i = 0; i < n * depth; ++i)
    sums[static_cast<size_t>(columns.transposed ? i / depth : i % n)] +=
        values[static_cast<size_t>(i)];
  const IntegerPacking packing{
      std::vector<int64_t>(static_cast<size_t>(columns.padded() / panel_columns()),
                           panel_columns()),
      columns.groups(depth), columns.form.in_group(), columns.form.in_pairs()};
  return IntegerWeights::packed(packing, sums, [&](int64_t column, std::span<int16_t> to) {
    for (int64_t d = 0; d < depth && column < n; ++d)
      to[static_cast<size_t>(d)] = values[static_cast<size_t>(column * across + d * along)];
  });
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("multiplies matrices of integers of 8 bits only");
  const auto* gemm = chain->anchor->op.as<QGemm>();
  if (gemm != nullptr && gemm->transA) return Verdict::no("the first matrix is transposed");
  const Value *left = chain->operand(chain->places.x),
              *right = chain->operand(chain->places.weight);
  const Dims &rows = left->type.tensor().shape(), &columns = right->type.tensor().shape();
  if (rows.size() < 2 || columns.size() < 2) return Verdict::no("an operand is a vector");
  const Columns known(problem, *chain);
  const Weight* weight = weight_of(problem, *chain);
  const int64_t depth = rows.back().constant().value_or(-1);
  if (weight == nullptr) {
    if (known.transposed) return Verdict::no("a computed matrix is transposed");
    if (depth < 0 || depth > kMostComputedDepth)
      return Verdict::no("the depth of a computed matrix is not known, or more than 4096");
  } else if (weight->shape().size() != 2 || weight->count() == 0) {
    return Verdict::no("a constant that is no matrix");
  }
  return verdict_on(problem, *chain, known.form, known.count,
                    weight == nullptr ? depth : known.depth);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const IntegerChain chain = *chain_of(*problem);
  const Columns columns(*problem, chain);
  const Weight* weight = weight_of(*problem, chain);
  const Dims& rows = chain.operand(chain.places.x)->type.tensor().shape();
  const double depth = typical(*problem, rows.back());
  // As of matmul in f32.
  made.seconds = 2 * typical_count(*problem, chain.anchor->output()->type) * depth /
                 (integer_speed(*problem, columns.form) * problem->target->flops_per_second);
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(kRowGroups + (weight == nullptr ? kPanelGroups : 0)));
  const int input = Source(*problem, chain.operand(chain.places.weight)).input();
  if (weight != nullptr && input >= 0) {
    const Weight* zero = constant_of(*problem, chain.operand(chain.places.w_zero));
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("matmul.integer/", packing_text(columns.form), columns.transposed ? "/t" : "",
             "/zero=", zero == nullptr ? Hash{} : zero->hash()),
         pack_columns});
  }
  made.problem = std::move(problem);
  return made;
}

struct IntegerMatMulShared final : Shared<IntegerMatMulShared> {
  IntegerMatMulShared(const Problem& problem, const IntegerChain& chain)
      : columns(problem, chain),
        left(problem, chain.operand(chain.places.x)),
        right(problem, chain.operand(chain.places.weight)),
        right_zero(problem, chain.operand(chain.places.w_zero)),
        added(problem, chain.added_value()),
        adds_row(chain.adds_row),
        follow(problem, chain, columns.count, columns.form.groups),
        right_is_signed(chain.operand(chain.places.weight)->type.tensor().dtype == DType::i8),
        workers(problem.share.workers),
        lanes(IntegerContraction::lanes(isa())),
        width(columns.form.result_bytes()) {
    kernels = IntegerContraction::of(isa(), columns.form, panel_vectors());
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
  }

  Columns columns;
  Source left, right, right_zero, added;
  bool adds_row;  // the same for each row of the result
  IntegerFollow follow;
  IntegerWeights packed;              // empty: the second matrix is computed
  std::vector<int32_t> more_offsets;  // of further groups of all panels
  bool right_is_signed;
  int workers, lanes, width;
  std::shared_ptr<const IntegerContraction> kernels;

  struct Geometry {
    int64_t m = 0, n = 0, depth = 0, groups = 0;
    std::vector<int64_t> a_offsets, b_offsets;
    int64_t panels = 0, panel_chunks = 1, row_chunks = 1;
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&a = left.shape(operands), &b = right.shape(operands);
    const std::vector<int64_t>& result = operands.outputs[0].shape;
    Geometry g;
    if (element_count(result) == 0) return g;
    const size_t rank = result.size();
    g.m = result[rank - 2];
    g.n = result[rank - 1];
    g.depth = a.back();
    g.groups = columns.groups(g.depth);
    if (b.size() == 2 && a.size() == rank) {  // a batch times one matrix is one tall matrix
      g.m = element_count(std::span(result).first(rank - 1));
      g.a_offsets = g.b_offsets = {0};
    } else {
      g.a_offsets = batch_offsets(a, result);
      g.b_offsets = batch_offsets(b, result);
    }
    g.panels = ceil_div(g.n, panel_columns());
    const auto batch = static_cast<int64_t>(g.a_offsets.size());
    const int64_t most_rows = std::clamp<int64_t>(kRowGroups / std::max<int64_t>(g.groups, 1),
                                                  IntegerContraction::kMostRows, kMostRows);
    const int64_t wanted = workers == 1 ? 1 : ceil_div(4 * int64_t{workers}, batch);
    if (packed.empty()) {
      const int64_t fitting =
          std::max<int64_t>(1, kPanelGroups / std::max<int64_t>(1, g.groups * panel_columns()));
      g.panel_chunks = std::min(g.panels, std::max(wanted, ceil_div(g.panels, fitting)));
      return g;
    }
    // Few rows: the columns are shared out, which are read once then; else the rows.
    g.row_chunks = ceil_div(g.m, most_rows);
    if (g.row_chunks < wanted) {
      const int64_t block = kernels->most_rows(panel_vectors());
      g.row_chunks = std::clamp(ceil_div(g.m, 4 * block), g.row_chunks, wanted);
      g.panel_chunks = std::min(g.panels, ceil_div(wanted, g.row_chunks));
    }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const auto batch = static_cast<int64_t>(g.a_offsets.size());
    const int64_t tiles = g.row_chunks * g.panel_chunks;
    const int64_t floats = kRowGroups + (packed.empty() ? kPanelGroups : 0);
    stream.parallel(batch * tiles, [&](int64_t i) {
      const int64_t index = i / tiles, rows = i % tiles / g.panel_chunks;
      const int64_t chunk = i % tiles % g.panel_chunks;
      Tile tile;
      tile.first_panel = chunk * g.panels / g.panel_chunks;
      tile.last_panel = (chunk + 1) * g.panels / g.panel_chunks;
      tile.a = left.as<uint8_t>(operands) + g.a_offsets[static_cast<size_t>(index)];
      tile.place = index * g.m * g.n;
      auto* groups = reinterpret_cast<uint32_t*>(scratch_of(scratch, floats));
      if (packed.empty())
        pack(g, right.as<uint8_t>(operands) + g.b_offsets[static_cast<size_t>(index)], operands,
             tile, groups + kRowGroups);
      const int64_t first = rows * g.m / g.row_chunks, last = (rows + 1) * g.m / g.row_chunks;
      const int64_t some = std::clamp<int64_t>(kRowGroups / std::max<int64_t>(g.groups, 1),
                                               IntegerContraction::kMostRows, kMostRows);
      for (int64_t row = first; row < last; row += some)
        run_rows(g, operands, tile, row, std::min(some, last - row), groups);
    });
  }

  /// Panels of columns of one product.
  struct Tile {
    const uint8_t* a = nullptr;
    const uint32_t* panels = nullptr;
    int64_t first_panel = 0, last_panel = 0, place = 0;
  };

  /// Of a matrix that is computed.
  void pack(const Geometry& g, const uint8_t* b, const Operands& operands, Tile& tile,
            uint32_t* to) const {
    tile.panels = to;
    GroupRows rows;
    rows.step = 1;
    rows.is_signed = right_is_signed;
    const std::byte* zero = right_zero.data(operands);
    rows.zero = !right_zero.present() ? 0
                : right_is_signed     ? int{*reinterpret_cast<const int8_t*>(zero)}
                                      : int{*reinterpret_cast<const uint8_t*>(zero)};
    for (int64_t panel = tile.first_panel; panel < tile.last_panel; ++panel) {
      const int64_t column = panel * panel_columns();
      rows.count = std::min(panel_columns(), g.n - column);
      for (int64_t group = 0; group < g.groups; ++group, to += panel_columns()) {
        // The last one is there twice where it has no neighbour: it is multiplied by zero.
        rows.from[0] = b + 2 * group * g.n + column;
        rows.from[1] = b + std::min(2 * group + 1, g.depth - 1) * g.n + column;
        group_functions().words(rows, to);
        std::fill(to + rows.count, to + panel_columns(), 0U);
      }
    }
  }

  /// Some rows of the first matrix times the panels of a tile.
  void run_rows(const Geometry& g, const Operands& operands, const Tile& tile, int64_t first,
                int64_t count, uint32_t* copied) const {
    const int32_t zero = follow.zero_of_x(operands);
    const bool bytes = columns.form.in_group() == 4;
    const bool as_it_lies = bytes && !follow.is_signed() && g.depth % 4 == 0;
    const uint8_t* a = tile.a + first * g.depth;
    if (!as_it_lies) {
      const GroupFunctions& functions = group_functions();
      for (int64_t i = 0; i < count; ++i)
        (bytes ? functions.row_bytes : functions.row_words)(
            {{a + i * g.depth}, g.depth, 1, follow.is_signed(), zero}, copied + i * g.groups);
    }
    const auto row_of = [&](int64_t i) {
      return as_it_lies ? static_cast<const void*>(a + i * g.depth) : copied + i * g.groups;
    };
    IntegerCall call;
    follow.prepare(call);
    call.groups = g.groups;
    call.c_stride = g.n * width;
    call.added_stride = adds_row ? 0 : g.n;
    int32_t bias[kMostColumns] = {};
    float scales[kMostColumns];
    for (int64_t panel = tile.first_panel; panel < tile.last_panel; ++panel) {
      const int64_t column = panel * panel_columns();
      const int64_t n = std::min(panel_columns(), g.n - column);
      call.bias = bias;
      call.scale = scales;
      if (packed.empty()) {
        call.b = tile.panels + (panel - tile.first_panel) * g.groups * panel_columns();
        std::fill_n(scales, panel_columns(), *follow.scales(0));
      } else {
        call.b = packed.block(panel);
        call.more_groups = packed.count_more(panel);
        call.more_offsets = more_offsets.data() + packed.first_more(panel);
        follow.biases(column, n, zero, packed.sums() + column, bias);
        call.scale = follow.scales(column);
      }
      const auto vectors = static_cast<int>(ceil_div(n, int64_t{lanes}));
      const int64_t blocks = ceil_div(count, int64_t{kernels->most_rows(vectors)});
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t row = block * count / blocks, rows = (block + 1) * count / blocks - row;
        const void* pointers[IntegerContraction::kMostRows];
        for (int64_t i = 0; i < rows; ++i) pointers[i] = row_of(row + i);
        call.a_rows = pointers;
        const int64_t place = tile.place + (first + row) * g.n + column;
        call.c = operands.outputs[0].data + place * width;
        if (added.present()) call.added = added.data(operands) + (adds_row ? column : place);
        kernels->run(call, static_cast<int>(rows), vectors, n);
      }
    }
  }
  static constexpr int64_t kMostColumns = 4 * 16;
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const IntegerChain chain = *chain_of(problem);
  auto shared = std::make_shared<IntegerMatMulShared>(problem, chain);
  const Weight* weight = weight_of(problem, chain);
  if (weight == nullptr) return shared;
  shared->packed =
      IntegerWeights(packed.empty() ? pack_columns(problem, recipe.tuning, weight->tensor())
                                    : std::move(packed.front()));
  for (const int32_t group : shared->packed.more()) shared->more_offsets.push_back(group * kGroup);
  return shared;
}

}  // namespace
}  // namespace integer_matmul_kernel

void register_integer_matmul(KernelRegistry& registry) {
  using namespace integer_matmul_kernel;
  registry.add({"cpu.matmul.integer", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
