// Branches and loops. Their graphs see nothing but their inputs.

#include "import/builder/steps.hpp"
#include "import/tflite/op_reader.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/shape.hpp"

namespace hone::tflite {
namespace {

Reshape to_scalar() { return {.shape = Dims{}}; }

/// As a branch sees the operands; its results become the body's outputs.
builder::BodySource branch(OpReader& op, std::string name, int64_t graph,
                           const std::vector<Value*>& operands) {
  const auto fill = [&op, graph, &operands](builder::Frame& frame) {
    std::vector<Value*> inputs;
    for (Value* operand : operands) inputs.push_back(frame.bring(operand, op.frame()));
    const auto results = op.import_graph(graph, frame, inputs);
    for (size_t i = 0; i < results.size(); ++i) frame.graph().add_output(cat("y", i), results[i]);
  };
  return {std::move(name), [](Graph&) {}, fill};
}

void import_if(OpReader& op) {
  const int64_t then_graph = op.option_i32(0), else_graph = op.option_i32(1);
  std::vector<Value*> operands = op.all_inputs();
  op.check(!operands.empty(), "has no condition");
  Value* condition = operands.front();
  operands.erase(operands.begin());
  if (const auto known = op.known_scalar(0)) {
    const auto results =
        op.import_graph(*known != 0 ? then_graph : else_graph, op.frame(), operands);
    op.check(static_cast<int>(results.size()) == op.outputs(), "the branch gives ", results.size(),
             " results, wanted ", op.outputs());
    for (int i = 0; i < op.outputs(); ++i) op.give(i, results[static_cast<size_t>(i)]);
    return;
  }
  condition = op.intermediate(to_scalar(), {condition}, "condition");
  const builder::Bodies bodies =
      builder::make_bodies(op.frame(), {branch(op, "then_branch", then_graph, operands),
                                        branch(op, "else_branch", else_graph, operands)});
  std::vector<Value*> inputs{condition};
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  op.emit_all(If{.then_branch = bodies.bodies[0], .else_branch = bodies.bodies[1]}, inputs);
}

/// The size of axis `axis` as the file states it; -1: open.
int64_t stated_size(const TensorInfo& tensor, size_t axis) {
  const auto& sizes = tensor.signature.empty() ? tensor.shape : tensor.signature;
  return axis < sizes.size() ? sizes[axis] : -1;
}

/// What the body may rely on: sizes that it states for the state in every turn.
Type state_type(const Type& initial, const TensorInfo& in, const TensorInfo& out, size_t i) {
  if (!initial.is_tensor() || !initial.tensor().has_rank()) return initial;
  const Dims& sizes = initial.tensor().shape();
  if (in.shape.size() != sizes.size() || out.shape.size() != sizes.size())
    return Type::unranked(initial.tensor().dtype);
  Dims dims;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    const auto size = sizes[axis].constant();
    const bool keeps = size && stated_size(in, axis) == *size && stated_size(out, axis) == *size;
    dims.push_back(keeps ? sizes[axis] : Dim::symbol(cat("in", i, "_d", axis)));
  }
  return Type::tensor(initial.tensor().dtype, std::move(dims));
}

void import_while(OpReader& op) {
  const int64_t test = op.option_i32(0), body = op.option_i32(1);
  const std::vector<Value*> states = op.all_inputs();
  for (size_t i = 0; i < states.size(); ++i) op.required(static_cast<int>(i));
  const Subgraph& turn = op.subgraph(body);
  op.check(turn.inputs.size() == states.size() && turn.outputs.size() == states.size() &&
               op.outputs() == static_cast<int>(states.size()),
           "a body of ", turn.inputs.size(), " inputs and ", turn.outputs.size(), " outputs for ",
           states.size(), " states");
  const auto tensor = [&](int64_t number) -> const TensorInfo& {
    op.check(number >= 0 && number < static_cast<int64_t>(turn.tensors.size()), "tensor ", number);
    return turn.tensors[static_cast<size_t>(number)];
  };
  const auto tested = [&](builder::Frame& frame, const std::vector<Value*>& values) {
    const auto results = op.import_graph(test, frame, values);
    op.check(results.size() == 1, "a condition of ", results.size(), " results");
    return results.front();
  };
  Value* first = op.intermediate(to_scalar(), {tested(op.frame(), states)}, "first");
  const auto declare = [&](Graph& graph) {
    graph.add_input("turn", Type::tensor(DType::i64, Dims{}));
    graph.add_input("goes_on", Type::tensor(DType::boolean, Dims{}));
    for (size_t i = 0; i < states.size(); ++i)
      graph.add_input(cat("state", i), state_type(states[i]->type, tensor(turn.inputs[i]),
                                                  tensor(turn.outputs[i]), i + 2));
  };
  const auto fill = [&](builder::Frame& frame) {
    const std::vector<Value*> own(frame.graph().inputs().begin() + 2, frame.graph().inputs().end());
    const auto next = op.import_graph(body, frame, own);
    builder::StepWriter write(frame, op.frame(), op.origin());
    frame.graph().add_output("again", write(to_scalar(), {tested(frame, next)}, "again"));
    for (size_t i = 0; i < next.size(); ++i) frame.graph().add_output(cat("y", i), next[i]);
  };
  const builder::Bodies bodies = builder::make_bodies(op.frame(), {{"body", declare, fill}});
  std::vector<Value*> inputs{nullptr, first};
  inputs.insert(inputs.end(), states.begin(), states.end());
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  op.emit_all(Loop{.body = bodies.bodies[0], .states = static_cast<int64_t>(states.size())}, inputs,
              static_cast<int>(states.size()));
}

}  // namespace

void register_control(Importers& importers) {
  importers.add("IF", import_if);
  importers.add("WHILE", import_while);
}

}  // namespace hone::tflite
