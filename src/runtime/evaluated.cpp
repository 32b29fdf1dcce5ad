// Steps that no kernel runs: reference evaluation on the host, and control flow.

#include <algorithm>
#include <cstring>

#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "runtime/execution.hpp"

namespace hone {

void Execution::take_results(const Program::Step& step, std::vector<Tensor> results) {
  for (size_t i = 0; i < step.node->outputs.size(); ++i) {
    const Value* output = step.node->outputs[i];
    if (output == nullptr) continue;
    if (!bind_contents(output->type, results[i], symbols_)) [[unlikely]]
      fail(Code::usage, describe(*step.node), " gave ", describe(results[i]), " for %",
           output->name, ", its type says ", output->type);
    const auto index = static_cast<size_t>(program_->index(output));
    Tensor& place = in_arena_[index] ? tensors_[index] : given_[index];
    if (place.empty()) {
      tensors_[index] = std::move(results[i]);
      continue;
    }
    const bool fits = results[i].is_tensor() && place.dtype() == results[i].dtype() &&
                      place.shape() == results[i].shape();
    if (!fits) [[unlikely]]
      fail(Code::usage, "output %", output->name, " is ", describe(results[i]),
           ", the place given is ", describe(place));
    if (!results[i].bytes().empty())
      std::memcpy(place.mutable_bytes().data(), results[i].bytes().data(),
                  results[i].bytes().size());
    tensors_[index] = place;
  }
}

namespace {

/// A result, or an element of it, may be an operand's bytes: places of operands are reused.
Tensor own(const Tensor& result, const std::vector<const Tensor*>& inputs) {
  const auto shares = [&](const Tensor& tensor) {
    return std::any_of(inputs.begin(), inputs.end(), [&](const Tensor* input) {
      return input != nullptr && input->is_tensor() && tensor.overlaps(*input);
    });
  };
  if (!shares(result)) return result;
  if (!result.is_sequence()) return result.clone();
  std::vector<Tensor> elements = result.elements();
  for (Tensor& element : elements)
    if (shares(element)) element = element.clone();
  return Tensor::sequence(result.dtype(), std::move(elements));
}

}  // namespace

/// Reference evaluation, or control flow over the executions of its bodies.
void Execution::evaluate_step(const Program::Step& step, StepState& state) {
  std::vector<const Tensor*> inputs;
  for (const Value* input : step.node->inputs)
    inputs.push_back(input == nullptr ? nullptr : &read(input));
  const bool control = step.kind == Step::Kind::control;
  check(control || step.node->op.op_class().eval != nullptr, Code::internal, step.node->op.name(),
        " cannot be evaluated");
  const auto allocate = [&](int output, DType dtype, const std::vector<int64_t>& sizes) {
    const Value* value = step.node->outputs[static_cast<size_t>(output)];
    return make_result(static_cast<size_t>(program_->index(value)), dtype, sizes);
  };
  // What control flow gives is made by its bodies already.
  Evaluation evaluation(*step.node, inputs, symbols_,
                        control ? Evaluation::Allocate() : Evaluation::Allocate(allocate));
  const auto run_body = [&](size_t body, const std::vector<Tensor>& operands) {
    return state.bodies[body]->run(operands);
  };
  if (control) run_control(step.node->op, evaluation, run_body);
  else step.node->op.op_class().eval(step.node->op.data(), evaluation);
  std::vector<Tensor> results = std::move(evaluation.results());
  for (Tensor& result : results) result = own(result, inputs);
  take_results(step, std::move(results));
}

}  // namespace hone
