#include "ops/reduction.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

// Axes are an attribute, since opset 13 (ReduceSum) or 18 (the others) an input.
template <Fold F>
void import_reduce(NodeReader& node) {
  Reduce<F> op{.axes = node.dims("axes"),
               .keepdims = node.flag("keepdims", true),
               .noop_with_empty_axes = node.flag("noop_with_empty_axes", false)};
  node.check(!op.axes || node.input(1) == nullptr, "axes are given as attribute and as input");
  if (op.axes && op.axes->empty()) op.axes.reset();
  node.emit(std::move(op), node.all_inputs());
}

}  // namespace

void register_reduction(Importers& importers) {
  importers.add("ReduceSum", import_reduce<Fold::sum>);
  importers.add("ReduceMean", import_reduce<Fold::mean>);
  importers.add("ReduceMax", import_reduce<Fold::max>);
  importers.add("ReduceMin", import_reduce<Fold::min>);
  importers.add("ReduceProd", import_reduce<Fold::prod>);
  importers.add("ReduceL1", import_reduce<Fold::l1>);
  importers.add("ReduceL2", import_reduce<Fold::l2>);
  importers.add("ReduceLogSum", import_reduce<Fold::log_sum>);
  importers.add("ReduceLogSumExp", import_reduce<Fold::log_sum_exp>);
  importers.add("ReduceSumSquare", import_reduce<Fold::sum_square>);
}

}  // namespace hone::onnx
