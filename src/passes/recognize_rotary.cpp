// x * cos + rotate_half(x) * sin, as language models write it, is a rotary embedding.

#include <algorithm>

#include "ops/arithmetic.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/rotary.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "passes/pointwise.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"
#include "passes/rules.hpp"

namespace hone {
namespace {

constexpr std::string_view kName = "recognize_rotary";
/// A table is read to see that its halves are equal up to this many elements.
constexpr int64_t kTableElements = 1 << 22;

bool is_last(int64_t axis, size_t rank) {
  return axis == -1 || axis == static_cast<int64_t>(rank) - 1;
}

/// Neighbours along the last axis of another value.
struct Piece {
  Value* of = nullptr;
  int64_t first = 0, size = 0;
};

std::optional<Piece> piece_of(Value* value) {
  const Dims* dims = dims_of(value);
  Node* node = value->producer;
  if (dims == nullptr || dims->empty() || node == nullptr) return std::nullopt;
  const auto size = dims->back().constant();
  const Dims* whole = dims_of(node->input(0));
  if (!size || whole == nullptr || whole->size() != dims->size()) return std::nullopt;
  if (const auto* split = node->op.as<Split>();
      split != nullptr && is_last(split->axis, dims->size())) {
    Piece piece{node->inputs[0], 0, *size};
    for (int i = 0; i < value->index; ++i) {
      const Dims* before = dims_of(node->outputs[static_cast<size_t>(i)]);
      if (before == nullptr || !before->back().constant()) return std::nullopt;
      piece.first += *before->back().constant();
    }
    return piece;
  }
  const auto* slice = node->op.as<Slice>();
  if (slice == nullptr || node->inputs.size() != 1 || !whole->back().constant())
    return std::nullopt;
  const auto starts = numbers_of(slice->starts), axes = numbers_of(slice->axes);
  const auto steps = slice->steps ? numbers_of(slice->steps) : std::vector<int64_t>{1};
  if (!starts || !axes || !steps || starts->size() != 1 || axes->size() != 1 ||
      steps->size() != 1 || steps->front() != 1 || !is_last(axes->front(), dims->size()))
    return std::nullopt;
  const int64_t first = starts->front();
  return Piece{node->inputs[0], first < 0 ? first + *whole->back().constant() : first, *size};
}

/// A factor of one number beside a table, which is operand 0 or 1; else 2.
size_t table_operand(const Node& node) {
  if (node.op.as<Mul>() == nullptr) return 2;
  for (const size_t i : {0, 1})
    if (scalar_of(node.inputs[1 - i]) && node.inputs[1 - i]->weight->count() == 1 &&
        node.inputs[1 - i]->weight->tensor().rank() <= 1)
      return i;
  return 2;
}

/// Where axis `axis` of the result lies in operand 0, whose places along it stay together; nullopt:
/// the node does something else.
std::optional<int64_t> axis_before(const Node& node, int64_t axis) {
  const Dims *from = dims_of(node.input(0)), *to = dims_of(node.output());
  if (from == nullptr || to == nullptr) return std::nullopt;
  const int64_t shift = std::ssize(*to) - std::ssize(*from);
  if (is_unary(node.op)) return axis;
  if (node.op.as<Expand>() != nullptr) return axis - shift;
  if (node.op.as<Reshape>() != nullptr) {  // the same sizes from the axis on
    const int64_t place = axis - shift;
    const bool same =
        place >= 0 && std::equal(from->begin() + place, from->end(), to->begin() + axis, to->end());
    return same ? std::optional(place) : std::nullopt;
  }
  if (const auto* transpose = node.op.as<Transpose>()) {
    if (transpose->perm.empty()) return std::ssize(*to) - 1 - axis;
    const int64_t place = transpose->perm[static_cast<size_t>(axis)];
    return place < 0 ? place + std::ssize(*from) : place;
  }
  if (const auto* gather = node.op.as<Gather>()) {
    const int64_t gathered = gather->axis < 0 ? gather->axis + std::ssize(*from) : gather->axis;
    if (axis < gathered) return axis;
    return axis - shift > gathered ? std::optional(axis - shift) : std::nullopt;
  }
  const auto* slice = node.op.as<Slice>();
  const auto axes = slice == nullptr ? std::nullopt : numbers_of(slice->axes);
  if (!axes || std::any_of(axes->begin(), axes->end(), [&](int64_t cut) {
        return cut == axis || cut + std::ssize(*from) == axis;
      }))
    return std::nullopt;
  return axis;
}

/// Tables whose two halves along an axis are equal, and the nodes that make one half.
class Halves {
 public:
  Halves(Graph& graph, Node* before) : graph_(graph), before_(before) {}

