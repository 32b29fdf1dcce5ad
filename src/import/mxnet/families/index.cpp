// Picking elements by places, and finding places.

#include "import/mxnet/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

/// Places as integers, those before the first and after the last brought there.
Value* clipped_places(NodeReader& node, int i, const Dim& size, bool wraps) {
  Value* places = node.intermediate(Cast{.to = DType::i64}, {node.required(i)}, "places");
  const auto count = size.constant();
  if (!count) node.unsupported("places along an axis whose size is not known");
  if (wraps) return node.intermediate(Mod{}, {places, node.number(*count, "count")}, "wrapped");
  Value* last = node.number(*count - 1, "last");
  return node.intermediate(Clip{}, {places, node.number(0, "first"), last}, "clipped");
}

void import_take(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", 0), 0);
  const size_t mode = node.choice("mode", {"clip", "wrap", "raise"}, "clip");
  const Dim& size = node.dims(0)[static_cast<size_t>(axis)];
  Value* places = mode == 2
                      ? node.intermediate(Cast{.to = DType::i64}, {node.required(1)}, "places")
                      : clipped_places(node, 1, size, mode == 1);
  node.emit(Gather{.axis = axis}, {node.required(0), places});
}

void import_embedding(NodeReader& node) {
  const int64_t rows = node.integer("input_dim");
  node.ignore({"output_dim", "dtype", "sparse_grad"});
  node.check(rows > 0, "input_dim is ", rows);
  Value* places = clipped_places(node, 0, rows, false);
  node.emit(Gather{}, {node.weight(1, "weight"), places});
}
std::vector<int64_t> rows_of_words(const Symbol&, const Node&, size_t i, const WeightSource&) {
  return i == 0 ? std::vector<int64_t>{0, 0} : std::vector<int64_t>();
}

/// The first axis of the places has the coordinates.
void import_gather_nd(NodeReader& node) {
  const int rank = node.rank_of(1);
  node.check(rank >= 1, "places without axes");
  Value* places = node.intermediate(Cast{.to = DType::i64}, {node.required(1)}, "places");
  std::vector<int64_t> perm;
  for (int axis = 1; axis < rank; ++axis) perm.push_back(axis);
  perm.push_back(0);
  if (rank > 1) places = node.intermediate(Transpose{.perm = perm}, {places}, "coordinates_last");
  node.emit(GatherND{}, {node.required(0), places});
}

void import_one_hot(NodeReader& node) {
  const int64_t depth = node.integer("depth");
  const DType dtype = node.dtype("dtype", DType::f32);
  Tensor values(dtype, {2});
  values.set_number(0, node.real("off_value", 0));
  values.set_number(1, node.real("on_value", 1));
  node.check(depth > 0, "depth is ", depth);
  Value* places = node.intermediate(Cast{.to = DType::i64}, {node.required(0)}, "places");
  node.emit(OneHot{},
            {places, node.number(depth, "depth"), node.constant(std::move(values), "values")});
}

struct Sorted {
  Value *values, *places;
};
Sorted sorted(NodeReader& node, const Dim& count, int64_t axis, bool ascends) {
  const auto found = node.intermediates(TopK{.k = Dims{count}, .axis = axis, .largest = !ascends},
                                        {node.required(0)}, 2, "top");
  return {found[0], found[1]};
}

void import_top_k(NodeReader& node) {
  if (node.has("axis") == false && node.node().attributes.contains("axis"))
    node.unsupported("of all elements as one row (axis is None)");
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0), k = node.integer("k", 1);
  const size_t kind = node.choice("ret_typ", {"value", "indices", "mask", "both"}, "indices");
  const DType dtype = node.dtype("dtype", DType::f32);
  if (kind == 2) node.unsupported("a mask of the places");
  const Dim count = k < 1 ? node.dims(0)[static_cast<size_t>(axis)] : Dim(k);
  const Sorted found = sorted(node, count, axis, node.flag("is_ascend", false));
  if (kind == 0) return node.give(0, found.values);
  Value* places = node.intermediate(Cast{.to = dtype}, {found.places}, "places");
  if (kind == 1) return node.give(0, places);
  node.give(0, found.values);
  node.give(1, places);
}

void import_sort(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0);
  const Dim& count = node.dims(0)[static_cast<size_t>(axis)];
  node.give(0, sorted(node, count, axis, node.flag("is_ascend", true)).values);
}
void import_arg_sort(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0);
  const DType dtype = node.dtype("dtype", DType::f32);
  const Dim& count = node.dims(0)[static_cast<size_t>(axis)];
  const Sorted found = sorted(node, count, axis, node.flag("is_ascend", true));
  node.emit(Cast{.to = dtype}, {found.places});
}

/// The element of each row at the place that the other input names.
void import_pick(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0);
  const bool keeps = node.flag("keepdims", false);
  const size_t mode = node.choice("mode", {"clip", "wrap"}, "clip");
  const Dim& size = node.dims(0)[static_cast<size_t>(axis)];
  Value* places = clipped_places(node, 1, size, mode == 1);
  if (node.rank_of(1) != node.rank_of(0))
    places = node.intermediate(Unsqueeze{.axes = Dims{axis}}, {places}, "places_of_rows");
  const GatherElements op{.axis = axis};
  if (keeps) return void(node.emit(op, {node.required(0), places}));
  Value* picked = node.intermediate(op, {node.required(0), places}, "picked");
  node.emit(Squeeze{.axes = Dims{axis}}, {picked});
}

}  // namespace

void register_index(Importers& importers) {
  importers.add("take", {.run = import_take});
  importers.add({"Embedding", "_contrib_SparseEmbedding"},
                {.run = import_embedding, .weights = 1, .sizes = rows_of_words});
  importers.add("gather_nd", {.run = import_gather_nd});
  importers.add("one_hot", {.run = import_one_hot});
  importers.add("topk", {.run = import_top_k});
  importers.add("sort", {.run = import_sort});
  importers.add("argsort", {.run = import_arg_sort});
  importers.add("pick", {.run = import_pick});
}

}  // namespace hone::mxnet
