#include "ops/tree.hpp"

#include <cmath>
#include <limits>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// Operands of ours that are attributes there.
struct Forest {
  explicit Forest(const NodeExport& node) {
    for (size_t i = 1; i < node.inputs(); ++i) {
      const Value* value = node.node().input(i);
      if (value == nullptr) continue;
      if (!value->is_constant())
        node.unsupported("its trees are no constants; in ONNX they are attributes");
      operands[i] = value->weight->tensor();
    }
    const auto is_table = [](const Tensor& table, int64_t columns) {
      return table.dtype() == DType::i64 && table.rank() == 2 && table.dim(1) == columns;
    };
    if (!is_table(nodes(), TreeEnsemble::kColumns) || !is_table(leaves(), 2) ||
        roots().dtype() != DType::i64 || targets().dtype() != DType::i64 ||
        splits().count() != nodes().dim(0) || targets().count() != weights().count() ||
        targets().count() != leaves().dim(0))
      node.unsupported("its trees' tables are of other shapes");
  }
  const Tensor& roots() const { return operands[1]; }
  const Tensor& nodes() const { return operands[2]; }
  const Tensor& splits() const { return operands[3]; }
  const Tensor& leaves() const { return operands[4]; }
  const Tensor& targets() const { return operands[5]; }
  const Tensor& weights() const { return operands[6]; }
  const Tensor& members() const { return operands[7]; }
  const Tensor& base() const { return operands[8]; }

  Tensor operands[9];  // as many as the op has
};

/// Each node's members, ended by a NaN.
Tensor membership(const NodeExport& node, const Forest& forest) {
  std::vector<double> values;
  const Tensor& nodes = forest.nodes();
  for (int64_t i = 0; i < nodes.dim(0); ++i) {
    const int64_t at = i * TreeEnsemble::kColumns;
    if (nodes.integer(at + 1) != TreeEnsemble::member) continue;
    const int64_t begin = nodes.integer(at + 5), end = nodes.integer(at + 6);
    if (begin < 0 || end > forest.members().count())
      node.unsupported("a node's members are none of those given");
    for (int64_t m = begin; m < end; ++m) values.push_back(forest.members().number(m));
    values.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  Tensor made(forest.splits().dtype(), {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) made.set_number(static_cast<int64_t>(i), values[i]);
  return made;
}

void set_nodes(NodeModel& made, const Forest& forest) {
  const Tensor& nodes = forest.nodes();
  std::vector<int64_t> features, missing, children[2], leafs[2];
  Tensor modes(DType::u8, {nodes.dim(0)});
  for (int64_t i = 0; i < nodes.dim(0); ++i) {
    const int64_t at = i * TreeEnsemble::kColumns;
    features.push_back(nodes.integer(at));
    modes.set_integer(i, nodes.integer(at + 1));
    missing.push_back(nodes.integer(at + 2));
    for (int side = 0; side < 2; ++side) {
      const int64_t child = nodes.integer(at + 3 + side);
      leafs[side].push_back(child < 0 ? 1 : 0);
      children[side].push_back(child < 0 ? ~child : child);
    }
  }
  made.set("nodes_featureids", features);
  made.set("nodes_modes", modes);
  made.set("nodes_splits", forest.splits());
  made.set("nodes_missing_value_tracks_true", missing);
  made.set("nodes_truenodeids", children[0]);
  made.set("nodes_falsenodeids", children[1]);
  made.set("nodes_trueleafs", leafs[0]);
  made.set("nodes_falseleafs", leafs[1]);
}

/// Version 5 has one vote a leaf, and roots that are nodes.
void export_tree_ensemble(NodeExport& node) {
  const Forest forest(node);
  for (int64_t i = 0; i < forest.roots().count(); ++i)
    if (forest.roots().integer(i) < 0) node.unsupported("a tree that is a leaf has no form there");
  const Tensor& leaves = forest.leaves();
  for (int64_t i = 0; i < leaves.dim(0); ++i)
    if (leaves.integer(2 * i) != i || leaves.integer(2 * i + 1) != i + 1)
      node.unsupported("leaves that do not vote once have no form there");
  if (node.dtype_in(0) != forest.splits().dtype() ||
      node.dtype_in(0) != node.op<TreeEnsemble>().dtype)
    node.unsupported("operand, splits and scores have several types");
  if (!forest.base().empty()) node.unsupported("base values have no form there");
  const Tensor members = membership(node, forest);
  NodeModel& made = node.plain();
  made.inputs.resize(1);
  made.drop("dtype");
  made.set("tree_roots", forest.roots().integers());
  set_nodes(made, forest);
  made.set("leaf_targetids", forest.targets().integers());
  made.set("leaf_weights", forest.weights());
  if (members.count() > 0) made.set("membership_values", members);
}

}  // namespace

void register_tree(Exporters& exporters) { exporters.add("TreeEnsemble", export_tree_ensemble); }

}  // namespace hone::onnx
