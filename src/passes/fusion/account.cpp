#include "passes/fusion/account.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "passes/fusion/role.hpp"

namespace hone {
namespace {

/// Row-major place of an element.
Dim linear(const Dims& indices, const Dims& shape) {
  Dim place = 0;
  for (size_t i = 0; i < indices.size(); ++i) place = place * shape[i] + indices[i];
  return place;
}

/// A load walks through its source as the stage walks through its result: one offset apart.
bool is_in_step(const Expr& load, const Stage& stage) {
  if (load.outside()) return false;
  const auto* source = std::get_if<const Value*>(&load.source());
  if (source == nullptr) return false;
  Dims indices, loops;
  for (const Expr& index : load.operands()) indices.push_back(index.dim());
  for (size_t i = 0; i < stage.extents.size(); ++i) loops.push_back(loop(static_cast<int>(i)));
  const auto single = [&](std::string_view name) -> std::optional<Dim> {
    for (size_t i = 0; i < stage.extents.size(); ++i)
      if (stage.extents[i].is(1) && loop(static_cast<int>(i)).as_variable() == name) return Dim(0);
    return std::nullopt;
  };
  const Dim apart =
      linear(indices, (*source)->type.tensor().shape()) - linear(loops, stage.extents);
  if (apart.is_too_long()) return false;
  std::set<std::string, std::less<>> names;
  apart.substitute_variables(single).collect_variables(names);
  return std::none_of(names.begin(), names.end(),
                      [](const std::string& name) { return name.starts_with("i."); });
}

/// Moves elements, and the plan can have the result where the operands lie, or the other way.
bool is_realized(const NodeRole& role) {
  if (role.role != Role::view && role.role != Role::join) return false;
  bool in_step = true;
  for (const auto& stage : role.stages.list)
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() == Expr::Kind::load) in_step = in_step && is_in_step(expr, *stage);
    });
  return in_step;
}

/// Somebody else owns the operand's bytes, or has them already elsewhere.
bool has_foreign_operand(const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [](const Value* input) {
    return input != nullptr && input->producer == nullptr;
  });
}

Dim bytes_of(const Value* value) {
  if (value == nullptr || value->is_constant() || !value->type.is_tensor() ||
      !value->type.tensor().has_rank())
    return 0;
  const TensorType& type = value->type.tensor();
  return ceil_div(product(type.shape()) * Dim(bits(type.dtype)), 8);
}

}  // namespace

StepAccount account(const Graph& graph, const std::unordered_set<const Node*>* idle) {
  StepAccount sum;
  const Roles roles = roles_of(graph);
  for (const Node& node : graph.nodes()) {
    const NodeRole& role = roles.at(&node);
    if (role.role == Role::constant) {
      ++sum.constants;
      continue;
    }
    if (role.role == Role::host) {
      ++sum.sizes;
      continue;
    }
    const bool joins = role.role == Role::join;
    const bool is_idle = idle != nullptr
                             ? idle->contains(&node)
                             : is_realized(role) && !(joins && has_foreign_operand(node));
    if (is_idle) {
      ++sum.views;
      continue;
    }
    ++sum.launched;
    sum.steps.push_back(&node);
    const Fused* fused = node.op.as<Fused>();
    sum.cut += 1 + (fused == nullptr ? 0 : static_cast<int>(fused->cuts.size()));
    if (role.role == Role::view || joins) sum.copies.push_back(&node);
    std::vector<const Value*> read;
    for (const Value* input : node.inputs) {
      if (input == nullptr || std::find(read.begin(), read.end(), input) != read.end()) continue;
      const auto made = input->producer == nullptr ? roles.end() : roles.find(input->producer);
      if (made != roles.end() && made->second.role == Role::constant) continue;
      read.push_back(input);
      sum.bytes = sum.bytes + bytes_of(input);
    }
    for (const Value* output : node.outputs) sum.bytes = sum.bytes + bytes_of(output);
  }
  return sum;
}

bool is_copy_of_views(const Node& fused) {
  const Roles roles = roles_of(*fused.op.as<Fused>()->body);
  return std::all_of(roles.begin(), roles.end(), [](const auto& each) {
    return each.second.role == Role::view && is_realized(each.second);
  });
}

Dim bytes_saved(const Node& fused) {
  const Body& body = fused.op.as<Fused>()->body;
  Dim bytes = account(*body).bytes;
  for (const Value* input : body->inputs()) bytes = bytes - bytes_of(input);
  for (const GraphOutput& output : body->outputs()) bytes = bytes - bytes_of(output.value);
  return bytes;
}

}  // namespace hone
