// Nodes whose result is their operand.

#include <algorithm>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/random.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "passes/clean.hpp"
#include "passes/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

bool all_are(const std::optional<Dims>& field, bool (*holds)(int64_t), bool when_absent) {
  if (!field) return when_absent;
  const auto numbers = numbers_of(field);
  return numbers && std::all_of(numbers->begin(), numbers->end(), holds);
}

bool is_ordered(const std::vector<int64_t>& perm, int64_t rank) {
  if (perm.empty()) return rank <= 1;
  for (int64_t i = 0; i < rank; ++i)
    if (const int64_t axis = perm[static_cast<size_t>(i)]; axis != i && axis + rank != i)
      return false;
  return true;
}

/// A reduction that gives the element itself where there is one.
bool folds_elements(const Op& op) {
  return op.as<ReduceSum>() != nullptr || op.as<ReduceMean>() != nullptr ||
         op.as<ReduceMax>() != nullptr || op.as<ReduceMin>() != nullptr ||
         op.as<ReduceProd>() != nullptr;
}

/// Ops that keep their operand's elements and order whenever its type stays.
bool keeps_order(const Node& node) {
  const Op& op = node.op;
  if (op.as<Reshape>() != nullptr || op.as<Flatten>() != nullptr || op.as<Squeeze>() != nullptr ||
      op.as<Unsqueeze>() != nullptr || op.as<Expand>() != nullptr || op.as<Tile>() != nullptr ||
      op.as<Cast>() != nullptr || op.as<BitCast>() != nullptr || op.as<EnsureShape>() != nullptr ||
      op.as<Split>() != nullptr)
    return true;
  if (folds_elements(op)) return true;  // along axes of size 1
  if (op.as<Concat>() != nullptr || op.as<Sum>() != nullptr || op.as<Max>() != nullptr ||
      op.as<Min>() != nullptr || op.as<Mean>() != nullptr)
    return node.inputs.size() == 1;
  // Without bounds it still makes infinities finite.
  if (op.as<Clip>() != nullptr)
    return node.inputs.size() == 1 && is_integer(dtype_of(node.output()).value_or(DType::f32));
  if (const auto* slice = op.as<Slice>())
    return node.input(4) == nullptr &&
           all_are(
               slice->steps, [](int64_t step) { return step > 0; }, true);
  if (const auto* pad = op.as<Pad>())
    return node.input(1) == nullptr &&
           all_are(
               pad->pads, [](int64_t width) { return width == 0; }, false);
  return false;
}

bool is_identity(const Graph& graph, const Node& node) {
  if (node.op.as<Identity>() != nullptr) return true;
  if (node.op.as<Dropout>() != nullptr) {
    const Value* training = node.input(2);
    const bool off = training == nullptr || scalar_of(training) == 0.0;
    return off && node.output() != nullptr && !in_use(graph, node, 1);
  }
  if (node.inputs.empty() || node.inputs[0] == nullptr || node.outputs.size() != 1 ||
      !(node.inputs[0]->type == node.outputs[0]->type))
    return false;
  const Dims* dims = dims_of(node.output());
  if (dims == nullptr) return node.op.as<Cast>() != nullptr;
  if (const auto* transpose = node.op.as<Transpose>())
    return is_ordered(transpose->perm, std::ssize(*dims));
  return keeps_order(node);
}

/// An operand of Concat that has no elements along the axis adds nothing.
bool drop_empty_operands(Graph& graph, Node& node) {
  const auto* op = node.op.as<Concat>();
  if (op == nullptr || node.inputs.size() < 2) return false;
  std::vector<Value*> left;
  for (Value* input : node.inputs) {
    const Dims* dims = dims_of(input);
    if (dims == nullptr) return false;
    const auto rank = std::ssize(*dims);
    if (!(*dims)[static_cast<size_t>(op->axis < 0 ? op->axis + rank : op->axis)].is(0))
      left.push_back(input);
  }
  if (left.size() == node.inputs.size() || left.empty()) return false;
  for (size_t i = node.inputs.size(); i-- > 0;)
    graph.set_input(&node, i, i < left.size() ? left[i] : nullptr);
  return true;
}

/// A reduction along sizes of 1 that takes the axes away.
bool only_reshapes(Graph& graph, Node& node) {
  if (!folds_elements(node.op) || node.input(1) != nullptr) return false;
  const Dims *from = dims_of(node.input(0)), *to = dims_of(node.output());
  if (from == nullptr || to == nullptr || from->size() == to->size()) return false;
  Dims left, kept;
  for (const Dim& dim : *from)
    if (!dim.is(1)) left.push_back(dim);
  for (const Dim& dim : *to)
    if (!dim.is(1)) kept.push_back(dim);
  if (left != kept) return false;  // an axis of another size went
  graph.set_op(&node, reshape_to(*to));
  node.by = "remove_identities";
  return true;
}

/// Each size of `result` comes from an operand other than `but`, or is 1; so does its rank, where
/// `but` becomes one of rank `rank`.
bool broadcast_without(const Node& node, size_t but, size_t rank, const Dims& result) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (const Dims* dims = dims_of(node.inputs[i]); i != but && dims != nullptr)
      rank = std::max(rank, dims->size());
  if (rank < result.size()) return false;
  for (size_t back = 1; back <= result.size(); ++back) {
    const Dim& wanted = result[result.size() - back];
    bool found = wanted.is(1);
    for (size_t i = 0; i < node.inputs.size() && !found; ++i) {
      if (i == but) continue;
      const Dims* dims = dims_of(node.inputs[i]);
      found = dims != nullptr && dims->size() >= back && (*dims)[dims->size() - back] == wanted;
    }
    if (!found) return false;
  }
  return true;
}

/// Reads through an Expand where the node broadcasts to the same sizes anyway.
bool read_through_expand(Graph& graph, Node& node, const PassOptions& options) {
  if (!is_broadcasting(node.op)) return false;
  bool changed = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Node* expand = producer_of<Expand>(node.inputs[i]);
    const Dims* result = dims_of(node.output());
    if (expand == nullptr || result == nullptr || options.keep(*expand)) continue;
    const Dims* inner = dims_of(expand->inputs[0]);
    if (inner == nullptr || !broadcast_without(node, i, inner->size(), *result)) continue;
    graph.set_input(&node, i, expand->inputs[0]);
    changed = true;
  }
  return changed;
}

}  // namespace

bool remove_identities(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (options.keep(current)) continue;
    if (is_identity(graph, current)) {
      graph.replace_uses(current.output(), current.inputs[0]);
      if (current.outputs.size() == 1) graph.erase(&current);  // else remove_dead does
      changed = true;
      continue;
    }
    if (drop_empty_operands(graph, current) || only_reshapes(graph, current)) changed = true;
    if (read_through_expand(graph, current, options)) changed = true;
  }
  return changed;
}

}  // namespace hone
