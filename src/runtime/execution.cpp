#include "runtime/execution.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/size.hpp"
#include "ir/evaluation.hpp"

namespace hone {

Execution::Execution(std::shared_ptr<const Program> program, Team& team)
    : program_(std::move(program)), team_(team), stream_(team), states_(program_->steps().size()) {
  const auto values = static_cast<size_t>(program_->value_count());
  tensors_.resize(values);
  given_.resize(values);
  in_arena_.assign(values, false);
  const Graph& graph = program_->graph();
  for (const Value* constant : graph.constants())
    if (constant->is_literal()) tensor(constant) = constant->weight->tensor();
  for (size_t i = 0; i < states_.size(); ++i) {
    const Program::Step& step = program_->steps()[i];
    if (step.kind != Step::Kind::branch) continue;
    states_[i].then_branch = std::make_unique<Execution>(step.then_branch, team);
    states_[i].else_branch = std::make_unique<Execution>(step.else_branch, team);
  }
}

Tensor& Execution::tensor(const Value* value) {
  return tensors_[static_cast<size_t>(program_->index(value))];
}

const Tensor& Execution::read(const Value* value) {
  if (value->is_constant() && !value->is_literal()) return program_->constant(value);
  return tensor(value);
}

bool Execution::sizes_known(const Value& value) const {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return false;
  for (const Dim& dim : value.type.tensor().shape())
    if (!dim.evaluate(symbols_)) return false;
  return true;
}

namespace {

std::vector<int64_t> sizes_of(const Value& value, const Bindings& symbols) {
  std::vector<int64_t> sizes;
  for (const Dim& dim : value.type.tensor().shape()) {
    const auto size = dim.evaluate(symbols);
    check(size && *size >= 0, Code::usage, "the size ", dim, " of %", value.name,
          size ? cat(" is ", *size) : std::string(" cannot be computed"),
          " for the given input sizes");
    sizes.push_back(*size);
  }
  return sizes;
}

void check_requirements(const Graph& graph, const Bindings& symbols) {
  for (const Require& require : graph.requirements()) {
    const auto a = require.a.evaluate(symbols), b = require.b.evaluate(symbols);
    if (!a || !b) continue;  // of sizes that only running tells
    const bool holds = require.relation == Require::Relation::equal ? *a == *b : *a <= *b;
    check(holds, Code::usage, "the given input sizes break a requirement of the model: ", require,
          " is ", *a, " and ", *b);
  }
}

}  // namespace

void Execution::settle(const Bindings& symbols) {
  settled_ = false;
  input_symbols_ = symbols_ = symbols;
  const Graph& graph = program_->graph();
  const Plan& plan = program_->plan();
  check_requirements(graph, symbols);
  const Demand wanted = demand(plan, symbols);
  placement_ = solve(wanted);
  const auto wrong = validate(wanted, placement_);
  check(!wrong, Code::internal, "the memory plan is wrong: ", wrong.value_or(""));
  if (static_cast<int64_t>(arena_.bytes().size()) < placement_.bytes || arena_.empty())
    make_arena(wanted);
  in_arena_.assign(in_arena_.size(), false);
  scratch_bytes_.assign(plan.buffers.size(), 0);
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.buffers[i].value.empty()) {
      scratch_bytes_[i] = wanted.buffers[i].bytes;
      continue;
    }
    const Value* value = graph.find(plan.buffers[i].value);
    const auto place = arena_.mutable_bytes().subspan(static_cast<size_t>(placement_.offsets[i]));
    tensor(value) = Tensor::borrow_mutable(value->type.tensor().dtype, sizes_of(*value, symbols),
                                           place, nullptr);
    check(static_cast<int64_t>(tensor(value).bytes().size()) <= wanted.buffers[i].bytes,
          Code::incompatible_engine, "the plan keeps ", wanted.buffers[i].bytes, " bytes for %",
          value->name, ", it needs ", tensor(value).bytes().size());
    in_arena_[static_cast<size_t>(program_->index(value))] = true;
  }
  for (size_t i = 0; i < states_.size(); ++i) settle_step(i);
  settled_ = true;
}

void Execution::settle_step(size_t index) {
  const Node& node = *program_->steps()[index].node;
  StepState& state = states_[index];
  state.bound.reset();
  state.moves = false;
  state.settled = program_->steps()[index].late_scratch.is(0);
  for (const auto* values : {&node.inputs, &node.outputs})
    for (const Value* value : *values) {
      if (value == nullptr || value->is_constant()) continue;
      state.settled &= sizes_known(*value);
      state.moves |= !in_arena_[static_cast<size_t>(program_->index(value))];
    }
  std::set<std::string, std::less<>> symbols;
  collect_symbols(node.op.fields(), symbols);
  for (const std::string& name : symbols) state.settled &= symbols_.contains(name);
}

