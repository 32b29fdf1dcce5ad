// Operators that make tensors of sizes and bounds, or find places.

#include "ops/generate.hpp"

#include "import/tensorflow/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/einsum.hpp"
#include "ops/layout.hpp"
#include "ops/reduction.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/unique.hpp"

namespace hone::tensorflow {
namespace {

void import_shape(NodeReader& node) {
  node.emit_as(node.dtype("out_type", DType::i32), Shape{}, {node.required(0)});
}
void import_shapes(NodeReader& node) {
  const DType to = node.dtype("out_type", DType::i32);
  for (int i = 0; i < node.outputs(); ++i) {
    Value* sizes = node.intermediate(Shape{}, {node.required(i)}, cat("sizes", i));
    node.give(i, node.cast(sizes, to, cat("shape", i)));
  }
}
void import_size(NodeReader& node) {
  node.emit_as(node.dtype("out_type", DType::i32), Size{}, {node.required(0)});
}
void import_rank(NodeReader& node) {
  node.give(0, node.constant(Tensor::scalar(DType::i32, node.rank_of(0)), ""));
}

/// One number, input 1, over the sizes in input 0.
void import_fill(NodeReader& node) {
  if (const auto sizes = node.known(0))
    return void(node.emit(Expand{.shape = *sizes}, {node.required(1)}));
  node.emit(Expand{}, {node.required(1), node.as_i64(0)});
}

void fill_like(NodeReader& node, double value) {
  const DType type = node.type_of(0);
  if (type == DType::string || is_complex(type)) node.unsupported("of ", type);
  Tensor one(type, {1});
  one.set_number(0, value);
  Value* sizes = node.intermediate(Shape{}, {node.required(0)}, "sizes");
  node.emit(ConstantOfShape{.value = std::move(one)}, {sizes});
}
void import_zeros_like(NodeReader& node) { fill_like(node, 0); }
void import_ones_like(NodeReader& node) { fill_like(node, 1); }

void import_range(NodeReader& node) {
  node.emit(Range{}, {node.required(0), node.required(1), node.required(2)});
}

/// As many numbers, the first and the last given.
void import_lin_space(NodeReader& node) {
  const int64_t count = node.one_int(2);
  node.check(count > 0 && count < (1 << 24), count, " numbers");
  std::vector<int64_t> places(static_cast<size_t>(count));
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int64_t>(i);
  Value* start = node.required(0);
  Value* apart = node.intermediate(Sub{}, {node.required(1), start}, "apart");
  Value* last = node.scalar(static_cast<double>(std::max<int64_t>(count - 1, 1)), "last");
  Value* step = node.intermediate(Div{}, {apart, last}, "step");
  Value* list = node.constant(Tensor::ints(places), "places");
  Value* ahead =
      node.intermediate(Mul{}, {step, node.cast(list, node.type_of(0), "numbers")}, "ahead");
  node.emit(Add{}, {ahead, start});
}

/// Inputs: indices, depth, what marks and what does not. A negative index marks nothing.
void import_one_hot(NodeReader& node) {
  Value* indices = node.required(0);
  if (is_signed(node.type_of(0))) {
    Value* below = node.intermediate(Less{}, {indices, node.scalar(0, "zero")}, "below");
    Value* depth = node.cast(node.required(1), node.type_of(0), "depth");
    indices = node.intermediate(Where{}, {below, depth, indices}, "indices");
  }
  Value* on = node.reshaped(node.required(2), Dims{Dim(1)}, "on");
  Value* off = node.reshaped(node.required(3), Dims{Dim(1)}, "off");
  Value* values = node.intermediate(Concat{.axis = 0}, {off, on}, "off_and_on");
  node.emit(OneHot{.axis = node.integer("axis", -1)}, {indices, node.required(1), values});
}

/// Coordinates of what is not zero, a row each.
void import_where(NodeReader& node) {
  Value* found = node.intermediate(NonZero{}, {node.required(0)}, "found");
  node.emit(Transpose{.perm = {1, 0}}, {found});
}

/// Distinct elements as they first occur, and of every element its place among them.
void import_unique(NodeReader& node) {
  const auto made = node.intermediates(Unique{.sorted = false}, {node.required(0)}, 4, "unique");
  const DType to = node.dtype("out_idx", DType::i32);
  if (node.wants(0)) node.give(0, made[0]);
  if (node.wants(1)) node.give(1, node.cast(made[2], to, "places"));
  if (node.wants(2)) node.give(2, node.cast(made[3], to, "counts"));
}

void top_k(NodeReader& node, const Dims& k) {
  const auto found = node.intermediates(TopK{.k = k}, {node.required(0)}, 2, "top");
  if (node.wants(0)) node.give(0, found[0]);
  if (node.wants(1))
    node.give(1, node.cast(found[1], node.dtype("index_type", DType::i32), "places"));
}
void import_top_k(NodeReader& node) { top_k(node, Dims{Dim(node.integer("k", 0))}); }
void import_top_k_v2(NodeReader& node) {
  const auto k = node.known(1);
  if (!k) node.unsupported("a number of elements that is computed from data");
  top_k(node, *k);
}

/// How many of the bounds an element reaches.
void import_bucketize(NodeReader& node) {
  const std::vector<float> bounds = node.attribute("boundaries").reals;
  if (bounds.empty()) return fill_like(node, 0);
  Tensor list(DType::f32, {static_cast<int64_t>(bounds.size())});
  for (size_t i = 0; i < bounds.size(); ++i) list.put(static_cast<int64_t>(i), bounds[i]);
  Value* x = node.cast(node.required(0), DType::f32, "reals");
  x = node.intermediate(Unsqueeze{.axes = Dims{Dim(-1)}}, {x}, "column");
  Value* reached =
      node.intermediate(GreaterOrEqual{}, {x, node.constant(std::move(list), "bounds")}, "reached");
  node.emit(ReduceSum{.axes = Dims{Dim(-1)}, .keepdims = false},
            {node.cast(reached, DType::i32, "marks")});
}

/// All but a band around the diagonal becomes 0; a width of -1 keeps a whole triangle.
void import_matrix_band_part(NodeReader& node) {
  const int64_t lower = node.one_int(1), upper = node.one_int(2);
  Value* value = node.required(0);
  if (upper >= 0)
    value = node.intermediate(Trilu{.k = Dims{Dim(upper)}, .upper = false}, {value}, "below");
  if (lower >= 0)
    value = node.intermediate(Trilu{.k = Dims{Dim(-lower)}, .upper = true}, {value}, "above");
  node.give(0, value);
}

/// Later versions of the operators on diagonals are read where they mean the main one of a square.
void check_main_diagonal(NodeReader& node) {
  if (node.inputs() > 1 && node.ints(1) != std::vector<int64_t>{0})
    node.unsupported("another diagonal than the main one");
  for (int i = 2; i < node.inputs() - 1; ++i)
    if (node.one_int(i) != -1) node.unsupported("a matrix of given sizes");
}

void import_matrix_diag(NodeReader& node) {
  check_main_diagonal(node);
  const int rank = node.rank_of(0);
  node.check(rank > 0, "a diagonal of rank 0");
  const auto size = node.dims(0).back().constant();
  if (!size) node.unsupported("a diagonal of a length that is not known");
  node.check(*size < (1 << 14), "a diagonal of ", *size, " elements");
  Tensor marks(DType::boolean, {*size, *size});
  for (int64_t i = 0; i < *size; ++i) marks.set_integer(i * *size + i, 1);
  Value* rows = node.intermediate(Unsqueeze{.axes = Dims{Dim(-2)}}, {node.required(0)}, "rows");
  node.emit(Where{}, {node.constant(std::move(marks), "marks"), rows, node.scalar(0, "zero")});
}

void import_matrix_diag_part(NodeReader& node) {
  check_main_diagonal(node);
  const Dims& dims = node.dims(0);
  node.check(dims.size() >= 2, "a matrix of rank ", dims.size());
  if (!(dims[dims.size() - 1] == dims[dims.size() - 2])) node.unsupported("a matrix of no square");
  node.emit(Einsum{.equation = "...ii->...i"}, {node.required(0)});
}

}  // namespace

void register_generate(Importers& importers) {
  importers.add("Shape", import_shape);
  importers.add("ShapeN", import_shapes);
  importers.add("Size", import_size);
  importers.add("Rank", import_rank);
  importers.add("Fill", import_fill);
  importers.add("ZerosLike", import_zeros_like);
  importers.add("OnesLike", import_ones_like);
  importers.add("Range", import_range);
  importers.add("LinSpace", import_lin_space);
  importers.add("OneHot", import_one_hot);
  importers.add("Where", import_where);
  importers.add("Unique", {import_unique, {"y", "idx"}});
  importers.add("UniqueWithCounts", {import_unique, {"y", "idx", "count"}});
  importers.add("TopK", {import_top_k, {"values", "indices"}});
  importers.add("TopKV2", {import_top_k_v2, {"values", "indices"}});
  importers.add("Bucketize", import_bucketize);
  importers.add("MatrixBandPart", import_matrix_band_part);
  importers.add({"MatrixDiag", "MatrixDiagV2", "MatrixDiagV3"}, import_matrix_diag);
  importers.add({"MatrixDiagPart", "MatrixDiagPartV2", "MatrixDiagPartV3"},
                import_matrix_diag_part);
}

}  // namespace hone::tensorflow
