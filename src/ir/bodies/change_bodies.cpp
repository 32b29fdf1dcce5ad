#include "ir/bodies/change_bodies.hpp"

#include "ir/bodies/structural.hpp"

namespace hone {

std::optional<Op> change_bodies(const Op& op, const std::function<bool(Graph& body)>& change) {
  if (control_bodies(op).empty()) return std::nullopt;
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  bool changed = false;
  for (const Field& field : list.list()) {
    auto* const* body = std::get_if<Body*>(&field.ref);
    if (body == nullptr) continue;
    std::unique_ptr<Graph> inner = (**body)->clone();
    if (!change(*inner)) continue;
    **body = std::move(inner);
    changed = true;
  }
  return changed ? std::optional(Op::of(op.op_class(), std::move(copy))) : std::nullopt;
}

bool change_constants(Graph& graph, const ChangeConstant& change) {
  bool changed = false;
  for (Value* constant : graph.constants()) {
    auto weight = change(*constant);
    if (weight == nullptr) continue;
    constant->weight = std::move(weight);
    changed = true;
  }
  for (Node& node : graph.nodes()) {
    auto op = change_bodies(node.op, [&](Graph& body) { return change_constants(body, change); });
    if (!op) continue;
    graph.set_op(&node, *std::move(op));
    changed = true;
  }
  return changed;
}

}  // namespace hone
