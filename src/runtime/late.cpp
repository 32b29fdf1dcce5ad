// Steps that run by a program for what their operands' contents tell.

#include <algorithm>

#include "base/size.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "runtime/execution.hpp"

namespace hone {

/// Sizes and what is computed of them: a few integers, which are on the host.
bool Execution::stays_on_host(const Program::Step& step) {
  for (const auto* values : {&step.node->inputs, &step.node->outputs})
    for (const Value* value : *values)
      if (value != nullptr && is_float(value->type.tensor().dtype)) return false;
  return std::ranges::all_of(step.node->inputs, [&](const Value* input) {
    if (input == nullptr || input->is_constant()) return true;
    return tensor(input).count() <= kKnownElements &&
           sides_->has(static_cast<size_t>(program_->index(input)), Side::host);
  });
}

/// What only looking at operands tells is found where they are. false: nothing on the device does.
bool Execution::run_finder(size_t index, Stream& stream) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  if (stays_on_host(step)) return false;
  std::vector<Operand> operands;
  for (const Value* input : step.node->inputs) {
    operands.emplace_back();
    if (input == nullptr) continue;
    bring(input, Side::device, stream);
    const Tensor& contents = read(input);
    const auto place = [&] {
      return sides_->place(static_cast<size_t>(program_->index(input)), contents, stream);
    };
    operands.back() = {input->is_constant() ? program_->constant_on_device(input).data : place(),
                       contents.dtype(), contents.shape()};
  }
  if (state.finder == nullptr) state.finder = step.finding->finder();
  std::vector<std::byte*> results;
  for (const Tensor& place : late_places(step, state.finder->look(operands, stream), stream))
    results.push_back(const_cast<std::byte*>(place.bytes().data()));
  state.finder->write(results, stream);
  made(step, Side::device);
  if (profile_ != nullptr) profile_->runs_on_device();
  return true;
}

/// false: the step has no program for these contents.
bool Execution::run_late(size_t index, Stream& stream) {
  const Program::Step& step = program_->steps()[index];
  if (stays_on_host(step)) return false;
  std::vector<const Tensor*> operands;
  for (const Value* input : step.node->inputs)
    operands.push_back(input == nullptr || input->is_constant() ? nullptr : &tensor(input));
  const std::vector<size_t> asked = step.late->asks(operands);
  for (const size_t i : asked) bring(step.node->inputs[i], Side::host, stream);
  if (!asked.empty()) synchronize();
  const LatePrograms::Found found = step.late->find(operands, symbols_, program_->preparation());
  if (found.program == nullptr) return false;
  run_late(found, index, stream);
  made(step, Side::device);
  return true;
}

void Execution::run_late(const LatePrograms::Found& found, size_t index, Stream& stream) {
  const Program::Step& step = program_->steps()[index];
  const Graph& graph = found.program->stated();
  std::vector<Tensor> inputs;
  std::vector<std::vector<int64_t>> shapes;
  for (const size_t i : found.inputs) {
    const Value* value = step.node->inputs[i];
    bring(value, Side::device, stream);
    inputs.push_back(on_device(value, stream));
    shapes.push_back(inputs.back().shape());
  }
  Bindings sizes;
  bind_inputs(graph, shapes, sizes);
  Shapes wanted;
  for (const GraphOutput& output : graph.outputs())
    wanted.push_back(sizes_of(*output.value, sizes));
  const std::vector<Tensor> places = late_places(step, wanted, stream);
  const OnDevice there{std::vector<bool>(inputs.size(), true),
                       std::vector<bool>(places.size(), true)};
  join_streams();  // it runs on the first one, which it waits for
  of_program(states_[index].late, found.program).run(inputs, places, there);
}

/// Where the results go on the device, now that their sizes are known.
std::vector<Tensor> Execution::late_places(const Program::Step& step, const Shapes& shapes,
                                           Stream& stream) {
  std::vector<Tensor> places;
  size_t next = 0;
  for (const Value* output : step.node->outputs) {
    if (output == nullptr) continue;
    const DType dtype = output->type.tensor().dtype;
    const std::vector<int64_t>& shape = shapes[next++];
    if (!hone::bind(output->type.tensor(), shape, symbols_)) [[unlikely]]
      fail(Code::usage, describe(*step.node), " gave ", dtype, shape_text(shape), " for %",
           output->name, ", its type says ", output->type);
    const auto index = static_cast<size_t>(program_->index(output));
    if (!in_arena_[index]) {
      const Tensor& given = given_[index];
      const bool fits = !given.empty() && given.dtype() == dtype && given.shape() == shape;
      check(given.empty() || fits, Code::usage, "output %", output->name, " is ", dtype,
            shape_text(shape), ", the place given is ", given.dtype(), shape_text(given.shape()));
      tensors_[index] = fits ? given : make_result(index, dtype, shape);
    }
    const Tensor& result = tensors_[index];
    std::byte* place = sides_->place(index, result, stream);
    places.push_back(Tensor::borrow_mutable(dtype, shape, {place, result.bytes().size()}, nullptr));
  }
  return places;
}

}  // namespace hone
