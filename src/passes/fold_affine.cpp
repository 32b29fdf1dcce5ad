// Batch norm, scale and bias of channels, folded into the weights beside them.

#include <algorithm>
#include <numeric>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/convolution.hpp"
#include "ops/matmul.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "passes/channel_affine.hpp"
#include "passes/fold.hpp"

namespace hone {
namespace {

/// Which axes of the weight, seen with a group axis in front where there are groups, are channels.
struct WeightView {
  Dims dims;
  std::vector<size_t> result, operand;
};

/// A node with weights.
struct Anchor {
  Node* node = nullptr;
  Node* add = nullptr;  // a MatMul's bias: the Add behind it
  WeightView view;

  bool is_matmul() const { return node->op.as<MatMul>() != nullptr; }
  Value* result() const { return (add != nullptr ? add : node)->output(); }
};

WeightView view_of(const Node& node, Dims weight) {
  if (const auto* gemm = node.op.as<Gemm>(); gemm != nullptr && gemm->transB)
    return {std::move(weight), {0}, {1}};
  if (node.op.as<Gemm>() != nullptr || node.op.as<MatMul>() != nullptr)
    return {std::move(weight), {1}, {0}};
  const auto* conv = node.op.as<Conv>();
  const int64_t group = conv != nullptr ? conv->group : node.op.as<ConvTranspose>()->group;
  if (group == 1) {
    if (conv != nullptr) return {std::move(weight), {0}, {1}};
    return {std::move(weight), {1}, {0}};
  }
  weight[0] = floor_div(weight[0], group);
  weight.insert(weight.begin(), Dim(group));
  if (conv != nullptr) return {std::move(weight), {0, 1}, {0, 2}};
  return {std::move(weight), {0, 2}, {0, 1}};
}

bool is_bias(const Value* bias) {
  const Dims* dims = dims_of(bias);
  return bias == nullptr || (dims != nullptr && is_weight(bias) && dims->size() <= 2 &&
                             (dims->size() < 2 || dims->front().is(1)));
}

std::optional<Anchor> anchor_of(Node* node) {
  if (node == nullptr || node->inputs.size() < 2 || !is_weight(node->inputs[1]))
    return std::nullopt;
  const bool window = node->op.as<Conv>() != nullptr || node->op.as<ConvTranspose>() != nullptr;
  const auto* gemm = node->op.as<Gemm>();
  if (!window && gemm == nullptr && node->op.as<MatMul>() == nullptr) return std::nullopt;
  const Dims *weight = dims_of(node->inputs[1]), *operand = dims_of(node->inputs[0]);
  if (weight == nullptr || !numbers_of(*weight) || operand == nullptr || operand->size() < 2 ||
      dims_of(node->output()) == nullptr || !is_bias(node->input(2)))
    return std::nullopt;
  if (!window && (weight->size() != 2 || (gemm != nullptr && gemm->transA))) return std::nullopt;
  return Anchor{node, nullptr, view_of(*node, *weight)};
}

/// The node with weights that gives `value`, a MatMul through its bias too.
std::optional<Anchor> anchor_before(const Graph& graph, const Value* value) {
  if (value->producer == nullptr || !read_once(graph, value)) return std::nullopt;
  Node* node = value->producer;
  if (node->op.as<Add>() == nullptr) return anchor_of(node);
  for (const Value* input : node->inputs) {
    Node* product = producer_of<MatMul>(input);
    if (product == nullptr || !read_once(graph, input) || dims_of(input) == nullptr) continue;
    const auto bias = channel_affine(*node, input, dims_of(input)->size() - 1);
    auto anchor = anchor_of(product);
    if (!bias || !anchor) continue;
    anchor->add = node;
    return anchor;
  }
  return std::nullopt;
}

class WeightFold {
 public:
  WeightFold(Graph& graph, const Anchor& anchor, const ChannelAffine& affine, std::string_view by)
      : graph_(graph), anchor_(anchor), affine_(affine), by_(by) {}

  /// affine(anchor(x)) becomes anchor(x); affine(between(anchor(x))) becomes between(anchor(x)).
  void into_anchor_before(const Node* between = nullptr) {
    Node& node = *anchor_.node;
    const ScaleShift change = scale_shift(graph_, &node, affine_, by_);
    Value* bias = bias_vector();
    if (bias != nullptr && change.scale != nullptr) bias = add(Mul{}, {bias, change.scale});
    if (bias != nullptr && change.shift != nullptr) bias = add(Add{}, {bias, change.shift});
    else if (bias == nullptr) bias = change.shift;
    if (change.scale != nullptr)
      graph_.set_input(&node, 1, scaled(anchor_.view.result, change.scale));
    claim(node);
    if (bias != nullptr && anchor_.is_matmul() && anchor_.add == nullptr) return become_add(bias);
    if (bias != nullptr) set_bias(bias);
    graph_.replace_uses(affine_.node->output(),
                        between == nullptr ? anchor_.result() : between->output());
    graph_.erase(affine_.node);
  }

