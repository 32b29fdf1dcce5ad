// f32 becomes halves, but where those will not do.

#include "passes/narrow_floats.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ops/activation.hpp"
#include "ops/attention.hpp"
#include "ops/cast.hpp"
#include "passes/half_range.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr std::string_view kBy = "narrow_floats";
constexpr double kMostHalf = 65504;

bool is_f32(const Value* value) { return dtype_of(value) == DType::f32; }

/// The contents as halves; of what would be made from a seed, halves made from it.
std::shared_ptr<const Weight> as_halves(const Weight& weight,
                                        const std::shared_ptr<const Weight>& shared, DType to) {
  if (weight.is_random()) return Weight::random(to, weight.shape(), weight.seed(), weight.gain());
  if (weight.is_absent()) return Weight::absent(to, weight.shape(), {}, weight.source());
  if (weight.is_converted() && weight.stored().dtype() == to) return weight.converted_from();
  if (weight.is_converted())
    return Weight::of(Weight::converted(Weight::of(weight.contents()), to)->contents());
  return Weight::of(Weight::converted(shared, to)->contents(), weight.source());
}

class Narrowing {
 public:
  Narrowing(Graph& graph, DType to, const PassOptions& options, std::vector<KeptWide>* kept)
      : graph_(graph), to_(to), options_(options), kept_(kept), range_(graph, to) {}

  bool run() {
    for (auto node = graph_.nodes().begin(); node != graph_.nodes().end();) visit(*node++);
    for (size_t i = 0; i < graph_.outputs().size(); ++i)
      if (Value* value = graph_.outputs()[i].value; halves_.contains(value))
        graph_.set_output(i, as_f32(value, nullptr));
    return changed_;
  }

 private:
  /// It was f32, and may be a half by now.
  bool is_ours(const Value* value) const { return is_f32(value) || halves_.contains(value); }

  void visit(Node& node) {
    const auto ours = [&](const Value* value) { return is_ours(value); };
    if (std::ranges::none_of(node.inputs, ours) && std::ranges::none_of(node.outputs, ours)) return;
    const auto* cast = node.op.as<Cast>();
    if (cast != nullptr && cast->to != DType::f32 && !options_.keep(node)) return;  // as it comes
    const Op op = narrow_op(node);
    if (op) narrow(node, op);
    else keep_wide(node);
  }

  /// What the node is when it has halves; no op: it stays f32.
  Op narrow_op(const Node& node) {
    if (options_.keep(node)) {
      why_ = "--keep";
      return {};
    }
    why_ = range_.why_wide(node);
    if (!why_.empty() || !has_signal(node)) return {};
    own_.assign(node.inputs.size(), false);
    Op op = node.op;
    if (const auto* cast = node.op.as<Cast>(); cast != nullptr && cast->to == DType::f32) {
      Cast made = *cast;
      made.to = to_;
      op = Op(made);
    }
    if (!fits(node, op)) {
      why_ = "it takes no halves";
      return {};
    }
    for (size_t i = 1; i < own_.size(); ++i) {
      if (!is_ours(node.inputs[i])) continue;
      own_[i] = true;
      if (node.op.as<Attention>() != nullptr || !fits(node, op)) own_[i] = false;
    }
    return op;
  }

  /// Something of the network flows through it: no arithmetic on sizes and few numbers.
  bool has_signal(const Node& node) const {
    const auto* cast = node.op.as<Cast>();
    if (cast != nullptr && cast->to == DType::f32) {
      const DType from = *dtype_of(node.input(0));  // of floats: the model wants f32 here
      return !is_float(from) && (!is_integer(from) || bits(from) <= 8);
    }
    return std::ranges::any_of(node.inputs, [&](const Value* value) {
      return is_ours(value) && !(value->is_constant() && value->is_literal());
    });
  }