  bool equal(const Value* value, int64_t axis, int depth = 16) const {
    const Dims* dims = dims_of(value);
    if (depth == 0 || dims == nullptr || axis < 0 || axis >= std::ssize(*dims)) return false;
    const auto size = (*dims)[static_cast<size_t>(axis)].constant();
    if (!size || *size % 2 != 0 || *size == 0) return false;
    if (value->is_constant()) return equal_contents(*value, axis);
    const Node* node = value->producer;
    if (node == nullptr || node->outputs.size() != 1) return false;
    if (const auto* concat = node->op.as<Concat>();
        concat != nullptr && is_axis(concat->axis, axis, dims->size()))
      return node->inputs.size() == 2 && node->inputs[0] == node->inputs[1];
    if (const size_t table = table_operand(*node); table < 2) {
      const Dims* own = dims_of(node->inputs[table]);
      return own != nullptr && *own == *dims && equal(node->inputs[table], axis, depth - 1);
    }
    if (node->inputs.size() != (node->op.as<Gather>() != nullptr ? 2 : 1)) return false;
    const auto place = axis_before(*node, axis);
    return place && equal(node->inputs[0], *place, depth - 1);
  }

  /// The first half of what is equal().
  Value* half(Value* value, int64_t axis) {
    Dims dims = *dims_of(value);
    Dim& size = dims[static_cast<size_t>(axis)];
    size = *size.constant() / 2;
    Node* node = value->producer;
    if (value->is_constant())
      return add(Slice{Dims{Dim(0)}, Dims{size}, Dims{Dim(axis)}}, {value}, *value);
    if (const auto* concat = node->op.as<Concat>();
        concat != nullptr && is_axis(concat->axis, axis, dims.size()))
      return node->inputs[0];
    std::vector<Value*> inputs = node->inputs;
    const size_t table = table_operand(*node);
    if (table < 2) inputs[table] = half(inputs[table], axis);
    else inputs[0] = half(inputs[0], *axis_before(*node, axis));
    if (node->op.as<Reshape>() != nullptr) return add(reshape_to(dims), inputs, *value);
    if (node->op.as<Expand>() != nullptr) return add(Expand{dims}, inputs, *value);
    return add(node->op, inputs, *value);
  }

 private:
  static bool is_axis(int64_t own, int64_t axis, size_t rank) {
    return own == axis || own + static_cast<int64_t>(rank) == axis;
  }

  static bool equal_contents(const Value& value, int64_t axis) {
    const Weight& weight = *value.weight;
    if (weight.is_absent() || weight.is_random() || weight.count() > kTableElements ||
        !is_float(weight.dtype()))
      return false;
    int64_t inner = 1;
    for (auto i = static_cast<size_t>(axis) + 1; i < weight.shape().size(); ++i)
      inner *= weight.shape()[i];
    const int64_t half = weight.shape()[static_cast<size_t>(axis)] / 2 * inner;
    const Tensor& tensor = weight.tensor();
    for (int64_t row = 0; row < tensor.count(); row += 2 * half)
      for (int64_t i = row; i < row + half; ++i)
        if (!(tensor.number(i) == tensor.number(i + half))) return false;
    return true;
  }

  Value* add(Op op, std::vector<Value*> inputs, const Value& whole) {
    return add_before(graph_, before_, kName, before_->origin, std::move(op), std::move(inputs),
                      whole.name + "_half");
  }

  Graph& graph_;
  Node* before_;
};

class Rotary {
 public:
  Rotary(Graph& graph, Node& node, const PassOptions& options)
      : graph_(graph), node_(node), options_(options) {}

  bool run() {
    for (const size_t side : {0, 1})
      if (find(node_.inputs[side], node_.inputs[1 - side])) return build();
    return false;
  }

 private:
  Node* inner(const Value* value) const {
    Node* node = value->producer;
    const bool alone = node != nullptr && read_once(graph_, value) && !options_.keep(*node);
    return alone ? node : nullptr;
  }

  /// `straight` is x * cos, `turned` rotate_half(x) * sin.
  bool find(Value* straight, Value* turned) {
    Node *product = inner(straight), *other = inner(turned);
    if (product == nullptr || other == nullptr || product->op.as<Mul>() == nullptr ||
        other->op.as<Mul>() == nullptr)
      return false;
    for (const size_t i : {0, 1})
      for (const size_t j : {0, 1}) {
        x_ = product->inputs[i], cos_ = product->inputs[1 - i], sin_ = other->inputs[1 - j];
        nodes_ = {product, other};
        if (turns(other->inputs[j]) && fits()) return true;
      }
    return false;
  }

