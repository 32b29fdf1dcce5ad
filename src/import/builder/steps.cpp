#include "import/builder/steps.hpp"

#include "ir/bodies/structural.hpp"

namespace hone::builder {
namespace {

/// The type without its first axis.
Type slice_of(const Value& scanned) {
  const TensorType& type = scanned.type.tensor();
  return Type::tensor(type.dtype, Dims(type.shape().begin() + 1, type.shape().end()));
}

}  // namespace

std::vector<Value*> over_steps(NodeBuilder& node, const std::vector<Value*>& states,
                               const std::vector<Value*>& scanned, int results, const Step& step) {
  const auto declare = [&](Graph& graph) {
    for (const Value* state : states) graph.add_input("state", state->type);
    for (const Value* value : scanned) graph.add_input("slice", slice_of(*value));
  };
  const auto fill = [&](Frame& frame) {
    StepWriter write(frame, node.frame(), node.origin());
    const std::vector<Value*> own = frame.graph().inputs();
    for (Value* value : step(write, own)) frame.graph().add_output(value->name, value);
  };
  const Bodies bodies = make_bodies(node.frame(), {{"step", declare, fill}});
  Scan op;
  op.body = bodies.bodies[0];
  op.states = static_cast<int64_t>(states.size());
  op.scanned = static_cast<int64_t>(scanned.size());
  std::vector<Value*> inputs = states;
  inputs.insert(inputs.end(), scanned.begin(), scanned.end());
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  return node.intermediates(std::move(op), inputs, static_cast<int>(states.size()) + results,
                            "scan");
}

}  // namespace hone::builder
