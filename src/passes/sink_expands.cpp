// What repeats elements goes behind what works element by element: that works on fewer. Masks of
// attention need not be repeated at all.

#include "ops/attention.hpp"
#include "ops/cast.hpp"
#include "ops/shape.hpp"
#include "passes/clean.hpp"
#include "passes/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr std::string_view kSinkExpands = "sink_expands";

/// Sizes of `dims` are those of `wanted`, the last ones, or 1.
bool broadcasts_to(const Dims& dims, const Dims& wanted) {
  if (dims.size() > wanted.size()) return false;
  for (size_t back = 1; back <= dims.size(); ++back)
    if (const Dim& dim = dims[dims.size() - back];
        !dim.is(1) && dim != wanted[wanted.size() - back])
      return false;
  return true;
}

/// A float in another width. Where halves are widened, what only moves elements stays in front of
/// the cast to a half: behind it, it would be widened once more.
bool is_cast_of_floats(const Node& node) {
  if (node.op.as<Cast>() == nullptr) return false;
  const auto from = dtype_of(node.inputs[0]), to = dtype_of(node.output());
  return from && to && is_float(*from) && is_float(*to);
}

/// The node on fewer elements, and an Expand of its result.
bool sink(Graph& graph, Node& node, const PassOptions& options) {
  if (!is_unary(node.op) && !is_broadcasting(node.op)) return false;
  if (is_cast_of_floats(node)) return false;
  const Dims* result = dims_of(node.output());
  if (result == nullptr) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Node* expand = producer_of<Expand>(node.inputs[i]);
    if (expand == nullptr || options.keep(*expand)) continue;
    const Dims *inner = dims_of(expand->inputs[0]), *outer = dims_of(expand->output());
    if (inner == nullptr || outer == nullptr || *outer != *result || *inner == *outer) continue;
    bool fits = true;
    for (size_t j = 0; j < node.inputs.size() && fits; ++j) {
      const Dims* dims = j == i ? inner : dims_of(node.input(j));
      fits = node.input(j) == nullptr || (dims != nullptr && broadcasts_to(*dims, *inner));
    }
    if (!fits) continue;
    std::vector<Value*> inputs = node.inputs;
    inputs[i] = expand->inputs[0];
    Value* few = add_before(graph, &node, kSinkExpands, node.origin, node.op, std::move(inputs),
                            node.output()->name);
    Value* all = add_before(graph, &node, kSinkExpands, expand->origin, Expand{*result}, {few},
                            node.output()->name);
    replace_node(graph, &node, all);
    return true;
  }
  return false;
}

/// A mask whose last axis alone must be as long as there are keys.
bool read_mask_through(Graph& graph, Node& node, const PassOptions& options) {
  if (node.op.as<Attention>() == nullptr) return false;
  const Node* expand = producer_of<Expand>(node.input(Attention::kMask));
  if (expand == nullptr || options.keep(*expand)) return false;
  const Dims *inner = dims_of(expand->inputs[0]), *outer = dims_of(expand->output());
  if (inner == nullptr || outer == nullptr || inner->empty() || inner->back() != outer->back())
    return false;
  graph.set_input(&node, Attention::kMask, expand->inputs[0]);
  return true;
}

}  // namespace

bool sink_expands(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (options.keep(current)) continue;
    changed |= sink(graph, current, options) || read_mask_through(graph, current, options);
  }
  return changed;
}

}  // namespace hone
