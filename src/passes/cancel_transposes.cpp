// Transposes that undo each other go, also with elementwise nodes, concatenations, padding between.

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/quantize.hpp"
#include "passes/clean.hpp"
#include "passes/pointwise.hpp"
#include "passes/reshape_spelling.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr std::string_view kCancelTransposes = "cancel_transposes";
using Perm = std::vector<int64_t>;

/// Axes of the operand, none negative; nullopt: no transpose of known rank.
std::optional<Perm> perm_of(const Node& node) {
  const auto* op = node.op.as<Transpose>();
  const Dims* dims = op == nullptr ? nullptr : dims_of(node.output());
  if (dims == nullptr) return std::nullopt;
  Perm perm = op->perm;
  if (perm.empty()) {
    perm.resize(dims->size());
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  for (int64_t& axis : perm)
    if (axis < 0) axis += std::ssize(perm);
  return perm;
}

bool is_ordered(const Perm& perm) { return std::is_sorted(perm.begin(), perm.end()); }

Perm inverse(const Perm& perm) {
  Perm result(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    result[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return result;
}

/// A transpose of a transpose is one, or none.
bool compose(Graph& graph, Node& node, const PassOptions& options) {
  const Node* before = producer_of<Transpose>(node.inputs[0]);
  if (before == nullptr || options.keep(*before)) return false;
  const auto first = perm_of(*before), second = perm_of(node);
  if (!first || !second) return false;
  Perm both;
  for (const int64_t axis : *second) both.push_back((*first)[static_cast<size_t>(axis)]);
  if (is_ordered(both)) {
    replace_node(graph, &node, before->inputs[0]);
    return true;
  }
  node.origin = origins_of({before, &node});
  graph.set_op(&node, Transpose{both});
  graph.set_input(&node, 0, before->inputs[0]);
  return true;
}

/// Where only sizes of 1 change places nothing moves.
bool become_reshape(Graph& graph, Node& node) {
  const auto perm = perm_of(node);
  const Dims* from = dims_of(node.inputs[0]);
  if (!perm || from == nullptr) return false;
  Perm moved;
  for (const int64_t axis : *perm)
    if (!(*from)[static_cast<size_t>(axis)].is(1)) moved.push_back(axis);
  if (!is_ordered(moved)) return false;
  const auto spelled = spelled_reshape(graph, *from, *dims_of(node.output()));
  if (!spelled) return false;
  graph.set_op(&node, *spelled);
  return true;
}

/// Clipped or quantized by numbers that hold for every element.
bool is_by_scalars(const Node& node) {
  const Op& op = node.op;
  if (op.as<Clip>() == nullptr && op.as<QuantizeLinear>() == nullptr &&
      op.as<DequantizeLinear>() == nullptr)
    return false;
  return std::all_of(node.inputs.begin() + 1, node.inputs.end(), [](const Value* input) {
    const Dims* dims = input == nullptr ? nullptr : dims_of(input);
    return input == nullptr || (input->is_constant() && dims != nullptr && dims->empty());
  });
}

/// Padding whose widths are fields; another value than 0 is one number.
bool is_padding(const Node& node) {
  const auto* op = node.op.as<Pad>();
  if (op == nullptr || !op->pads || node.input(1) != nullptr || node.input(3) != nullptr)
    return false;
  if (op->axes && !numbers_of(op->axes)) return false;
  const Value* filling = node.input(2);
  const Dims* dims = filling == nullptr ? nullptr : dims_of(filling);
  return filling == nullptr || (filling->is_constant() && dims != nullptr && dims->empty());
}

/// The padding of what is transposed, in place of that of the transpose.
Pad before_transpose(Pad op, const Perm& perm) {
  const auto rank = std::ssize(perm);
  const auto axis_of = [&](int64_t axis) {
    return perm[static_cast<size_t>(axis < 0 ? axis + rank : axis)];
  };
  if (op.axes) {
    for (Dim& axis : *op.axes) axis = axis_of(*axis.constant());
    return op;
  }
  Dims pads = *op.pads;
  for (size_t i = 0; i < perm.size(); ++i) {
    const auto to = static_cast<size_t>(perm[i]);
    pads[to] = (*op.pads)[i];
    pads[to + perm.size()] = (*op.pads)[i + perm.size()];
  }
  op.pads = pads;
  return op;
}

bool passes_through(const Node& node) {
  return is_unary(node.op) || is_broadcasting(node.op) || node.op.as<PRelu>() != nullptr ||
         node.op.as<Concat>() != nullptr || is_by_scalars(node) || is_padding(node);
}

/// Some reader is a transpose, or comes to one through a few nodes that a transpose can pass.
bool comes_to_transpose(const Value* value, const PassOptions& options) {
  constexpr int kMostDepth = 16;
  constexpr size_t kMostLooked = 512;
  std::unordered_set<const Node*> seen;
  std::vector<const Value*> level{value};
  for (int depth = 0; depth < kMostDepth && !level.empty(); ++depth) {
    std::vector<const Value*> next;
    for (const Value* each : level)
      for (const Node* user : each->users) {
        if (seen.size() >= kMostLooked) return false;
        if (!seen.insert(user).second || options.keep(*user)) continue;
        if (user->op.as<Transpose>() != nullptr) return true;
        if (passes_through(*user)) next.push_back(user->output());
      }
    level = std::move(next);
  }
  return false;
}

/// How a transpose gets past one node.
class Sinking {
 public:
  Sinking(Graph& graph, Node& node, const PassOptions& options)
      : graph_(graph), node_(node), options_(options) {}

  bool run() {
    if (!passes_through(node_) || options_.keep(node_) || dims_of(node_.output()) == nullptr)
      return false;
    for (const Value* input : node_.inputs)
      if (input != nullptr && !read_operand(input)) return false;
    if (transposes_ == 0) return false;
    if (transposes_ == 1 && !comes_to_transpose(node_.output(), options_)) return false;
    rebuild();
    return true;
  }

 private:
  /// false: the transpose does not get past this operand.
  bool read_operand(const Value* input) {
    const Dims *dims = dims_of(input), *result = dims_of(node_.output());
    if (dims == nullptr) return false;
    const bool concat = node_.op.as<Concat>() != nullptr;
    if (const Node* producer = producer_of<Transpose>(input)) {
      const auto perm = perm_of(*producer);
      if (!perm || options_.keep(*producer) || (perm_ && *perm_ != *perm)) return false;
      const bool grows = concat || node_.op.as<Pad>() != nullptr;
      if (!grows && *dims != *result) return false;  // the result is larger: dearer to move
      // Others read it too: then there would be one more.
      const bool only = std::all_of(input->users.begin(), input->users.end(),
                                    [&](const Node* user) { return user == &node_; });
      if (!only || graph_.is_output(input)) return false;
      perm_ = perm;
      ++transposes_;
      return true;
    }
    return !concat && input->is_constant() && dims->size() <= result->size();
  }

  /// A constant as it broadcasts before the transpose.
  Value* constant_before(Value* constant) {
    Dims dims = *dims_of(constant);
    if (std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is(1); }) &&
        dims.size() <= 1)
      return constant;
    dims.insert(dims.begin(), perm_->size() - dims.size(), Dim(1));
    Value* value = constant;
    if (dims.size() != dims_of(constant)->size())
      value =
          add_before(graph_, &node_, kCancelTransposes, {},
                     *spelled_reshape(graph_, *dims_of(constant), dims), {value}, constant->name);
    return add_before(graph_, &node_, kCancelTransposes, {}, Transpose{inverse(*perm_)}, {value},
                      constant->name);
  }

  void rebuild() {
    std::vector<Value*> inputs;
    Origins origin;
    for (Value* input : node_.inputs) {
      if (input == nullptr) {
        inputs.push_back(nullptr);
        continue;
      }
      const Node* transpose = producer_of<Transpose>(input);
      inputs.push_back(transpose == nullptr ? constant_before(input) : transpose->inputs[0]);
      if (transpose != nullptr && origin.empty()) origin = transpose->origin;
    }
    Op op = node_.op;
    if (const auto* concat = op.as<Concat>()) {
      const int64_t axis = concat->axis < 0 ? concat->axis + std::ssize(*perm_) : concat->axis;
      op = Concat{(*perm_)[static_cast<size_t>(axis)]};
    } else if (const auto* pad = op.as<Pad>()) {
      op = before_transpose(*pad, *perm_);
    }
    Value* result = add_before(
        graph_, &node_, node_.by.empty() ? kCancelTransposes : std::string_view(node_.by),
        node_.origin, std::move(op), std::move(inputs), node_.output()->name);
    result = add_before(graph_, &node_, kCancelTransposes, std::move(origin), Transpose{*perm_},
                        {result}, node_.output()->name);
    replace_node(graph_, &node_, result);
  }

  Graph& graph_;
  Node& node_;
  const PassOptions& options_;
  std::optional<Perm> perm_;
  int transposes_ = 0;
};

}  // namespace

bool cancel_transposes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Transpose>() == nullptr) {
      changed |= Sinking(graph, current, options).run();
    } else if (!options.keep(current)) {
      changed |= compose(graph, current, options) || become_reshape(graph, current);
    }
  }
  return changed;
}

}  // namespace hone
