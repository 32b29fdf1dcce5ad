#include "passes/fusion/role.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ir/region.hpp"

namespace hone {
namespace {

bool is_constant(const Value* value, const Roles& before) {
  if (value == nullptr || value->is_constant()) return true;
  if (value->producer == nullptr) return false;
  const auto found = before.find(value->producer);
  return found != before.end() && found->second.role == Role::constant;
}

bool is_dense(const Value* value) {
  return value == nullptr || (value->type.is_tensor() && value->type.tensor().has_rank() &&
                              value->type.tensor().dtype != DType::string);
}

/// Integers that inference follows: what becomes a dimension and costs nothing.
bool is_size(const Value* value) {
  if (value == nullptr || value->known) return true;
  const TensorType& type = value->type.tensor();
  return !is_float(type.dtype) && type.rank() == 0 && value->producer != nullptr;
}

/// Loads below index comparisons and selects, nothing else; counts the values that are loaded.
bool only_moves(const Expr& expr, std::vector<const Value*>& sources) {
  if (expr.kind() == Expr::Kind::load) {
    for (const Expr& index : expr.operands())
      if (index.kind() != Expr::Kind::index) return false;
    const auto* value = std::get_if<const Value*>(&expr.source());
    if (value == nullptr) return false;
    if (std::find(sources.begin(), sources.end(), *value) == sources.end())
      sources.push_back(*value);
    return true;
  }
  if (expr.kind() != Expr::Kind::call || expr.function() != Function::select) return false;
  const Expr& condition = expr.operands()[0];
  const bool on_index = condition.kind() == Expr::Kind::call &&
                        std::all_of(condition.operands().begin(), condition.operands().end(),
                                    [](const Expr& e) { return e.kind() == Expr::Kind::index; });
  return on_index && only_moves(expr.operands()[1], sources) &&
         only_moves(expr.operands()[2], sources);
}

bool has_load_in_index(const Expr& expr) {
  bool found = false;
  visit(expr, [&](const Expr& load) {
    if (load.kind() != Expr::Kind::load) return;
    for (const Expr& index : load.operands())
      visit(index, [&](const Expr& inner) { found |= inner.kind() == Expr::Kind::load; });
  });
  return found;
}

/// Every element of one operand once: its places are loops and reduction variables, each its own.
/// Others are scalars.
bool folds_one_operand(const Stage& stage) {
  bool once = true;
  const Value* operand = nullptr;
  visit(stage.expr, [&](const Expr& load) {
    if (load.kind() != Expr::Kind::load || !once) return;
    std::set<std::string, std::less<>> seen;
    for (const Expr& index : load.operands()) {
      if (index.kind() == Expr::Kind::index && index.dim().is_constant()) continue;
      const auto name =
          index.kind() == Expr::Kind::index ? index.dim().as_variable() : std::nullopt;
      once = once && name && seen.emplace(*name).second;
    }
    const auto* value = std::get_if<const Value*>(&load.source());
    if (seen.empty() || value == nullptr) return;
    once = once && (operand == nullptr || operand == *value);
    operand = *value;
  });
  return once;
}

Role role_of_stages(const Stages& stages, const Node& node) {
  if (!stages) return Role::anchor;
  std::vector<const Value*> sources;
  const bool moves = std::all_of(
      stages.list.begin(), stages.list.end(), [&](const std::shared_ptr<const Stage>& stage) {
        return stage->value != nullptr && only_moves(stage->expr, sources);
      });
  if (moves) return sources.size() > 1 ? Role::join : Role::view;
  if (stages.list.size() != 1 || node.outputs.size() != 1) return Role::anchor;
  const Stage& stage = *stages.list.front();
  if (stage.kind() == Stage::Kind::reduce && folds_one_operand(stage)) return Role::reduction;
  if (stage.kind() != Stage::Kind::map || has_load_in_index(stage.expr)) return Role::anchor;
  return Role::pointwise;
}

}  // namespace

bool NodeRole::reads_here(const Value* value) const {
  bool here = true, any = false;
  for (const auto& stage : stages.list)
    visit(stage->expr, [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load) return;
      const auto* source = std::get_if<const Value*>(&load.source());
      if (source == nullptr || *source != value) return;
      any = true;
      const Dims& shape = value->type.tensor().shape();
      here = here && stage->extents == shape;
      for (size_t i = 0; here && i < shape.size(); ++i) {
        const Expr& index = load.operands()[i];
        const bool only = shape[i].is(1) && index.kind() == Expr::Kind::index && index.dim().is(0);
        here = index.is_loop(static_cast<int>(i)) || only;
      }
    });
  return any && here;
}

namespace {

/// A type follows from what an operand is known to hold: the text of a region's body, which has
/// that operand as an input, would not tell it.
bool relies_on_contents(const Node& node) {
  const bool knows = std::any_of(node.inputs.begin(), node.inputs.end(), [](const Value* input) {
    return input != nullptr && input->known && !input->is_constant();
  });
  if (!knows) return false;
  const std::unique_ptr<Graph> alone = region_of(node).body->clone();
  for (Value* output : alone->nodes().front().outputs)
    if (output != nullptr) output->type = Type();
  try {
    infer(*alone);
  } catch (const Error&) {
    return true;
  }
  for (const GraphOutput& output : alone->outputs()) {
    const auto same = [&](const Value* value) {
      return value != nullptr && value->name == output.name && value->type == output.value->type;
    };
    if (std::none_of(node.outputs.begin(), node.outputs.end(), same)) return true;
  }
  return false;
}

/// A node of more operands and results runs on its own: no kernel takes so many, and every question
/// about its region would copy them all.
constexpr size_t kMostEdges = 128;

NodeRole role_of(const Node& node, const Roles& before) {
  NodeRole result;
  if (node.inputs.size() + node.outputs.size() > kMostEdges) return result;
  if (!control_bodies(node.op).empty() || !node.op.op_class().pure ||
      !std::all_of(node.inputs.begin(), node.inputs.end(), is_dense) ||
      !std::all_of(node.outputs.begin(), node.outputs.end(), is_dense) || relies_on_contents(node))
    return result;
  if (std::all_of(node.inputs.begin(), node.inputs.end(),
                  [&](const Value* input) { return is_constant(input, before); })) {
    result.role = Role::constant;
  } else if (std::all_of(node.outputs.begin(), node.outputs.end(), is_size)) {
    result.role = Role::host;
  } else {
    result.stages = stages_of(node);
    result.role = role_of_stages(result.stages, node);
  }
  return result;
}

}  // namespace

Roles roles_of(const Graph& graph) {
  Roles roles;
  roles.reserve(graph.nodes().size());
  for (const Node& node : graph.nodes()) roles.emplace(&node, role_of(node, roles));
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer != nullptr)
      roles.at(definition.value->producer) = {};  // cuts the plan into segments
  return roles;
}

}  // namespace hone
