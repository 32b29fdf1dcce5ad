#include "ops/pooling.hpp"

#include <cmath>

#include "import/onnx/window_fields.hpp"
#include "ops/reduction.hpp"

namespace hone::onnx {
namespace {

void import_max_pool(NodeReader& node) {
  MaxPool op{.window = read_window(node),
             .ceil_mode = node.flag("ceil_mode", false),
             .storage_order = node.integer("storage_order", 0)};
  node.emit_all(std::move(op), node.all_inputs());
}

void import_average_pool(NodeReader& node) {
  AveragePool op{.window = read_window(node),
                 .ceil_mode = node.flag("ceil_mode", false),
                 .count_include_pad = node.flag("count_include_pad", false)};
  node.emit(std::move(op), node.all_inputs());
}

/// The exponent is a float in opset 1, an integer from then on.
int64_t read_exponent(NodeReader& node) {
  if (node.opset() >= 2) return node.integer("p", 2);
  const float p = node.real("p", 2);
  if (!(p >= 1 && p < 64 && p == std::floor(p)))
    node.unsupported("p is ", p, ", which is no small whole number");
  return static_cast<int64_t>(p);
}

void import_lp_pool(NodeReader& node) {
  LpPool op{.window = read_window(node), .ceil_mode = node.flag("ceil_mode", false)};
  op.p = read_exponent(node);
  node.emit(std::move(op), node.all_inputs());
}

// A global pooling is the reduction `R` over the spatial axes; where the rank is not known, `op`.
template <class R>
void import_global(NodeReader& node, Op op) {
  const auto rank = node.rank(0);
  if (!rank || *rank < 3) {
    node.emit(std::move(op), node.all_inputs());
    return;
  }
  Dims axes;
  for (int64_t axis = 2; axis < *rank; ++axis) axes.push_back(axis);
  node.emit(R{.axes = std::move(axes)}, node.all_inputs());
}

void import_global_max_pool(NodeReader& node) { import_global<ReduceMax>(node, GlobalMaxPool{}); }

void import_global_average_pool(NodeReader& node) {
  import_global<ReduceMean>(node, GlobalAveragePool{});
}

void import_global_lp_pool(NodeReader& node) {
  const GlobalLpPool op{.p = read_exponent(node)};
  if (op.p == 1) import_global<ReduceL1>(node, op);
  else if (op.p == 2) import_global<ReduceL2>(node, op);
  else node.emit(op, node.all_inputs());
}

}  // namespace

void register_pooling(Importers& importers) {
  importers.add("MaxPool", import_max_pool);
  importers.add("AveragePool", import_average_pool);
  importers.add("LpPool", import_lp_pool);
  importers.add("GlobalMaxPool", import_global_max_pool);
  importers.add("GlobalAveragePool", import_global_average_pool);
  importers.add("GlobalLpPool", import_global_lp_pool);
}

}  // namespace hone::onnx
