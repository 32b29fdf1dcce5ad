// Matrix products.

#include "ops/matmul.hpp"

#include "import/tensorflow/node_reader.hpp"
#include "ops/einsum.hpp"
#include "ops/layout.hpp"

namespace hone::tensorflow {
namespace {

/// Floats only: Gemm takes no integers. Constant weights become [columns, depth], as TFLite and
/// PyTorch have them: a layer is one op through all formats, and BiasAdd behind it its bias.
void import_matmul(NodeReader& node) {
  const bool first = node.flag("transpose_a", false), second = node.flag("transpose_b", false);
  Value *a = node.required(0), *b = node.required(1);
  if (b->is_constant() && is_float(node.type_of(0))) {
    if (!second) b = node.intermediate(Transpose{.perm = {1, 0}}, {b}, "weights");
    return void(node.emit(Gemm{.transA = first, .transB = true}, {a, b}));
  }
  if (!first && !second) return void(node.emit(MatMul{}, {a, b}));
  if (is_float(node.type_of(0)))
    return void(node.emit(Gemm{.transA = first, .transB = second}, {a, b}));
  if (first) a = node.intermediate(Transpose{.perm = {1, 0}}, {a}, "a");
  if (second) b = node.intermediate(Transpose{.perm = {1, 0}}, {b}, "b");
  node.emit(MatMul{}, {a, b});
}

Value* with_last_axes_swapped(NodeReader& node, int i, bool swaps, std::string_view hint) {
  if (!swaps) return node.required(i);
  const int rank = node.rank_of(i);
  node.check(rank >= 2, "a matrix of rank ", rank);
  Transpose swap;
  for (int axis = 0; axis < rank; ++axis) swap.perm.push_back(axis);
  std::swap(swap.perm[static_cast<size_t>(rank) - 1], swap.perm[static_cast<size_t>(rank) - 2]);
  return node.intermediate(std::move(swap), {node.required(i)}, hint);
}

void import_batch_matmul(NodeReader& node) {
  Value* a = with_last_axes_swapped(node, 0, node.flag("adj_x", false), "a");
  Value* b = with_last_axes_swapped(node, 1, node.flag("adj_y", false), "b");
  const DType to = node.dtype("Tout", node.type_of(0));
  if (to == node.type_of(0)) return void(node.emit(MatMul{}, {a, b}));
  node.emit(MatMul{}, {node.cast(a, to, "wide_a"), node.cast(b, to, "wide_b")});
}

void import_einsum(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  node.emit(Einsum{.equation = std::string(node.word("equation", ""))}, node.all_inputs());
}

}  // namespace

void register_matmul(Importers& importers) {
  importers.add("MatMul", import_matmul);
  importers.add({"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}, import_batch_matmul);
  importers.add("Einsum", import_einsum);
}

}  // namespace hone::tensorflow