  /// anchor(affine(x)) becomes anchor(x), anchor(between(affine(x))) becomes anchor(between(x)).
  void into_anchor_after(Node* between = nullptr) {
    Node& node = *anchor_.node;
    const ScaleShift change = scale_shift(graph_, &node, affine_, by_);
    if (change.shift != nullptr) {
      Value* bias = response(change.shift);
      if (Value* own = bias_vector()) bias = add(Add{}, {own, bias});
      set_bias(bias);
    }
    if (change.scale != nullptr)
      graph_.set_input(&node, 1, scaled(anchor_.view.operand, change.scale));
    graph_.set_input(between == nullptr ? &node : between, 0,
                     affine_.node->inputs[affine_.operand]);
    claim(node);
    graph_.erase(affine_.node);
  }

 private:
  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, anchor_.node, by_, affine_.node->origin, std::move(op),
                      std::move(inputs), anchor_.node->output()->name + "_fold");
  }
  Value* reshaped(Value* value, Dims dims) {
    if (*dims_of(value) == dims) return value;
    return add(reshape_to(std::move(dims)), {value});
  }
  void claim(Node& node) {
    node.origin = origins_of({&node, affine_.node});
    node.by = by_;
  }

  /// A vector of channels as it broadcasts over the weight's view.
  Value* spread(const std::vector<size_t>& channels, Value* vector) {
    if (dims_of(vector)->front().is(1)) return vector;
    Dims dims(anchor_.view.dims.size(), Dim(1));
    for (const size_t axis : channels) dims[axis] = anchor_.view.dims[axis];
    return reshaped(vector, std::move(dims));
  }
  Value* viewed_weight() { return wide(reshaped(anchor_.node->inputs[1], anchor_.view.dims)); }

  DType type() const { return *dtype_of(anchor_.node->output()); }
  Value* cast(Value* value, DType to) {
    return dtype_of(value) == to ? value : add(Cast{to}, {value});
  }
  Value* wide(Value* value) { return cast(value, folding_type(type())); }

  Value* scaled(const std::vector<size_t>& channels, Value* scale) {
    const Dims dims = *dims_of(anchor_.node->inputs[1]);
    Value* weight = add(Mul{}, {viewed_weight(), spread(channels, scale)});
    return reshaped(cast(weight, type()), dims);
  }

  /// What a constant operand, one number a channel, gives: a vector over the result's channels.
  Value* response(Value* operand) {
    const WeightView& view = anchor_.view;
    Dims others;
    for (size_t axis = 0; axis < view.dims.size(); ++axis)
      if (std::find(view.result.begin(), view.result.end(), axis) == view.result.end())
        others.emplace_back(static_cast<int64_t>(axis));
    Value* product = add(Mul{}, {viewed_weight(), spread(view.operand, operand)});
    Value* sum = add(ReduceSum{std::move(others), false, false}, {product});
    if (const auto* gemm = anchor_.node->op.as<Gemm>(); gemm != nullptr && gemm->alpha != 1)
      sum = add(Mul{}, {sum, number(double{gemm->alpha})});
    return reshaped(sum, {channels()});
  }

  Dim channels() const {
    Dim count = 1;
    for (const size_t axis : anchor_.view.result) count = count * anchor_.view.dims[axis];
    return count;
  }
  Value* number(double number) {
    Tensor tensor(folding_type(type()), {1});
    tensor.set_number(0, number);
    return add_literal(graph_, anchor_.node->output()->name + "_fold", std::move(tensor));
  }

  size_t bias_operand() const {
    return producer_of<MatMul>(anchor_.add->inputs[0]) == anchor_.node ? 1 : 0;
  }
  Value* bias_vector() {
    Value* bias =
        anchor_.add != nullptr ? anchor_.add->inputs[bias_operand()] : anchor_.node->input(2);
    if (bias == nullptr) return nullptr;
    bias = wide(reshaped(bias, {product(*dims_of(bias))}));
    if (const auto* gemm = anchor_.node->op.as<Gemm>(); gemm != nullptr && gemm->beta != 1)
      bias = add(Mul{}, {bias, number(double{gemm->beta})});
    return bias;
  }
  void set_bias(Value* bias) {
    bias = cast(bias, type());
    if (*dims_of(bias) != Dims{channels()}) bias = add(Expand{Dims{channels()}}, {bias});
    if (anchor_.add != nullptr) {
      graph_.set_input(anchor_.add, bias_operand(), bias);
      anchor_.add->origin = origins_of({anchor_.add, affine_.node});
      return;
    }
    if (const auto* gemm = anchor_.node->op.as<Gemm>(); gemm != nullptr && gemm->beta != 1) {
      Gemm changed = *gemm;
      changed.beta = 1;
      graph_.set_op(anchor_.node, changed);
    }
    graph_.set_input(anchor_.node, 2, bias);
  }

