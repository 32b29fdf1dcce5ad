// Functions of two elements: of two tensors, of a tensor and a number that the node states.

#include "import/mxnet/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

constexpr auto kSizes = Importer::Like::sizes;
constexpr auto kRank = Importer::Like::rank;

template <class T>
void import_two(NodeReader& node) {
  node.emit(T{}, {node.required(0), node.required(1)});
}

/// 1 where it holds, else 0, of the operands' type.
Value* emit_truth(NodeReader& node, Value* truth) {
  return node.emit(Cast{.to = node.dtype_in(0).value_or(DType::f32)}, {truth});
}

template <class T>
void import_comparison(NodeReader& node) {
  emit_truth(node, node.intermediate(T{}, {node.required(0), node.required(1)}, "truth"));
}
void import_not_equal(NodeReader& node) {
  Value* equal = node.intermediate(Equal{}, {node.required(0), node.required(1)}, "equal");
  emit_truth(node, node.intermediate(Not{}, {equal}, "truth"));
}

Value* is_set(NodeReader& node, int i) {
  Value* zero = node.scalar(0, cat("zero", i), i);
  Value* equal = node.intermediate(Equal{}, {node.required(i), zero}, cat("is_zero", i));
  return node.intermediate(Not{}, {equal}, cat("is_set", i));
}
template <class T>
void import_logical(NodeReader& node) {
  emit_truth(node, node.intermediate(T{}, {is_set(node, 0), is_set(node, 1)}, "truth"));
}

Value* stated_scalar(NodeReader& node) {
  node.ignore({"is_int"});
  node.check(node.has("scalar"), "scalar is missing");
  return node.scalar(node.real("scalar", 0), "scalar");
}

template <class T>
void import_scalar(NodeReader& node) {
  node.emit(T{}, {node.required(0), stated_scalar(node)});
}
template <class T>
void import_scalar_first(NodeReader& node) {
  node.emit(T{}, {stated_scalar(node), node.required(0)});
}
template <class T>
void import_scalar_comparison(NodeReader& node) {
  emit_truth(node, node.intermediate(T{}, {node.required(0), stated_scalar(node)}, "truth"));
}
void import_not_equal_scalar(NodeReader& node) {
  Value* equal = node.intermediate(Equal{}, {node.required(0), stated_scalar(node)}, "equal");
  emit_truth(node, node.intermediate(Not{}, {equal}, "truth"));
}

void import_sum(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  node.emit(Sum{}, node.all_inputs());
}

void import_where(NodeReader& node) {
  Value* condition = is_set(node, 0);
  const int rank = node.rank_of(1);
  if (node.rank_of(0) == 1 && rank > 1) {  // of a number for each slice
    Dims shape(static_cast<size_t>(rank), 1);
    shape[0] = node.dims(0)[0];
    condition = node.reshaped(condition, shape, "of_slices");
  }
  node.emit(Where{}, {condition, node.required(1), node.required(2)});
}

}  // namespace

void register_elementwise(Importers& importers) {
  importers.add({"elemwise_add", "_plus", "_Plus", "_add", "_grad_add"},
                {.run = import_two<Add>, .like = kSizes});
  importers.add({"elemwise_sub", "_minus", "_Minus", "_sub"},
                {.run = import_two<Sub>, .like = kSizes});
  importers.add({"elemwise_mul", "_mul", "_Mul"}, {.run = import_two<Mul>, .like = kSizes});
  importers.add({"elemwise_div", "_div", "_Div"}, {.run = import_two<Div>, .like = kSizes});
  importers.add({"broadcast_add", "broadcast_plus"}, {.run = import_two<Add>, .like = kRank});
  importers.add({"broadcast_sub", "broadcast_minus"}, {.run = import_two<Sub>, .like = kRank});
  importers.add("broadcast_mul", {.run = import_two<Mul>, .like = kRank});
  importers.add("broadcast_div", {.run = import_two<Div>, .like = kRank});
  importers.add({"broadcast_maximum", "_maximum", "_Maximum"},
                {.run = import_two<Max>, .like = kRank});
  importers.add({"broadcast_minimum", "_minimum", "_Minimum"},
                {.run = import_two<Min>, .like = kRank});
  importers.add({"broadcast_power", "_power", "_Power"}, {.run = import_two<Pow>, .like = kRank});
  importers.add({"broadcast_mod", "_mod"}, {.run = import_two<Mod>, .like = kRank});
  importers.add({"broadcast_equal", "_equal"}, {.run = import_comparison<Equal>, .like = kRank});
  importers.add({"broadcast_not_equal", "_not_equal"}, {.run = import_not_equal, .like = kRank});
  importers.add({"broadcast_greater", "_greater"},
                {.run = import_comparison<Greater>, .like = kRank});
  importers.add({"broadcast_greater_equal", "_greater_equal"},
                {.run = import_comparison<GreaterOrEqual>, .like = kRank});
  importers.add({"broadcast_lesser", "_lesser"}, {.run = import_comparison<Less>, .like = kRank});
  importers.add({"broadcast_lesser_equal", "_lesser_equal"},
                {.run = import_comparison<LessOrEqual>, .like = kRank});
  importers.add("broadcast_logical_and", {.run = import_logical<And>, .like = kRank});
  importers.add("broadcast_logical_or", {.run = import_logical<Or>, .like = kRank});
  importers.add("broadcast_logical_xor", {.run = import_logical<Xor>, .like = kRank});
  importers.add({"_plus_scalar", "_PlusScalar"}, {.run = import_scalar<Add>, .like = kSizes});
  importers.add({"_minus_scalar", "_MinusScalar"}, {.run = import_scalar<Sub>, .like = kSizes});
  importers.add({"_rminus_scalar", "_RMinusScalar"},
                {.run = import_scalar_first<Sub>, .like = kSizes});
  importers.add({"_mul_scalar", "_MulScalar"}, {.run = import_scalar<Mul>, .like = kSizes});
  importers.add({"_div_scalar", "_DivScalar"}, {.run = import_scalar<Div>, .like = kSizes});
  importers.add({"_rdiv_scalar", "_RDivScalar"}, {.run = import_scalar_first<Div>, .like = kSizes});
  importers.add({"_power_scalar", "_PowerScalar"}, {.run = import_scalar<Pow>, .like = kSizes});
  importers.add({"_rpower_scalar", "_RPowerScalar"},
                {.run = import_scalar_first<Pow>, .like = kSizes});
  importers.add({"_maximum_scalar", "_MaximumScalar"}, {.run = import_scalar<Max>, .like = kSizes});
  importers.add({"_minimum_scalar", "_MinimumScalar"}, {.run = import_scalar<Min>, .like = kSizes});
  importers.add("_mod_scalar", {.run = import_scalar<Mod>, .like = kSizes});
  importers.add("_equal_scalar", {.run = import_scalar_comparison<Equal>, .like = kSizes});
  importers.add("_not_equal_scalar", {.run = import_not_equal_scalar, .like = kSizes});
  importers.add("_greater_scalar", {.run = import_scalar_comparison<Greater>, .like = kSizes});
  importers.add("_greater_equal_scalar",
                {.run = import_scalar_comparison<GreaterOrEqual>, .like = kSizes});
  importers.add("_lesser_scalar", {.run = import_scalar_comparison<Less>, .like = kSizes});
  importers.add("_lesser_equal_scalar",
                {.run = import_scalar_comparison<LessOrEqual>, .like = kSizes});
  importers.add({"add_n", "ElementWiseSum", "_sum"}, {.run = import_sum, .like = kSizes});
  importers.add("where", {.run = import_where});
}

}  // namespace hone::mxnet
