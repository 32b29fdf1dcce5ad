// Products with a bias in one spelling.

#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

class GemmSplit {
 public:
  GemmSplit(Graph& graph, Node& node) : graph_(graph), node_(node), gemm_(*node.op.as<Gemm>()) {}

  /// false: integers, whose factors truncate, a bias that Add would give other sizes, or an operand
  /// of unknown rank, which is 2 for Gemm only.
  bool run() {
    const auto type = dtype_of(node_.output());
    if (!type || !is_float(*type) || !has_ranks() || !keeps_sizes()) return false;
    Value* left = gemm_.transA ? transposed(node_.inputs[0]) : node_.inputs[0];
    Value* right = gemm_.transB ? transposed(node_.inputs[1]) : node_.inputs[1];
    Value* result = add(MatMul{}, {left, right});
    result = scaled(result, gemm_.alpha);
    if (Value* bias = node_.input(2)) result = add(Add{}, {result, scaled(bias, gemm_.beta)});
    replace_node(graph_, &node_, result);
    return true;
  }

 private:
  bool has_ranks() const {
    return dims_of(node_.inputs[0]) != nullptr && dims_of(node_.inputs[1]) != nullptr;
  }
  bool keeps_sizes() const {
    if (node_.input(2) == nullptr) return true;
    const Dims *bias = dims_of(node_.inputs[2]), *result = dims_of(node_.output());
    if (bias == nullptr || result == nullptr) return false;
    for (size_t i = 0; i < bias->size(); ++i) {
      const Dim& wanted = (*result)[result->size() - bias->size() + i];
      if (!(*bias)[i].is(1) && (*bias)[i] != wanted) return false;
    }
    return true;
  }
  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, &node_, "split_gemm", node_.origin, std::move(op), std::move(inputs),
                      node_.output()->name);
  }
  Value* transposed(Value* value) { return add(Transpose{{1, 0}}, {value}); }
  Value* scaled(Value* value, float by) {
    if (by == 1) return value;
    return add(Mul{}, {value, add_literal(graph_, "factor",
                                          Tensor::scalar(*dtype_of(value), double{by}))});
  }

  Graph& graph_;
  Node& node_;
  const Gemm gemm_;
};

}  // namespace

bool split_gemm(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Gemm>() == nullptr || options.keep(current)) continue;
    changed |= GemmSplit(graph, current).run();
  }
  return changed;
}

}  // namespace hone
