// Conversions move towards what computes: what only moves elements does so with integers.

#include <algorithm>

#include "ir/inference.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/pooling.hpp"
#include "ops/quantize.hpp"
#include "ops/resize.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/quantized_value.hpp"

namespace hone {
namespace {

constexpr std::string_view kMoveQuantize = "move_quantize";

/// Every element of the result is one of operand 0, each once and in another place at most.
bool reorders(const Op& op) {
  return op.as<Reshape>() != nullptr || op.as<Flatten>() != nullptr ||
         op.as<Squeeze>() != nullptr || op.as<Unsqueeze>() != nullptr ||
         op.as<Transpose>() != nullptr || op.as<DepthToSpace>() != nullptr ||
         op.as<SpaceToDepth>() != nullptr;
}

/// Every element of the results is one of operand 0's; scales are positive.
bool moves_elements(const Node& node) {
  const Op& op = node.op;
  if (reorders(op) || op.as<Slice>() != nullptr || op.as<Gather>() != nullptr ||
      op.as<Split>() != nullptr)
    return true;
  if (op.as<MaxPool>() != nullptr) return node.outputs.size() == 1;
  const auto* resize = op.as<Resize>();
  return resize != nullptr && resize->mode == Resize::Mode::nearest &&
         resize->coordinate_transformation_mode != Resize::Coordinates::tf_crop_and_resize;
}

/// The node's one scale and zero point are scalars, whatever they are.
bool has_one_scale(const Node& node, int64_t block_size) {
  const auto is_one = [](const Value* value) {
    const Dims* dims = dims_of(value);
    return dims != nullptr && dims->size() <= 1 && product(*dims).is(1);
  };
  return block_size == 0 && is_one(node.inputs[1]) &&
         (node.input(2) == nullptr || is_one(node.inputs[2]));
}

class Move {
 public:
  Move(Graph& graph, const PassOptions& options) : graph_(graph), options_(options) {}

  bool node(Node& node) {
    if (node.op.as<QuantizeLinear>() != nullptr) return cancel(node) || quantize_before(node);
    if (node.op.as<Concat>() != nullptr) return dequantize_after_concat(node);
    return moves_elements(node) && dequantize_after(node);
  }

 private:
  /// Integers to floats and back.
  bool cancel(Node& node) {
    const auto before = dequantized(node.inputs[0], options_);
    const auto after = quantized(&node, node.output(), node.op.as<QuantizeLinear>()->block_size);
    // Products beyond the normal numbers do not give the integer back.
    if (!before || !after || !before->same_numbers(*after) || before->scale_number < 1e-30 ||
        before->scale_number > 1e30 || node.op.as<QuantizeLinear>()->precision != DType::f32)
      return false;
    graph_.replace_uses(node.output(), before->value);
    graph_.erase(&node);
    return true;
  }

  /// quantize(move(x)) becomes move(quantize(x)), also for each operand of a Concat.
  bool quantize_before(Node& node) {
    Value* moved = node.inputs[0];
    Node* move = moved->producer;
    const auto& op = *node.op.as<QuantizeLinear>();
    if (move == nullptr || move->outputs.size() != 1 || !read_once(graph_, moved) ||
        options_.keep(*move) || !has_one_scale(node, op.block_size))
      return false;
    const bool concat = move->op.as<Concat>() != nullptr;
    if (!concat && !reorders(move->op)) return false;
    std::vector<Value*> inputs = move->inputs;
    const size_t count = concat ? inputs.size() : 1;
    for (size_t i = 0; i < count; ++i)
      if (!read_once(graph_, inputs[i]) && !inputs[i]->is_constant() &&
          producer_of<DequantizeLinear>(inputs[i]) == nullptr)
        return false;
    for (size_t i = 0; i < count; ++i)
      inputs[i] = add_before(graph_, &node, kMoveQuantize, node.origin, op,
                             {inputs[i], node.inputs[1], node.input(2)}, inputs[i]->name);
    const Op moving = move->op;
    for (size_t i = std::max(node.inputs.size(), inputs.size()); i-- > 0;)
      graph_.set_input(&node, i, i < inputs.size() ? inputs[i] : nullptr);
    node.origin = move->origin;
    node.by = kMoveQuantize;
    graph_.set_op(&node, moving);
    return true;
  }

  /// move(dequantize(x)) becomes dequantize(move(x)).
  bool dequantize_after(Node& node) {
    Node* before = producer_of<DequantizeLinear>(node.inputs[0]);
    if (before == nullptr || options_.keep(*before)) return false;
    DequantizeLinear op = *before->op.as<DequantizeLinear>();
    const auto* transpose = node.op.as<Transpose>();
    if (node.op.as<MaxPool>() != nullptr) {
      if (!dequantized(node.inputs[0], options_)) return false;  // keeps the order of numbers
    } else if (!has_one_scale(*before, op.block_size)) {
      const auto axis = op.block_size != 0 || transpose == nullptr
                            ? std::nullopt
                            : axis_after(*transpose, *before, op.axis);
      if (!axis) return false;
      op.axis = *axis;
    }
    std::vector<Value*> inputs = node.inputs;
    inputs[0] = before->inputs[0];
    dequantize_results(node, *before, op, inputs);
    return true;
  }

  /// Where the transposed axis of scales lies.
  static std::optional<int64_t> axis_after(const Transpose& transpose, const Node& before,
                                           int64_t axis) {
    const Dims *dims = dims_of(before.output()), *scale = dims_of(before.inputs[1]);
    if (dims == nullptr || scale == nullptr || scale->size() != 1) return std::nullopt;
    const int64_t rank = std::ssize(*dims);
    if (transpose.perm.empty()) return rank - 1 - (axis < 0 ? axis + rank : axis);
    for (int64_t i = 0; i < rank; ++i)
      if (const int64_t from = transpose.perm[static_cast<size_t>(i)]; (from - axis) % rank == 0)
        return i;
    return std::nullopt;
  }

  bool dequantize_after_concat(Node& node) {
    std::vector<Value*> inputs = node.inputs;
    std::optional<Quantized> first;
    for (Value*& input : inputs) {
      const auto each = dequantized(input, options_);
      if (!each || (first && !first->same_numbers(*each))) return false;
      if (!first) first = each;
      input = each->value;
    }
    DequantizeLinear op = *first->node->op.as<DequantizeLinear>();
    dequantize_results(node, *first->node, op, inputs);
    return true;
  }

  /// The node works on `inputs`, and each of its results is dequantized as `before` does it.
  void dequantize_results(Node& node, const Node& before, const DequantizeLinear& op,
                          const std::vector<Value*>& inputs) {
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
    Node* moved =
        graph_.add_node(node.op, inputs, names, node.origin, std::string(kMoveQuantize), &node);
    // A size that only running tells keeps its symbol: fields may name it.
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != nullptr) moved->outputs[i]->type = node.outputs[i]->type;
    infer(graph_, *moved);
    std::vector<Value*> results(names.size());
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      results[i] = add_before(graph_, &node, kMoveQuantize, before.origin, op,
                              {moved->outputs[i], before.inputs[1], before.input(2)}, names[i]);
      graph_.replace_uses(node.outputs[i], results[i]);
    }
    graph_.erase(&node);
    for (size_t i = 0; i < names.size(); ++i)
      if (results[i] != nullptr) graph_.rename(results[i], names[i]);
  }

  Graph& graph_;
  const PassOptions& options_;
};

}  // namespace

bool move_quantize(Graph& graph, const PassOptions& options) {
  bool changed = false;
  Move move(graph, options);
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (!options.keep(current)) changed |= move.node(current);
  }
  return changed;
}

}  // namespace hone