  /// -second half, first half.
  bool turns(const Value* value) {
    Node* concat = inner(value);
    const Dims* dims = dims_of(x_);
    if (concat == nullptr || dims == nullptr || concat->op.as<Concat>() == nullptr ||
        concat->inputs.size() != 2 || !is_last(concat->op.as<Concat>()->axis, dims->size()) ||
        !dims->back().constant())
      return false;
    Node* negated = inner(concat->inputs[0]);
    if (negated == nullptr || negated->op.as<Neg>() == nullptr) return false;
    const auto high = piece_of(negated->inputs[0]), low = piece_of(concat->inputs[1]);
    const int64_t half = *dims->back().constant() / 2;
    nodes_.insert(nodes_.end(), {concat, negated});
    return high && low && high->of == x_ && low->of == x_ && low->first == 0 && low->size == half &&
           high->first == half && high->size == half && 2 * half == *dims->back().constant();
  }

  /// Heads lie in front of the sequence or behind it; tables know nothing of them.
  bool fits() {
    const Dims *x = dims_of(x_), *cos = dims_of(cos_), *sin = dims_of(sin_);
    if (x->size() != 4 || cos == nullptr || sin == nullptr || *cos != *sin || cos->size() < 2 ||
        cos->size() > 4 || *dims_of(node_.output()) != *x)
      return false;
    Dims table(4 - cos->size(), Dim(1));
    table.insert(table.end(), cos->begin(), cos->end());
    if (table[3] != (*x)[3]) return false;
    if (table[1].is(1) && table[2] == (*x)[2]) heads_ = 1;
    else if (table[2].is(1) && table[1] == (*x)[1]) heads_ = 2;
    else return false;
    batched_ = table[0] == (*x)[0] && !table[0].is(1);
    if (!batched_ && !table[0].is(1)) return false;
    if (heads_ == 2 && (!(*x)[2].constant() || (*x)[2].is(0))) return false;
    const Halves halves(graph_, &node_);
    const int64_t last = std::ssize(*cos) - 1;
    return halves.equal(cos_, last) && halves.equal(sin_, last);
  }

  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, &node_, kName, node_.origin, std::move(op), std::move(inputs),
                      node_.output()->name);
  }

  bool build() {
    const Dims x = *dims_of(x_);
    const Dim sequence = x[heads_ == 1 ? 2 : 1], half = *x[3].constant() / 2;
    Halves halves(graph_, &node_);
    const Dims table = batched_ ? Dims{x[0], sequence, half} : Dims{sequence, half};
    const int64_t last = std::ssize(*dims_of(cos_)) - 1;
    std::vector<Value*> inputs{x_, add(reshape_to(table), {halves.half(cos_, last)}),
                               add(reshape_to(table), {halves.half(sin_, last)})};
    if (!batched_)  // rows of all samples begin with the first
      inputs.push_back(
          add_literal(graph_, node_.output()->name + "_first", Tensor(DType::i64, {1})));
    std::vector<const Node*> replaced(nodes_.begin(), nodes_.end());
    replaced.push_back(&node_);
    const Origins origin = origins_of(replaced);
    RotaryEmbedding rotary;
    Value* result = nullptr;
    if (heads_ == 1) {
      result = add(rotary, inputs);
    } else {
      rotary.num_heads = *x[2].constant();
      inputs[0] = add(reshape_to({x[0], x[1], x[2] * x[3]}), {x_});
      result = add(reshape_to(x), {add(rotary, inputs)});
    }
    result->producer->origin = origin;
    replace_node(graph_, &node_, result);
    return true;
  }

  Graph& graph_;
  Node& node_;
  const PassOptions& options_;
  Value *x_ = nullptr, *cos_ = nullptr, *sin_ = nullptr;
  std::vector<Node*> nodes_;
  size_t heads_ = 1;      // axis of heads
  bool batched_ = false;  // every sample has a table
};

}  // namespace

bool recognize_rotary(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Add>() == nullptr || dims_of(current.output()) == nullptr ||
        options.keep(current))
      continue;
    changed |= Rotary(graph, current, options).run();
  }
  return apply_rules(graph, rules_of("rotary"), {options.disabled, options.keep}) || changed;
}

}  // namespace hone
