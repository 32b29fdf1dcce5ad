// What mixtures of experts are made of: rows counted by expert, and multiplied by the matrix of
// theirs.

#include "import/pytorch/call.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::pytorch {
namespace {

constexpr int64_t kMostBins = 1 << 16;

/// 0, 1, 2 ... in a row.
Value* counted(Call& call, int64_t count, std::string_view hint) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
  return call.constant(Tensor::ints(numbers), hint);
}

/// How many elements lie in each of `bins` bins of one width between min and max; the last one has
/// its end, too. What lies outside does not count.
void import_histc(Call& call) {
  Value* x = call.tensor("self");
  const int64_t bins = call.integer("bins");
  const double least = call.real("min"), most = call.real("max");
  call.check(bins > 0 && bins < kMostBins, bins, " bins");
  if (!(least < most)) call.unsupported("bins over the range of the elements");
  const DType type = Call::dtype(x);
  if (!is_float(type)) x = call.cast(x, DType::f32);
  const DType real = Call::dtype(x);
  const auto number = [&](double value, std::string_view hint) {
    return call.number(real, value, hint);
  };
  x = call.reshaped(x, {Dim(-1), Dim(1)}, "column");
  Value* first = call.intermediate(GreaterOrEqual{}, {x, number(least, "min")}, "first");
  Value* last = call.intermediate(LessOrEqual{}, {x, number(most, "max")}, "last");
  Value* inside = call.intermediate(And{}, {first, last}, "inside");
  Value* ahead = call.intermediate(Sub{}, {x, number(least, "begin")}, "ahead");
  Value* scaled = call.intermediate(
      Mul{}, {ahead, number(static_cast<double>(bins) / (most - least), "per_unit")}, "scaled");
  Value* bin = call.intermediate(Floor{}, {scaled}, "floor");
  bin = call.intermediate(Min{}, {bin, number(static_cast<double>(bins - 1), "last_bin")}, "bin");
  Value* mine = call.intermediate(
      Equal{}, {call.cast(bin, DType::i64, "bin_number"), counted(call, bins, "bins")}, "mine");
  Value* marks = call.cast(call.intermediate(And{}, {mine, inside}, "counts"), type, "marks");
  call.emit(ReduceSum{.axes = Dims{0}, .keepdims = false}, {marks});
}

/// Rows [n, depth] times the matrix [experts, depth, columns] of their group; groups of rows stand
/// behind one another and end where `offs` says. Each expert multiplies all rows: of these a row
/// takes its own expert's.
void import_grouped(Call& call, std::string_view rows, std::string_view weights) {
  Value *x = call.tensor(rows), *w = call.tensor(weights);
  if (!call.has("offs") || Call::rank(x) != 2 || Call::rank(w) != 3)
    call.unsupported("groups of another axis than rows");
  const auto experts = Call::shape(w)[0].constant();
  if (!experts || *experts < 1 || *experts >= kMostBins)
    call.unsupported("a number of groups that is not known");
  if (call.takes("bias") && call.has("bias")) call.unsupported("a bias of groups");
  if (call.takes("out_dtype") && call.has("out_dtype")) call.unsupported("results of another type");
  Value* ends = call.cast(call.tensor("offs"), DType::i64, "ends");
  // The group of a row: how many groups end before it.
  Value* sizes = call.intermediate(Shape{.start = 0, .end = 1}, {x}, "rows");
  Value* ones =
      call.intermediate(Expand{}, {call.constant(Tensor::ints({1}), "one"), sizes}, "ones");
  Value* after = call.intermediate(CumSum{.axis = Dims{0}}, {ones}, "places_after");
  Value* places =
      call.intermediate(Sub{}, {after, call.constant(Tensor::ints({1}), "step")}, "places");
  places = call.reshaped(places, {Dim(1), Dim(-1)}, "row");
  Value* begins_behind = call.intermediate(
      LessOrEqual{}, {call.reshaped(ends, {Dim(-1), Dim(1)}, "column"), places}, "passed");
  Value* group =
      call.intermediate(ReduceSum{.axes = Dims{0}, .keepdims = true},
                        {call.cast(begins_behind, DType::i64, "ones_of_groups")}, "group");
  Value* numbers = call.reshaped(counted(call, *experts, "experts"), {Dim(-1), Dim(1)}, "numbers");
  Value* mine = call.intermediate(Equal{}, {group, numbers}, "mine");
  mine = call.intermediate(Unsqueeze{.axes = Dims{2}}, {mine}, "mine_each");
  Value* wide = call.intermediate(Unsqueeze{.axes = Dims{0}}, {x}, "all_rows");
  Value* product = call.intermediate(MatMul{}, {wide, w}, "products");
  Value* zero = call.number(Call::dtype(product), 0, "zero");
  Value* chosen = call.intermediate(Where{}, {mine, product, zero}, "chosen");
  call.emit(ReduceSum{.axes = Dims{0}, .keepdims = false}, {chosen});
}

void import_grouped_mm(Call& call) { import_grouped(call, "self", "mat2"); }
void import_grouped_fallback(Call& call) { import_grouped(call, "input", "weight"); }

}  // namespace

void register_experts(Importers& importers) {
  importers.add("histc(T self, i bins=100, s min=0, s max=0)", import_histc);
  importers.add("_grouped_mm(T self, T mat2, T? offs=None, T? bias=None, i? out_dtype=None)",
                import_grouped_mm);
  importers.add("transformers::grouped_mm_fallback(T input, T weight, T offs)",
                import_grouped_fallback);
}

}  // namespace hone::pytorch
