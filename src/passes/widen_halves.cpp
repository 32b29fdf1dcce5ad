// Halves become f32 where a device has no arithmetic in halves.

#include "passes/widen_halves.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/bodies/change_bodies.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ir/stages/stages.hpp"
#include "ops/cast.hpp"
#include "ops/group_query.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr std::string_view kBy = "widen_halves";

bool is_half(DType type) { return type == DType::f16 || type == DType::bf16; }
bool is_half(const Value* value) {
  const auto type = dtype_of(value);
  return type && is_half(*type);
}

/// Elements as they are, from wherever: loads, and selects by index among them.
bool only_moves(const Expr& expr) {
  if (expr.kind() == Expr::Kind::load)
    return std::holds_alternative<const Value*>(expr.source()) && !expr.outside();
  if (expr.kind() != Expr::Kind::call || expr.function() != Function::select) return false;
  const Expr& condition = expr.operands()[0];
  const bool on_index = condition.kind() == Expr::Kind::call &&
                        std::all_of(condition.operands().begin(), condition.operands().end(),
                                    [](const Expr& e) { return e.kind() == Expr::Kind::index; });
  return on_index && only_moves(expr.operands()[1]) && only_moves(expr.operands()[2]);
}

bool only_moves(const Node& node) {
  const Stages stages = stages_of(node);
  return stages && std::all_of(stages.list.begin(), stages.list.end(), [](const auto& stage) {
           return stage->value != nullptr && only_moves(stage->expr);
         });
}

/// Where a result jumps, a rounding more or less in front makes another one.
bool has_steps(const Op& op) {
  constexpr std::string_view kStepping[] = {"Floor",  "Ceil",       "Round",  "Sign",
                                            "Mod",    "Hardmax",    "Shrink", "ThresholdedRelu",
                                            "Unique", "SoftmaxZero"};
  return std::find(std::begin(kStepping), std::end(kStepping), op.name()) != std::end(kStepping);
}

/// The op with f32 in every field that names a half; no op: there is none.
Op with_wide_fields(const Op& op) {
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  bool changed = false;
  for (const Field& field : list.list())
    if (auto* const* type = std::get_if<DType*>(&field.ref); type != nullptr && is_half(**type)) {
      **type = DType::f32;
      changed = true;
    }
  return changed ? Op::of(op.op_class(), std::move(copy)) : Op();
}

/// A cache of f16 is read and written as it is stored, whatever its op computes in.
bool is_cache(const Node& node, size_t operand) {
  return node.op.as<GroupQueryAttention>() != nullptr && (operand == 3 || operand == 4) &&
         dtype_of(node.input(operand)) == DType::f16;
}
bool is_new_cache(const Node& node, size_t result) {
  return (result == 1 || result == 2) && is_cache(node, 2 + result);
}

bool has_halves(const Graph& graph) {
  const auto are = [](const Value* value) { return is_half(value); };
  const auto has = [&](const Node& node) {
    const std::vector<Body> bodies = control_bodies(node.op);
    return std::ranges::any_of(node.outputs, are) ||
           std::ranges::any_of(bodies, [](const Body& body) { return has_halves(*body); });
  };
  return std::ranges::any_of(graph.inputs(), are) || std::ranges::any_of(graph.constants(), are) ||
         std::ranges::any_of(graph.nodes(), has);
}

/// One graph, or the body of a node whose operands are f32 by now.
class Widening {
 public:
  Widening(Graph& graph, const PassOptions& options, bool is_body)
      : graph_(graph), options_(options), is_body_(is_body) {
    for (const auto& [name, definition] : symbol_definitions(graph))
      if (definition.value->producer != nullptr) sizing_.insert(definition.value->producer);
  }

  bool run() {
    if (is_body_)
      for (Value* input : graph_.inputs())
        if (is_half(input)) make_wide(input);
    for (auto node = graph_.nodes().begin(); node != graph_.nodes().end();) visit(*node++);
    for (size_t i = 0; !is_body_ && i < graph_.outputs().size(); ++i)
      if (Value* value = graph_.outputs()[i].value; was_.contains(value))
        graph_.set_output(i, as_half(value, nullptr));
    for (size_t i = 0; is_body_ && i < graph_.outputs().size(); ++i)
      if (Value* value = graph_.outputs()[i].value; is_half(value))
        graph_.set_output(i, as_f32(value, nullptr));
    return changed_;
  }