void Execution::make_arena(const Demand& wanted) {
  arena_ = Tensor();  // the old one first: both may be too much
  try {
    arena_ = Tensor(DType::u8, {placement_.bytes});
  } catch (const Error& error) {
    const auto largest =
        std::max_element(wanted.buffers.begin(), wanted.buffers.end(),
                         [](const Buffer& a, const Buffer& b) { return a.bytes < b.bytes; });
    const Node& node = *program_->steps()[static_cast<size_t>(largest->first)].node;
    throw error.with("the arena's largest part, ", largest->bytes, " bytes, is for ",
                     describe(node));
  }
}

Operands Execution::operands_of(const Program::Step& step) {
  Operands operands;
  operands.symbols = symbols_;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (step.packed[i]) {
      const Weight& weight = *step.operands[i]->weight;
      operands.inputs.push_back({nullptr, weight.dtype(), weight.shape()});
      continue;
    }
    const Tensor& each = read(step.operands[i]);
    // Operand is used for both directions; kernels never write to inputs.
    operands.inputs.push_back(
        {const_cast<std::byte*>(each.bytes().data()), each.dtype(), each.shape()});
  }
  for (const Value* output : step.node->outputs) {
    if (output == nullptr) continue;
    Tensor& each = tensor(output);
    operands.outputs.push_back({each.mutable_bytes().data(), each.dtype(), each.shape()});
  }
  return operands;
}

void Execution::make_results(const Program::Step& step) {
  for (const Value* output : step.node->outputs) {
    if (output == nullptr) continue;
    const auto index = static_cast<size_t>(program_->index(output));
    if (in_arena_[index]) continue;
    const std::vector<int64_t> sizes = sizes_of(*output, symbols_);
    const DType dtype = output->type.tensor().dtype;
    Tensor& place = given_[index];
    const bool fits = !place.empty() && place.dtype() == dtype && place.shape() == sizes;
    check(place.empty() || fits, Code::usage, "output %", output->name, " is ", dtype,
          shape_text(sizes), ", the place given is ", place.dtype(), shape_text(place.shape()));
    tensors_[index] = fits ? place : Tensor(dtype, sizes);
  }
}

void Execution::run_step(size_t index) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  if (step.kind == Step::Kind::size) return size_step(step);
  if (step.kind == Step::Kind::branch) return branch_step(step, state);
  make_results(step);
  if (state.bound == nullptr || !state.settled) {
    std::span<std::byte> scratch;
    if (!step.late_scratch.is(0)) {
      const auto bytes = step.late_scratch.evaluate(symbols_);
      check(bytes && *bytes >= 0, Code::usage, "the working memory of ", describe(*step.node), ", ",
            step.late_scratch, " bytes, cannot be computed");
      state.late_scratch = Tensor(DType::u8, {*bytes});
      scratch = state.late_scratch.mutable_bytes();
    }
    if (step.scratch >= 0) {
      const auto at = static_cast<size_t>(step.scratch);
      scratch = arena_.mutable_bytes().subspan(static_cast<size_t>(placement_.offsets[at]),
                                               static_cast<size_t>(scratch_bytes_[at]));
    }
    state.bound = step.prepared->bind(operands_of(step), scratch);
  } else if (state.moves) {
    state.bound->rebind(operands_of(step));
  }
  state.bound->enqueue(stream_);
}

void Execution::take_results(const Program::Step& step, std::vector<Tensor> results) {
  const size_t known = symbols_.size();
  for (size_t i = 0; i < step.node->outputs.size(); ++i) {
    const Value* output = step.node->outputs[i];
    if (output == nullptr) continue;
    const TensorType& type = output->type.tensor();
    check(results[i].dtype() == type.dtype && bind(type, results[i].shape(), symbols_), Code::usage,
          describe(*step.node), " gave ", results[i].dtype(), shape_text(results[i].shape()),
          " for %", output->name, ", its type says ", type);
    const auto index = static_cast<size_t>(program_->index(output));
    Tensor& place = in_arena_[index] ? tensors_[index] : given_[index];
    if (place.empty()) {
      tensors_[index] = std::move(results[i]);
      continue;
    }
    check(place.dtype() == results[i].dtype() && place.shape() == results[i].shape(), Code::usage,
          "output %", output->name, " is ", results[i].dtype(), shape_text(results[i].shape()),
          ", the place given is ", place.dtype(), shape_text(place.shape()));
    if (!results[i].bytes().empty())
      std::memcpy(place.mutable_bytes().data(), results[i].bytes().data(),
                  results[i].bytes().size());
    tensors_[index] = place;
  }
  if (symbols_.size() > known) check_requirements(program_->graph(), symbols_);
}