  /// A MatMul without bias: the shift stays an Add in the affine's place.
  void become_add(Value* bias) {
    Node& node = *affine_.node;
    graph_.set_op(&node, Add{});
    while (node.inputs.size() > 2) graph_.set_input(&node, node.inputs.size() - 1, nullptr);
    graph_.set_input(&node, 0, anchor_.node->output());
    graph_.set_input(&node, 1, cast(bias, type()));
    node.by = by_;
  }

  Graph& graph_;
  const Anchor& anchor_;
  const ChannelAffine& affine_;
  std::string_view by_;
};

bool is_kept(const PassOptions& options, const Anchor& anchor) {
  return options.keep(*anchor.node) || (anchor.add != nullptr && options.keep(*anchor.add));
}

/// No window looks beyond the operand: every tap sees the shift.
bool sees_no_padding(const Node& node) {
  if (node.op.as<Gemm>() != nullptr) return true;
  const auto* conv = node.op.as<Conv>();
  if (conv == nullptr) return false;  // of a transposed convolution the number of taps differs
  const Window& window = conv->window;
  return window.auto_pad == AutoPad::valid ||
         (window.auto_pad == AutoPad::notset && std::all_of(window.pads.begin(), window.pads.end(),
                                                            [](int64_t pad) { return pad == 0; }));
}

/// f(s * x) is s * f(x) for positive s.
bool commutes_with_factors(const Node& node) {
  return node.op.as<Relu>() != nullptr || node.op.as<LeakyRelu>() != nullptr;
}

/// Where the channels of `axis` lie behind a reshape that leaves them one axis; nullopt: nowhere.
std::optional<size_t> axis_behind(const Node& reshape, size_t axis) {
  const Dims *from = dims_of(reshape.inputs[0]), *to = dims_of(reshape.output());
  if (from == nullptr || to == nullptr || axis >= from->size()) return std::nullopt;
  const auto outside = [](const Dims& dims, size_t at) {
    const auto middle = dims.begin() + static_cast<std::ptrdiff_t>(at);
    return std::pair(product(Dims(dims.begin(), middle)), product(Dims(middle + 1, dims.end())));
  };
  for (size_t at = 0; at < to->size(); ++at)
    if ((*to)[at] == (*from)[axis] && outside(*to, at) == outside(*from, axis)) return at;
  return std::nullopt;
}

using Kind = ChannelAffine::Kind;

class AffinePass {
 public:
  /// Which affines the pass is about.
  using Wanted = bool (*)(ChannelAffine::Kind kind);

  AffinePass(Graph& graph, const PassOptions& options, Wanted wanted, std::string_view name)
      : graph_(graph), options_(options), wanted_(wanted), name_(name) {}

  bool run() {
    bool changed = false;
    for (auto node = graph_.nodes().begin(); node != graph_.nodes().end();) {
      Node& current = *node++;
      if (current.outputs.size() != 1 || options_.keep(current)) continue;
      changed |= fold_back(current) || fold_forward(current) || split(current);
    }
    if (changed) graph_.sort();  // weights of later nodes are read by earlier ones now
    return changed;
  }

 private:
  bool fold_back(Node& node) {
    for (const Value* input : node.inputs) {
      if (input == nullptr || input->is_constant()) continue;
      const Node* view = view_of(input);
      const Node* between = view != nullptr ? view : between_of(input);
      const auto anchor = anchor_before(graph_, between == nullptr ? input : between->inputs[0]);
      if (!anchor || is_kept(options_, *anchor) || (view != nullptr && anchor->is_matmul()))
        continue;
      const bool is_product = anchor->is_matmul() || anchor->node->op.as<Gemm>() != nullptr;
      std::optional<size_t> axis = is_product ? dims_of(anchor->result())->size() - 1 : 1;
      if (view != nullptr) axis = axis_behind(*view, *axis);
      if (!axis) continue;
      const auto affine = channel_affine(node, input, *axis);
      if (!affine || !wanted_(affine->kind)) continue;
      if (between != nullptr && view == nullptr && !moves_past(*affine)) continue;
      // MatMul and Add stand side by side: that is how a bias is written.
      if (anchor->is_matmul() && anchor->add == nullptr && !affine->scales()) continue;
      WeightFold(graph_, *anchor, *affine, name_).into_anchor_before(between);
      return true;
    }
    return false;
  }