  void narrow(Node& node, const Op& op) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      Value* value = node.inputs[i];
      if (!is_ours(value) || own_[i]) continue;
      const bool added = node.op.as<Attention>() != nullptr && i == Attention::kMask;
      Value* read = as_half(added ? limited(value, &node) : value, &node);
      if (read != value) graph_.set_input(&node, i, read);
    }
    graph_.set_op(&node, op);
    for (Value* output : node.outputs)
      if (is_f32(output)) make_half(output);
    changed_ = true;
  }

  void keep_wide(Node& node) {
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (Value* value = node.inputs[i]; halves_.contains(value))
        graph_.set_input(&node, i, as_f32(value, &node));
    range_.note(node);
    const bool first = std::ranges::none_of(
        node.inputs, [&](const Value* value) { return named_.contains(value); });
    if (why_.empty()) return;
    named_.insert(node.outputs.begin(), node.outputs.end());
    if (first && kept_ != nullptr) kept_->push_back({describe(node), why_});
  }

  /// By its type rule, `op` gives halves of halves in place of f32; operands in own_ stay f32.
  bool fits(const Node& node, const Op& op) const {
    if (!node.op.op_class().pure) return false;
    Graph alone("alone");
    std::unordered_map<const Value*, Value*> placed;
    std::vector<Value*> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* value = node.inputs[i];
      inputs.push_back(nullptr);
      if (value == nullptr) continue;
      if (!value->type.is_tensor()) return false;
      if (own_[i]) {
        inputs.back() = value->is_constant() ? alone.add_constant(value->name, value->weight)
                                             : alone.add_input(value->name, value->type);
        continue;
      }
      Value*& place = placed[value];
      if (place == nullptr) place = placed_alone(alone, *value);
      inputs.back() = place;
    }
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.emplace_back(output == nullptr ? "" : "y");
    const Node* made = alone.add_node(op, std::move(inputs), names);
    try {
      infer(alone, alone.nodes().back());
    } catch (const Error& error) {
      if (error.code() == Code::internal) throw;
      return false;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      const auto before = dtype_of(node.outputs[i]);
      if (!before || dtype_of(made->outputs[i]) != (*before == DType::f32 ? to_ : *before))
        return false;
    }
    return true;
  }

  Value* placed_alone(Graph& alone, const Value& value) const {
    if (!is_f32(&value))
      return value.is_constant() ? alone.add_constant(value.name, value.weight)
                                 : alone.add_input(value.name, value.type);
    if (value.is_constant())
      return alone.add_constant(value.name, Weight::absent(to_, value.weight->shape(), {}));
    return alone.add_input(value.name, half_type(value.type.tensor()));
  }

  Type half_type(const TensorType& type) const {
    return type.has_rank() ? Type::tensor(to_, type.shape()) : Type::unranked(to_);
  }

  void make_half(Value* value) {
    value->type = half_type(value->type.tensor());
    halves_.insert(value);
  }

  // ---- a value as somebody wants it. `before`: who; null: the end

  Value* as_half(Value* value, Node* before) {
    if (!is_f32(value)) return value;
    Value*& made = half_[value];
    if (made != nullptr) return made;
    if (value->is_constant())
      return made = graph_.add_constant(cat(value->name, ".", to_),
                                        as_halves(*value->weight, value->weight, to_));
    return made = cast(value, to_, before);
  }

  Value* as_f32(Value* value, Node* before) {
    Value*& made = f32_[value];
    return made != nullptr ? made : made = cast(value, DType::f32, before);
  }

  /// Between the least half and the greatest, where it may be beyond: an infinity would make NaN
  /// of a row that is hidden whole.
  Value* limited(Value* value, Node* before) {
    if (to_ != DType::f16 || !is_f32(value)) return value;
    Value*& made = limited_[value];
    if (made != nullptr) return made;
    if (value->is_constant()) {
      if (value->weight->is_random() || value->weight->is_absent()) return made = value;
      Tensor contents = value->weight->contents().clone();
      for (int64_t i = 0; i < contents.count(); ++i)
        contents.put(i, within_halves(contents.at<float>(i)));
      return made =
                 graph_.add_constant(cat(value->name, ".limited"), Weight::of(std::move(contents)));
    }
    if (range_.standing(value) == Standing::fine) return made = value;
    Value* least =
        add_literal(graph_, cat(value->name, ".least"), Tensor::scalar(DType::f32, -kMostHalf));
    Value* most =
        add_literal(graph_, cat(value->name, ".most"), Tensor::scalar(DType::f32, kMostHalf));
    return made = add_before(graph_, before, kBy, origin_of(value), Clip{}, {value, least, most},
                             cat(value->name, ".limited"));
  }

  static float within_halves(float number) {
    const auto most = static_cast<float>(kMostHalf);
    return std::isinf(number) ? number : std::clamp(number, -most, most);
  }

  static Origins origin_of(const Value* value) {
    return value->producer != nullptr ? value->producer->origin : Origins();
  }

  Value* cast(Value* value, DType to, Node* before) {
    changed_ = true;
    return add_before(graph_, before, kBy, origin_of(value), Cast{to}, {value},
                      cat(value->name, ".", to));
  }

  Graph& graph_;
  const DType to_;
  const PassOptions& options_;
  std::vector<KeptWide>* kept_;
  HalfRange range_;
  bool changed_ = false;
  std::string why_;        // the node that is visited stays f32; empty: nothing to tell
  std::vector<bool> own_;  // by its operands: they stay f32
  std::unordered_set<const Value*> named_;            // made f32 by a node that is named, or on
  std::unordered_set<const Value*> halves_;           // were f32
  std::unordered_map<const Value*, Value*> half_;     // of an f32
  std::unordered_map<const Value*, Value*> f32_;      // of what is a half by now
  std::unordered_map<const Value*, Value*> limited_;  // of numbers that are added to scores
};

}  // namespace

bool narrow_floats(Graph& graph, DType to, const PassOptions& options,
                   std::vector<KeptWide>* kept) {
  check(to == DType::f16 || to == DType::bf16, Code::internal, "floats are narrowed to ", to);
  infer(graph);
  const bool changed = Narrowing(graph, to, options, kept).run();
  if (changed) infer(graph);
  return changed;
}

}  // namespace hone
