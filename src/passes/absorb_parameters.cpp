#include "ir/inference.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

/// The op with its field `name` set to `contents`.
Op with_parameter(const Op& op, std::string_view name, Dims contents) {
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  for (const Field& field : list.list())
    if (field.name == name) **std::get_if<std::optional<Dims>*>(&field.ref) = std::move(contents);
  return Op::of(op.op_class(), std::move(copy));
}

bool is_given(const Op& op, std::string_view name) {
  const FieldList list = op.fields();
  for (const Field& field : list.list())
    if (field.name == name) return (*std::get_if<std::optional<Dims>*>(&field.ref))->has_value();
  fail(Code::internal, op.name(), " has no field ", name);
}

}  // namespace

bool absorb_parameters(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (options.keep(node)) continue;
    for (const Parameter& parameter : node.op.op_class().parameters) {
      const auto operand = static_cast<size_t>(parameter.operand);
      const Value* value = node.input(operand);
      if (value == nullptr || is_given(node.op, parameter.field)) continue;
      const Inference inference(graph, node);
      const Dims* known = inference.known(parameter.operand);
      if (known == nullptr) continue;
      graph.set_op(&node, with_parameter(node.op, parameter.field, *known));
      graph.set_input(&node, operand, nullptr);
      changed = true;
    }
  }
  return changed;
}

}  // namespace hone
