#include "ops/reduction.hpp"

#include <algorithm>

#include "import/mxnet/node_reader.hpp"
#include "ops/cast.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::mxnet {
namespace {

/// Which axes go; all of them where the node names none.
std::vector<int64_t> read_axes(NodeReader& node) {
  const std::vector<int64_t> stated = node.integers("axis");
  const bool excludes = node.flag("exclude", false);
  const int rank = node.rank_of(0);
  std::vector<int64_t> axes;
  for (const int64_t axis : stated) axes.push_back(node.axis_of(axis, 0));
  if (stated.empty() || excludes) {
    std::vector<int64_t> others;
    for (int64_t axis = 0; axis < rank; ++axis)
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) others.push_back(axis);
    axes = std::move(others);
  }
  return axes;
}

/// A tensor of no axes is one of a single element in MXNet.
template <class T>
void reduce(NodeReader& node, T op, const std::vector<int64_t>& axes) {
  op.keepdims = node.flag("keepdims", false);
  op.axes = Dims(axes.begin(), axes.end());
  Value* x = node.required(0);
  if (axes.empty()) return node.give(0, x);
  if (op.keepdims || axes.size() < static_cast<size_t>(node.rank_of(0)))
    return void(node.emit(op, {x}));
  node.emit(Reshape{.shape = Dims{1}}, {node.intermediate(op, {x}, "all")});
}

template <class T>
void import_reduction(NodeReader& node) {
  reduce(node, T{}, read_axes(node));
}

void import_norm(NodeReader& node) {
  const int64_t order = node.integer("ord", 2);
  const auto axes = read_axes(node);
  node.ignore({"out_dtype"});
  if (order == 1) reduce(node, ReduceL1{}, axes);
  else if (order == 2) reduce(node, ReduceL2{}, axes);
  else node.unsupported("a norm of the order ", order);
}

/// Places as floats.
template <class T>
void import_arg(NodeReader& node) {
  const bool keeps = node.flag("keepdims", false);
  Value* x = node.required(0);
  T op{.keepdims = keeps};
  if (node.has("axis")) {
    op.axis = node.axis_of(node.integer("axis"), 0);
  } else {
    if (keeps) node.unsupported("the place among all elements, axes kept");
    op.keepdims = true;
    x = node.reshaped(x, {-1}, "row");
  }
  node.emit(Cast{.to = DType::f32}, {node.intermediate(op, {x}, "place")});
}

void import_arg_of_channels(NodeReader& node) {
  Value* place =
      node.intermediate(ArgMax{.axis = 1, .keepdims = false}, {node.required(0)}, "place");
  node.emit(Cast{.to = DType::f32}, {place});
}

}  // namespace

void register_reduction(Importers& importers) {
  importers.add("mean", {.run = import_reduction<ReduceMean>});
  importers.add({"sum", "sum_axis"}, {.run = import_reduction<ReduceSum>});
  importers.add({"max", "max_axis"}, {.run = import_reduction<ReduceMax>});
  importers.add({"min", "min_axis"}, {.run = import_reduction<ReduceMin>});
  importers.add("prod", {.run = import_reduction<ReduceProd>});
  importers.add("norm", {.run = import_norm});
  importers.add("argmax", {.run = import_arg<ArgMax>});
  importers.add("argmin", {.run = import_arg<ArgMin>});
  importers.add("argmax_channel", {.run = import_arg_of_channels});
}

}  // namespace hone::mxnet
