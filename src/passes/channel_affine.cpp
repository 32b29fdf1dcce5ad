#include "passes/channel_affine.hpp"

#include <algorithm>
#include <cmath>

#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/math.hpp"
#include "ops/normalization.hpp"
#include "ops/shape.hpp"

namespace hone {
namespace {

using Kind = ChannelAffine::Kind;

/// Broadcasts to `dims` with at most the channels' axis of its own.
bool is_per_channel(const Value* value, const Dims& dims, size_t axis) {
  const Dims* own = dims_of(value);
  if (own == nullptr || own->size() > dims.size() || !is_weight(value)) return false;
  for (size_t i = 0; i < own->size(); ++i) {
    const size_t at = dims.size() - own->size() + i;
    if (!(*own)[i].is(1) && (at != axis || (*own)[i] != dims[at])) return false;
  }
  return true;
}

std::optional<Kind> kind_of(const Node& node, size_t operand) {
  if (node.op.as<Mul>() != nullptr) return Kind::mul;
  if (node.op.as<Add>() != nullptr) return Kind::add;
  if (node.op.as<Sub>() != nullptr) return operand == 0 ? Kind::subtract : Kind::subtract_from;
  if (node.op.as<Div>() != nullptr && operand == 0) return Kind::div;
  return std::nullopt;
}

/// Adds nodes over vectors, one after the other.
class VectorNodes {
 public:
  VectorNodes(Graph& graph, Node* before, const ChannelAffine& affine, std::string_view by)
      : graph_(graph), before_(before), affine_(affine), by_(by) {}

  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, before_, by_, affine_.node->origin, std::move(op), std::move(inputs),
                      affine_.node->output()->name + "_fold");
  }
  /// The weight with its elements in a row.
  Value* vector(Value* value) {
    const Dims& dims = *dims_of(value);
    if (dims.size() == 1) return wide(value);
    const Dim count = product(dims);
    return wide(add(Reshape{Dims{count}, count.is(0)}, {value}));
  }
  Value* wide(Value* value) {
    return dtype_of(value) == type() ? value : add(Cast{type()}, {value});
  }
  DType type() const { return folding_type(*dtype_of(affine_.node->output())); }
  Value* number(double number) {
    Tensor tensor(type(), {1});
    tensor.set_number(0, number);
    return add_literal(graph_, affine_.node->output()->name + "_fold", std::move(tensor));
  }
  ScaleShift batch_norm() {
    const Node& node = *affine_.node;
    const double epsilon = double{node.op.as<BatchNormalization>()->epsilon};
    Value* root = add(Sqrt{}, {add(Add{}, {wide(node.inputs[4]), number(epsilon)})});
    Value* scale = add(Div{}, {wide(node.inputs[1]), root});
    Value* mean = add(Mul{}, {wide(node.inputs[3]), scale});
    return {scale, add(Sub{}, {wide(node.inputs[2]), mean})};
  }

 private:
  Graph& graph_;
  Node* before_;
  const ChannelAffine& affine_;
  std::string_view by_;
};

}  // namespace

namespace {

/// `looks`: values that may yet be looked at; on several ways to one they would double at each
/// node.
bool is_weight(const Value* value, int depth, int& looks) {
  if (value == nullptr || depth == 0 || --looks < 0) return false;
  if (value->is_constant()) return true;
  const Node* producer = value->producer;
  return producer != nullptr && producer->op.op_class().pure && !producer->inputs.empty() &&
         std::all_of(producer->inputs.begin(), producer->inputs.end(), [&](const Value* input) {
           return input == nullptr || is_weight(input, depth - 1, looks);
         });
}

}  // namespace

bool is_weight(const Value* value) {
  constexpr int kMostDepth = 16;
  int looks = 4096;
  return is_weight(value, kMostDepth, looks);
}

std::optional<ChannelAffine> channel_affine(Node& node, const Value* x, size_t axis) {
  const Dims *dims = dims_of(x), *result = dims_of(node.output());
  const auto type = dtype_of(x);
  const bool foldable =
      type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
  if (!foldable || dims == nullptr || result == nullptr || *dims != *result || axis >= dims->size())
    return std::nullopt;
  const auto channels = (*dims)[axis].constant();
  if (!channels) return std::nullopt;
  ChannelAffine found{&node, 0, Kind::batch_norm, axis, *channels};
  if (node.op.as<BatchNormalization>() != nullptr) {
    if (axis != 1 || node.inputs[0] != x) return std::nullopt;
    const bool constant = std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                                      [](const Value* each) { return is_weight(each); });
    return constant ? std::optional(found) : std::nullopt;
  }
  if (node.inputs.size() != 2) return std::nullopt;
  found.operand = node.inputs[0] == x ? 0 : 1;
  const auto kind = kind_of(node, found.operand);
  if (!kind || !is_per_channel(node.inputs[1 - found.operand], *dims, axis)) return std::nullopt;
  found.kind = *kind;
  return found;
}

bool is_positive(const ChannelAffine& affine) {
  if (affine.kind == Kind::add || affine.kind == Kind::subtract) return true;
  if (affine.kind == Kind::subtract_from) return false;
  const bool batch_norm = affine.kind == Kind::batch_norm;
  const Value* factors = affine.node->inputs[batch_norm ? 1 : 1 - affine.operand];
  if (!factors->is_constant() || factors->weight->is_absent() || factors->weight->is_random())
    return false;
  const Tensor& tensor = factors->weight->tensor();
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (!(tensor.number(i) > 0) || std::isinf(tensor.number(i))) return false;
  return true;
}

DType folding_type(DType type) { return type == DType::f64 ? DType::f64 : DType::f32; }

ScaleShift scale_shift(Graph& graph, Node* before, const ChannelAffine& affine,
                       std::string_view by) {
  VectorNodes nodes(graph, before, affine, by);
  if (affine.kind == Kind::batch_norm) return nodes.batch_norm();
  Value* vector = nodes.vector(affine.node->inputs[1 - affine.operand]);
  switch (affine.kind) {
    case Kind::mul: return {vector, nullptr};
    case Kind::div: return {nodes.add(Reciprocal{}, {vector}), nullptr};
    case Kind::add: return {nullptr, vector};
    case Kind::subtract: return {nullptr, nodes.add(Neg{}, {vector})};
    default: return {nodes.number(-1), vector};
  }
}

}  // namespace hone