  bool fold_forward(Node& node) {
    if (!read_once(graph_, node.output()) || is_weight(node.output())) return false;
    Node* reader = node.output()->users.front();
    Node* between = between_of(reader->output()) == reader ? reader : nullptr;
    if (between != nullptr) reader = between->output()->users.front();
    const Value* read = (between == nullptr ? &node : between)->output();
    if (reader->inputs.empty() || reader->inputs[0] != read || options_.keep(*reader)) return false;
    const auto anchor = anchor_of(reader);
    if (!anchor) return false;
    const size_t rank = dims_of(node.output())->size();
    const bool window = !anchor->is_matmul() && reader->op.as<Gemm>() == nullptr;
    for (const Value* input : node.inputs) {
      if (input == nullptr || is_weight(input)) continue;
      const auto affine = channel_affine(node, input, window ? 1 : rank - 1);
      if (!affine || !wanted_(affine->kind)) continue;
      if (affine->shifts() && !sees_no_padding(*reader)) continue;
      if (between != nullptr && !moves_past(*affine)) continue;
      WeightFold(graph_, *anchor, *affine, name_).into_anchor_after(between);
      return true;
    }
    return false;
  }

  /// Batch norm behind such a node: its factors will go past, its shift stays.
  bool split(Node& node) {
    if (node.op.as<BatchNormalization>() == nullptr || !wanted_(Kind::batch_norm)) return false;
    const Node* between = between_of(node.inputs[0]);
    if (between == nullptr) return false;
    const auto anchor = anchor_before(graph_, between->inputs[0]);
    const auto affine = channel_affine(node, between->output(), 1);
    const size_t rank = dims_of(node.output())->size();
    if (!anchor || !affine || !is_positive(*affine) || (anchor->is_matmul() && rank != 2))
      return false;
    const ScaleShift change = scale_shift(graph_, &node, *affine, name_);
    Dims dims(rank - 1, Dim(1));
    dims.front() = affine->channels;
    const auto add = [&](Op op, std::vector<Value*> inputs) {
      return add_before(graph_, &node, name_, node.origin, std::move(op), std::move(inputs),
                        node.output()->name + "_fold");
    };
    const auto spread = [&](Value* vector) {
      return add(reshape_to(dims), {add(Cast{*dtype_of(node.output())}, {vector})});
    };
    Value* scaled = add(Mul{}, {between->output(), spread(change.scale)});
    Value* shift = spread(change.shift);
    for (size_t i = node.inputs.size(); i-- > 2;) graph_.set_input(&node, i, nullptr);
    graph_.set_input(&node, 0, scaled), graph_.set_input(&node, 1, shift);
    graph_.set_op(&node, Add{});
    node.by = name_;
    return true;
  }

  /// What positive factors move past, read by one node alone; null: none.
  Node* between_of(const Value* value) const {
    Node* node = value == nullptr ? nullptr : value->producer;
    const bool found = node != nullptr && commutes_with_factors(*node) &&
                       read_once(graph_, value) && !options_.keep(*node);
    return found ? node : nullptr;
  }
  /// A reshape, read by one node alone; null: none.
  Node* view_of(const Value* value) const {
    Node* node = producer_of<Reshape>(value);
    return node != nullptr && read_once(graph_, value) && !options_.keep(*node) ? node : nullptr;
  }
  static bool moves_past(const ChannelAffine& affine) {
    return !affine.shifts() && is_positive(affine);
  }

  Graph& graph_;
  const PassOptions& options_;
  Wanted wanted_;
  std::string_view name_;
};

}  // namespace

bool fold_batch_norm(Graph& graph, const PassOptions& options) {
  const auto wanted = [](Kind kind) { return kind == Kind::batch_norm; };
  return AffinePass(graph, options, wanted, "fold_batch_norm").run();
}

bool fold_scale(Graph& graph, const PassOptions& options) {
  const auto wanted = [](Kind kind) { return kind == Kind::mul || kind == Kind::div; };
  return AffinePass(graph, options, wanted, "fold_scale").run();
}

bool fold_bias(Graph& graph, const PassOptions& options) {
  const auto wanted = [](Kind kind) {
    return kind == Kind::add || kind == Kind::subtract || kind == Kind::subtract_from;
  };
  return AffinePass(graph, options, wanted, "fold_bias").run();
}

}  // namespace hone