 private:
  /// It is a half, or was one.
  bool is_ours(const Value* value) const { return is_half(value) || was_.contains(value); }

  void make_wide(Value* value) {
    const TensorType& type = value->type.tensor();
    was_.emplace(value, type.dtype);
    value->type =
        type.has_rank() ? Type::tensor(DType::f32, type.shape()) : Type::unranked(DType::f32);
    changed_ = true;
  }

  /// May erase the node.
  void visit(Node& node) {
    const auto ours = [&](const Value* value) { return is_ours(value); };
    if (std::ranges::none_of(node.inputs, ours) && std::ranges::none_of(node.outputs, ours) &&
        control_bodies(node.op).empty())
      return;
    if (const auto* cast = node.op.as<Cast>(); cast != nullptr && visit_cast(node, *cast)) return;
    const Op op = moves_stored(node) ? Op() : wide_op(node);
    const bool decides = op && this->decides(node);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      Value* value = node.inputs[i];
      if (!is_ours(value)) continue;
      Value* read = !op || is_cache(node, i) ? as_half(value, &node)
                    : decides                ? rounded(value, &node)
                                             : as_f32(value, &node);
      if (read != value) graph_.set_input(&node, i, read), changed_ = true;
    }
    if (!op) return;
    changed_ |= op.data() != node.op.data();
    graph_.set_op(&node, op);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (Value* output = node.outputs[i]; is_half(output) && !is_new_cache(node, i))
        make_wide(output);
  }

  /// A cast between halves and other types that need not be asked. false: it is like any op.
  bool visit_cast(Node& node, const Cast& cast) {
    Value* from = node.inputs[0];
    if (options_.keep(node)) return false;
    if (cast.to == DType::f32 && is_half(from) && from->is_constant()) {
      graph_.replace_uses(node.output(), as_f32(from, &node));
      wide_ops_.erase(&node);
      graph_.erase(&node);
      return true;
    }
    if (is_half(from) && !from->is_constant() && !is_half(cast.to)) {  // as it is stored
      if (cast.to == DType::f32) f32_.emplace(from, node.output());
      return true;
    }
    if (was_.contains(from) && rounds(node, cast)) {
      graph_.set_input(&node, 0, as_half(from, &node));
      return true;
    }
    // What only those read who want halves is one: among them the casts that this pass makes.
    return is_half(cast.to) && !was_.contains(from) && only_halves_wanted(node.output());
  }

  /// Somebody decides on the half that this cast is of.
  bool rounds(const Node& node, const Cast& cast) const {
    return cast.to == DType::f32 ? somebody_decides(node.output())
                                 : !is_half(cast.to) && decides(node);
  }

  bool somebody_decides(const Value* value) const {
    return std::any_of(value->users.begin(), value->users.end(),
                       [&](const Node* user) { return decides(*user); });
  }

  bool only_halves_wanted(const Value* value) {
    if (is_body_ && graph_.is_output(value)) return false;
    return std::all_of(value->users.begin(), value->users.end(), [&](const Node* user) {
      const auto* cast = user->op.as<Cast>();
      if (cast != nullptr && !is_half(cast->to) && !options_.keep(*user))
        return rounds(*user, *cast);
      return !wide_op(*user);
    });
  }

  /// Moves halves as they are stored, or as a node that stays makes them.
  bool moves_stored(const Node& node) const {
    const auto stored = [&](const Value* value) { return !was_.contains(value); };
    return std::ranges::any_of(node.inputs, [](const Value* value) { return is_half(value); }) &&
           std::ranges::all_of(node.inputs, stored) && only_moves(node);
  }

  /// Results are no floats, or of sizes that its operands' elements tell.
  bool decides(const Node& node) const {
    if (!control_bodies(node.op).empty()) return false;  // somebody in a body does
    if (has_steps(node.op)) return true;
    const auto is_decision = [&](const Value* value) {
      if (value == nullptr || value->known || !(value->users.size() > 0 || graph_.is_output(value)))
        return false;
      return !value->type.is_tensor() || !is_float(value->type.tensor().dtype);
    };
    return std::any_of(node.outputs.begin(), node.outputs.end(), is_decision) ||
           (sizing_.contains(&node) && !only_moves(node));
  }

  /// What the node is when its halves are f32; no op: it is to have halves.
  const Op& wide_op(const Node& node) {
    const auto [found, is_new] = wide_ops_.emplace(&node, Op());
    return is_new ? found->second = found_wide(node) : found->second;
  }

  Op found_wide(const Node& node) const {
    if (options_.keep(node) || node.op.as<BitCast>() != nullptr) return {};
    if (!control_bodies(node.op).empty()) return wide_control(node);
    const auto is_tensor = [](const Value* value) {
      return value == nullptr || value->type.is_tensor();
    };
    if (!node.op.op_class().pure || !std::ranges::all_of(node.inputs, is_tensor) ||
        !std::ranges::all_of(node.outputs, is_tensor))
      return {};
    // Above 2,048 integers are rounded to f16, and a model that does so computes with those.
    const auto* cast = node.op.as<Cast>();
    const auto from = dtype_of(node.input(0));
    if (cast != nullptr && is_half(cast->to) && is_integer(*from) && bits(*from) > 8) return {};
    if (fits(node, node.op)) return node.op;
    const Op wide = with_wide_fields(node.op);
    return wide && fits(node, wide) ? wide : Op();
  }

  Op wide_control(const Node& node) const {
    const std::vector<Body> bodies = control_bodies(node.op);
    if (std::ranges::none_of(bodies, [](const Body& body) { return has_halves(*body); }))
      return node.op;
    const auto op =
        change_bodies(node.op, [&](Graph& body) { return Widening(body, options_, true).run(); });
    return op.value_or(node.op);
  }

  /// By the type rule of `op` for operands of f32 results of halves are f32, and others as before.
  bool fits(const Node& node, const Op& op) const {
    Graph alone("alone");
    std::unordered_map<const Value*, Value*> placed;
    std::vector<Value*> inputs;
    for (const Value* value : node.inputs) {
      inputs.push_back(nullptr);
      if (value == nullptr) continue;
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
      const DType before = node.outputs[i]->type.tensor().dtype;
      if (dtype_of(made->outputs[i]) != (is_half(before) ? DType::f32 : before)) return false;
    }
    return true;
  }

  static Value* placed_alone(Graph& alone, const Value& value) {
    const bool half = is_half(&value);
    if (value.is_constant())
      return alone.add_constant(value.name,
                                half ? Weight::converted(value.weight, DType::f32) : value.weight);
    if (!half) return alone.add_input(value.name, value.type);
    const TensorType& type = value.type.tensor();
    return alone.add_input(value.name, type.has_rank() ? Type::tensor(DType::f32, type.shape())
                                                       : Type::unranked(DType::f32));
  }

  // ---- a value that is a half, or was one, as somebody wants it. `before`: who; null: the end

  Value* as_f32(Value* value, Node* before) {
    if (was_.contains(value)) return value;
    Value*& made = f32_[value];
    if (made != nullptr) return made;
    changed_ = true;
    if (value->is_constant())
      return made = graph_.add_constant(cat(value->name, ".f32"),
                                        Weight::converted(value->weight, DType::f32));
    return made = cast(value, DType::f32, before);
  }

  Value* as_half(Value* value, Node* before) {
    const auto was = was_.find(value);
    if (was == was_.end()) return value;
    Value*& made = half_[value];
    return made != nullptr ? made : made = cast(value, was->second, before);
  }

  Value* rounded(Value* value, Node* before) {
    if (!was_.contains(value)) return as_f32(value, before);
    Value*& made = rounded_[value];
    return made != nullptr ? made : made = cast(as_half(value, before), DType::f32, before);
  }

  Value* cast(Value* value, DType to, Node* before) {
    changed_ = true;
    Origins origin = value->producer != nullptr ? value->producer->origin : Origins();
    return add_before(graph_, before, kBy, std::move(origin), Cast{to}, {value},
                      cat(value->name, ".", to));
  }

  Graph& graph_;
  const PassOptions& options_;
  const bool is_body_;
  bool changed_ = false;
  std::unordered_set<const Node*> sizing_;            // define symbols
  std::unordered_map<const Node*, Op> wide_ops_;      // that were asked for
  std::unordered_map<const Value*, DType> was_;       // f32 by now: which half before
  std::unordered_map<const Value*, Value*> f32_;      // of a half
  std::unordered_map<const Value*, Value*> half_;     // of one that was a half: rounded
  std::unordered_map<const Value*, Value*> rounded_;  // the same, as f32 again
};

}  // namespace

bool widen_halves(Graph& graph, const PassOptions& options) {
  if (!has_halves(graph)) return false;
  infer(graph);
  return Widening(graph, options, false).run();
}

}  // namespace hone