void Execution::size_step(const Program::Step& step) {
  std::vector<const Tensor*> inputs;
  for (const Value* input : step.node->inputs)
    inputs.push_back(input == nullptr ? nullptr : &read(input));
  std::vector<Tensor> results = evaluate(*step.node, inputs, symbols_);
  // A result may be an operand's bytes under another shape; the operand's place is reused.
  for (Tensor& result : results)
    for (const Tensor* input : inputs)
      if (input != nullptr && result.overlaps(*input)) result = result.clone();
  take_results(step, std::move(results));
}

void Execution::branch_step(const Program::Step& step, StepState& state) {
  const Tensor& condition = read(step.node->inputs[0]);
  check(condition.count() == 1, Code::usage, "the condition of ", describe(*step.node), " has ",
        condition.count(), " elements, wanted one");
  std::vector<Tensor> inputs;
  for (size_t i = 1; i < step.node->inputs.size(); ++i)
    inputs.push_back(read(step.node->inputs[i]));
  Execution& taken = condition.integer(0) != 0 ? *state.then_branch : *state.else_branch;
  take_results(step, taken.run(inputs));
}

void Execution::take_inputs(const std::vector<Tensor>& inputs) {
  const Graph& graph = program_->graph();
  std::vector<std::vector<int64_t>> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  Bindings symbols;
  bind_inputs(graph, shapes, symbols);
  if (!settled_ || symbols != input_symbols_) settle(symbols);
  symbols_ = input_symbols_;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value* value = graph.inputs()[i];
    check(inputs[i].dtype() == value->type.tensor().dtype, Code::usage, "input \"", value->name,
          "\" is ", inputs[i].dtype(), shape_text(inputs[i].shape()), ", wanted ", value->type);
    tensor(value) = inputs[i].is_aligned() ? inputs[i] : inputs[i].clone();
  }
}

void Execution::take_places(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  const Graph& graph = program_->graph();
  given_.assign(given_.size(), Tensor());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& place = outputs[i];
    if (place.empty()) continue;
    const std::string& name = graph.outputs()[i].name;
    check(place.dtype() != DType::string, Code::usage, "output \"", name,
          "\" is strings: they cannot be written to a given place");
    for (size_t j = 0; j < i; ++j)
      check(!place.overlaps(outputs[j]), Code::usage, "the places given for outputs \"",
            graph.outputs()[j].name, "\" and \"", name, "\" overlap");
    const Value* value = graph.outputs()[i].value;
    const bool over_input = std::any_of(inputs.begin(), inputs.end(),
                                        [&](const Tensor& input) { return place.overlaps(input); });
    if (value->producer == nullptr || over_input || !place.is_aligned()) continue;
    given_[static_cast<size_t>(program_->index(value))] = place;
  }
}

std::vector<Tensor> Execution::run(const std::vector<Tensor>& inputs,
                                   const std::vector<Tensor>& outputs) {
  struct Release {
    Execution& execution;
    ~Release() { execution.release(); }
  } const release{*this};
  take_inputs(inputs);
  take_places(inputs, outputs);
  team_.run([&] {
    for (size_t i = 0; i < states_.size(); ++i) {
      try {
        run_step(i);
      } catch (const Error& error) {
        if (error.code() != Code::out_of_memory) throw;
        throw error.with("for ", describe(*program_->steps()[i].node));
      }
    }
  });
  return results(outputs);
}

std::vector<Tensor> Execution::results(const std::vector<Tensor>& outputs) {
  const Graph& graph = program_->graph();
  std::vector<Tensor> results;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const auto& [name, value] = graph.outputs()[i];
    const Tensor& result = read(value);
    if (i >= outputs.size() || outputs[i].empty()) {
      const bool own =
          value->producer != nullptr && given_[static_cast<size_t>(program_->index(value))].empty();
      results.push_back(own ? result : result.clone());
      continue;
    }
    Tensor place = outputs[i];
    check(place.dtype() == result.dtype() && place.shape() == result.shape(), Code::usage,
          "output \"", name, "\" is ", result.dtype(), shape_text(result.shape()),
          ", the place given is ", place.dtype(), shape_text(place.shape()));
    const auto to = place.mutable_bytes();
    if (!to.empty() && to.data() != result.bytes().data())
      std::memmove(to.data(), result.bytes().data(), to.size());
    results.push_back(std::move(place));
  }
  return results;
}

/// Lets go of everything that is not this execution's own: the caller's memory and the results.
void Execution::release() {
  given_.assign(given_.size(), Tensor());
  for (const Value* input : program_->graph().inputs()) tensor(input) = Tensor();
  for (const Program::Step& step : program_->steps())
    for (const Value* output : step.node->outputs)
      if (output != nullptr && !in_arena_[static_cast<size_t>(program_->index(output))])
        tensor(output) = Tensor();
}

}  // namespace hone
