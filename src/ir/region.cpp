#include "ir/region.hpp"

#include "ir/structural.hpp"

namespace hone {

const Node* Region::single() const {
  return body->nodes().size() == 1 ? &body->nodes().front() : nullptr;
}

std::vector<Value*> region_operands(const Node& node) {
  std::vector<Value*> operands;
  const bool fused = node.op.as<Fused>() != nullptr;
  for (Value* input : node.inputs)
    if (input != nullptr && (fused || !input->is_literal())) operands.push_back(input);
  return operands;
}

Region region_of(const Node& node) {
  if (const Fused* fused = node.op.as<Fused>()) return {fused->body};
  auto body = std::make_shared<Graph>("region");
  std::vector<Value*> operands;
  for (const Value* input : node.inputs) {
    if (input == nullptr) {
      operands.push_back(nullptr);
    } else if (input->is_literal()) {
      operands.push_back(body->add_constant(input->name, input->weight));
    } else {
      operands.push_back(body->add_input(input->name, input->type));
    }
  }
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
  const Node* copy = body->add_node(node.op, std::move(operands), names, node.origin, node.by);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    copy->outputs[i]->type = node.outputs[i]->type;
    body->add_output(node.outputs[i]->name, copy->outputs[i]);
  }
  return {std::move(body)};
}

}  // namespace hone
