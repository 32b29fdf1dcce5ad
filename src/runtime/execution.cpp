#include "runtime/execution.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>

#include "base/size.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"

namespace hone {
Execution::Execution(std::shared_ptr<const Program> program, Stream& stream)
    : program_(std::move(program)), stream_(stream), states_(program_->steps().size()) {
  const std::vector<hone::Step>& planned = program_->plan().steps;
  for (int more = stream_count(program_->plan()); more > 1; --more)
    more_streams_.push_back(program_->device().stream(stream.share()));
  for (size_t i = 0; i <= more_streams_.size() && !more_streams_.empty(); ++i)
    joins_.push_back(program_->device().event());
  events_.resize(planned.size());
  for (const hone::Step& step : planned)
    for (const int wait : step.waits)
      if (auto& event = events_.at(static_cast<size_t>(wait)); event == nullptr)
        event = program_->device().event();
  const auto values = static_cast<size_t>(program_->value_count());
  tensors_.resize(values);
  given_.resize(values);
  in_arena_.assign(values, false);
  room_.resize(values);
  find_loose();
  const Graph& graph = program_->graph();
  for (const Value* constant : graph.constants())
    if (constant->is_literal()) tensor(constant) = constant->weight->tensor();
  for (const GraphOutput& output : graph.outputs())
    if (output.value->producer != nullptr)
      kept_[static_cast<size_t>(program_->index(output.value))];
  if (program_->device().is_apart()) sides_ = std::make_unique<Sides>(program_->device(), values);
  for (size_t i = 0; i < states_.size(); ++i) {
    const Program::Step& step = program_->steps()[i];
    host_side_ |= sides_ != nullptr && (step.on_host || step.kind != Step::Kind::run);
    for (const auto& body : step.bodies)
      states_[i].bodies.push_back(std::make_unique<Execution>(body, stream));
  }
}

Tensor& Execution::tensor(const Value* value) {
  return tensors_[static_cast<size_t>(program_->index(value))];
}

const Tensor& Execution::read(const Value* value) {
  if (value->is_constant() && !value->is_literal()) return program_->constant(value);
  return tensor(value);
}

const Value* Execution::input_as_stated(const Value* value) const {
  const auto& inputs = program_->stated().inputs();
  const auto at = std::find(inputs.begin(), inputs.end(), value) - inputs.begin();
  return program_->graph().inputs()[static_cast<size_t>(at)];
}

Operands Execution::operands_of(const Program::Step& step) {
  Operands operands;
  operands.symbols = symbols_;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (step.packed[i] != nullptr) {
      const Weight& weight = *step.packed[i];
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
    tensors_[index] = fits ? place : make_result(index, dtype, sizes);
  }
}

/// Its results have no elements: a kernel would only walk through operands whose other dimensions
/// may have any size.
bool Execution::writes_nothing(const Program::Step& step) {
  return std::all_of(
      step.node->outputs.begin(), step.node->outputs.end(), [&](const Value* output) {
        return output == nullptr || (tensor(output).is_tensor() && tensor(output).count() == 0);
      });
}

/// In the arena where room was kept for it, else with memory of its own.
Tensor Execution::make_result(size_t index, DType dtype, const std::vector<int64_t>& sizes) {
  const auto count = try_element_count(sizes);
  const auto wanted = count ? try_mul(*count, bits(dtype)) : std::nullopt;
  if (dtype == DType::string || !wanted || room_[index].size() < bytes_for(dtype, *count) ||
      room_[index].empty()) {
    const auto kept = kept_.find(index);
    return kept == kept_.end() ? Tensor(dtype, sizes) : make_output(kept->second, dtype, sizes);
  }
  return Tensor::borrow_mutable(dtype, sizes, room_[index], nullptr);
}

/// The caller has the results of the run before until the next run ends, and may give them as its
/// inputs: what nobody holds is older.
Tensor Execution::make_output(Kept& kept, DType dtype, const std::vector<int64_t>& sizes) {
  const auto result = [&](const std::shared_ptr<Tensor>& memory) {
    const auto used = static_cast<size_t>(bytes_for(dtype, element_count(sizes)));
    return Tensor::borrow_mutable(dtype, sizes, memory->mutable_bytes().first(used), memory);
  };
  if (dtype == DType::string) return {dtype, sizes};
  const auto bytes = static_cast<int64_t>(bytes_for(dtype, element_count(sizes)));
  int64_t before = 0;
  for (const auto& each : kept) {
    if (each == nullptr) continue;
    const int64_t room = each->count();
    before = std::max(before, room);
    if (each.use_count() != 1 || room < bytes || room / 4 > bytes) continue;
    std::atomic_thread_fence(std::memory_order_acquire);  // after what its holders did
    return result(each);
  }
  // What grew from run to run, as a cache does with every token, will grow on.
  const int64_t room = before > 0 && before < bytes ? bytes + bytes / 4 : bytes;
  std::swap(kept[0], kept[1]);
  kept[0] = std::make_shared<Tensor>(sides_ == nullptr ? Tensor(DType::u8, {room})
                                                       : make_pinned(DType::u8, {room}));
  return result(kept[0]);
}

void Execution::run_step(size_t index) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  for (const int wait : program_->plan().steps[index].waits)
    if (const auto at = static_cast<size_t>(wait); recording_ == nullptr || at >= recording_->first)
      stream_of(index).wait(*events_[at]);
  if (sides_ != nullptr) {
    run_step_apart(index);
  } else if (step.kind != Step::Kind::run) {
    synchronize();
    evaluate_step(step, state);
  } else if (!state.idle) {
    enqueue(index);
  }
  if (events_[index] != nullptr) stream_of(index).record(*events_[index]);
}

Stream& Execution::stream_of(size_t index) {
  const int stream = program_->plan().steps[index].stream;
  return stream == 0 ? stream_ : *more_streams_[static_cast<size_t>(stream - 1)];
}

void Execution::synchronize() {
  stream_.synchronize();
  for (const auto& stream : more_streams_) stream->synchronize();
}

bool have_same_sizes(const Operands& a, const Operands& b) {
  const auto same = [](const Operand& one, const Operand& other) {
    return one.shape == other.shape && one.dtype == other.dtype &&
           (one.data == nullptr) == (other.data == nullptr);
  };
  return a.symbols == b.symbols && std::ranges::equal(a.inputs, b.inputs, same) &&
         std::ranges::equal(a.outputs, b.outputs, same);
}

void Execution::enqueue(size_t index) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  make_results(step);
  if (writes_nothing(step)) return;
  if (state.bound == nullptr) {
    bind(index, operands_of(step), stream_of(index));
  } else if (!state.settled) {
    Operands operands = operands_of(step);
    if (have_same_sizes(operands, state.sizes)) state.bound->rebind(operands);
    else bind(index, std::move(operands), stream_of(index));
  } else if (state.moves) {
    state.bound->rebind(operands_of(step));
  }
  state.bound->enqueue(stream_of(index));
}

void Execution::bind(size_t index, Operands operands, Stream& stream) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  std::span<std::byte> scratch;
  if (!step.late_scratch.is(0)) {
    const auto bytes = step.late_scratch.evaluate(symbols_);
    check(bytes && *bytes >= 0, Code::usage, "the working memory of ", describe(*step.node), ", ",
          step.late_scratch, " bytes, cannot be computed");
    Device& device = program_->device();
    state.late_scratch = step.on_host ? device.allocate_host(*bytes) : device.allocate(*bytes);
    scratch = bytes_of(state.late_scratch);
  }
  if (step.scratch >= 0) scratch = scratch_[static_cast<size_t>(step.scratch)];
  state.bound = step.prepared->bind(operands, scratch, stream);
  if (!state.settled) state.sizes = std::move(operands);
}

void Execution::take_inputs(const std::vector<Tensor>& inputs) {
  const Graph &graph = program_->graph(), &stated = program_->stated();
  std::vector<std::vector<int64_t>> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  Bindings symbols;
  bind_inputs(stated, shapes, symbols);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value* value = stated.inputs()[i];
    if (!bind_contents(value->type, inputs[i], symbols)) [[unlikely]]
      fail(Code::usage, "input \"", value->name, "\" is ", describe(inputs[i]), ", wanted ",
           value->type);
    tensor(graph.inputs()[i]) = inputs[i].is_aligned() ? inputs[i] : inputs[i].clone();
  }
  Bindings own;
  const bool narrower = &graph != &stated;
  const bool fits = !narrower || takes(graph, shapes, own);
  if (!settled_ || fits != fits_ || (narrower && general_ ? own : symbols) != input_symbols_) {
    settled_ = false;
    fits_ = fits;
    Bindings& bound = narrower && fits ? own : symbols;
    general_ = fits &&
               std::none_of(graph.inputs().begin(), graph.inputs().end(),
                            [](const Value* input) {
                              return input->type.is_tensor() && !input->type.tensor().has_rank();
                            }) &&
               !is_planned_otherwise(graph, bound);
    input_symbols_ = std::move(general_ ? bound : symbols);
    symbols_ = input_symbols_;  // what only running tells is not known yet
    if (general_) settle();
    settled_ = true;
  }
  symbols_ = input_symbols_;
}

namespace {

/// The place is that of an input which the result's step alone reads, and it may write there. On a
/// device apart both are the device's, and the step runs there.
bool is_in_place(const Program& program, const Value& result, const Tensor& place,
                 const std::vector<Tensor>& inputs, const OnDevice& there, bool is_there) {
  const Value* over = program.overwritable_input(&result);
  const bool apart = program.device().is_apart();
  if (over == nullptr || (apart && !is_there)) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!place.overlaps(inputs[i])) continue;
    if (apart && !there.input(i)) return false;
    if (program.graph().inputs()[i] != over || place.dtype() != inputs[i].dtype() ||
        place.shape() != inputs[i].shape() || place.bytes().data() != inputs[i].bytes().data())
      return false;
  }
  return true;
}

}  // namespace

void Execution::take_places(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  const Graph& graph = program_->graph();
  forget_places();
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor place = outputs[i];
    if (place.empty()) continue;
    const std::string& name = graph.outputs()[i].name;
    if (!place.is_tensor() || place.dtype() == DType::string) [[unlikely]]
      fail(Code::usage, "output \"", name, "\" is ", describe(place),
           ": it cannot be written to a given place");
    for (size_t j = 0; j < i; ++j)
      check(!place.overlaps(outputs[j]), Code::usage, "the places given for outputs \"",
            graph.outputs()[j].name, "\" and \"", name, "\" overlap");
    const Value* value = graph.outputs()[i].value;
    const bool over_input = std::any_of(inputs.begin(), inputs.end(),
                                        [&](const Tensor& input) { return place.overlaps(input); });
    if (value->producer == nullptr || !place.is_aligned()) continue;
    const auto index = static_cast<size_t>(program_->index(value));
    const bool is_there = there_.output(i) && made_there_[index];
    if (over_input && !is_in_place(*program_, *value, place, inputs, there_, is_there)) continue;
    if (there_.output(i)) {
      if (!is_there || !given_[index].empty() || !is_placed_for_kernels(place.bytes().data()))
        continue;
      sides_->lend(index, place.mutable_bytes().data());
    }
    given_[index] = place;
    given_values_.push_back(index);
  }
}

std::vector<Tensor> Execution::run(const std::vector<Tensor>& inputs,
                                   const std::vector<Tensor>& outputs, const OnDevice& there) {
  struct Release {
    Execution& execution;
    ~Release() { execution.release(); }
  } const release{*this};
  if (sides_ != nullptr) began_ = Profile::Clock::now();
  try {
    for (size_t i = 0; i < inputs.size(); ++i)
      check(
          sides_ == nullptr || !there.input(i) || (inputs[i].is_tensor() && inputs[i].is_aligned()),
          Code::usage, "input ", i, " lies on the device and is not aligned to its elements");
    take_inputs(inputs);
    if (sides_ != nullptr) take_sides(there);
    std::vector<Tensor> results;
    stream_.run([&] {
      if (!general_) {
        results = run_rest(0, outputs);
        return;
      }
      take_places(inputs, outputs);
      results = run_steps(outputs);
    });
    return results;
  } catch (const Error& error) {
    // The model was verified: what only running finds wrong, as an index out of range or a size
    // that overflows, is in the inputs.
    if (error.code() != Code::invalid_model) throw;
    throw Error(Code::usage, error.message());
  }
}

std::vector<Tensor> Execution::run_steps(const std::vector<Tensor>& outputs) {
  joined_ = false;
  auto segment = segments_.begin();
  for (size_t i = 0; i < states_.size(); ++i) {
    while (segment != segments_.end() && segment->end <= i) ++segment;
    const bool in_segment = segment != segments_.end() && segment->first <= i;
    if (in_segment && segment->first == i && profile_ == nullptr && run_segment(*segment)) {
      i = segment->end - 1;
      continue;
    }
    const Program::Step& step = program_->steps()[i];
    const size_t known = symbols_.size();
    try {
      if (profile_ == nullptr) run_step(i);
      else profile_step(i);
    } catch (const Error& error) {
      if (error.code() != Code::out_of_memory) throw;
      throw error.with("for ", describe(*step.node));
    }
    if (in_segment && i + 1 == segment->end) segment->was_run = true;
    const bool more = i + 1 < states_.size();
    if (step.ranks && more) return run_rest(i + 1, outputs);
    if (symbols_.size() == known) continue;
    if (more && is_planned_otherwise(program_->graph(), symbols_)) return run_rest(i + 1, outputs);
    const auto broken = broken_requirement(program_->graph(), symbols_);
    if (broken) fail_broken(*broken, symbols_);
  }
  return this->results(outputs);
}

/// The program cannot run step `first` and what follows with the sizes there are: a specialized one
/// does.
std::vector<Tensor> Execution::run_rest(size_t first, const std::vector<Tensor>& outputs) {
  if (sides_ != nullptr) join_streams();
  synchronize();
  std::vector<Tensor> contents;
  std::vector<Type> types;
  OnDevice there{{}, there_.outputs};
  for (const Value* value : program_->live(first)) {
    const Value* own = first == 0 ? input_as_stated(value) : value;
    contents.push_back(read(own));
    types.push_back(type_of(contents.back(), value->type));
    if (sides_ == nullptr) continue;
    there.inputs.push_back(is_on_device(own));
    if (there.inputs.back()) contents.back() = on_device(own, stream_);
  }
  Execution& rest = of_program(rests_, program_->rest(first, types, symbols_));
  std::vector<Tensor> results = rest.run(contents, outputs, there);
  enqueue_seconds_ = rest.enqueue_seconds();
  return results;
}

/// The one of `kept` that runs it, which it is made for where there is none.
Execution& Execution::of_program(std::list<Rest>& kept,
                                 const std::shared_ptr<const Program>& program) {
  constexpr size_t kKept = 4;
  const auto found = std::ranges::find(kept, program, &Rest::program);
  if (found != kept.end()) kept.splice(kept.begin(), kept, found);
  else kept.push_front({program, std::make_unique<Execution>(program, stream_)});
  if (kept.size() > kKept) kept.pop_back();
  kept.front().execution->profile(profile_);
  return *kept.front().execution;
}

std::vector<Tensor> Execution::results(const std::vector<Tensor>& outputs) {
  const Graph& graph = program_->graph();
  if (sides_ != nullptr) {
    join_streams();
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      if (there_.output(i)) deliver(graph.outputs()[i].value, outputs[i]);
      else bring(graph.outputs()[i].value, Side::host, stream_);
    }
    enqueue_seconds_ = std::chrono::duration<double>(Profile::Clock::now() - began_).count();
  }
  synchronize();
  std::vector<Tensor> results;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const std::string& name = graph.outputs()[i].name;
    const Value* value = graph.outputs()[i].value;
    const Tensor& result = read(value);
    if (i >= outputs.size() || outputs[i].empty()) {
      const bool own =
          value->producer != nullptr && given_[static_cast<size_t>(program_->index(value))].empty();
      results.push_back(own ? result : result.clone());
      continue;
    }
    Tensor place = outputs[i];
    if (there_.output(i)) {
      results.push_back(std::move(place));
      continue;
    }
    const bool fits =
        result.is_tensor() && place.dtype() == result.dtype() && place.shape() == result.shape();
    if (!fits) [[unlikely]]
      fail(Code::usage, "output \"", name, "\" is ", describe(result), ", the place given is ",
           describe(place));
    const auto to = place.mutable_bytes();
    if (!to.empty() && to.data() != result.bytes().data())
      std::memmove(to.data(), result.bytes().data(), to.size());
    results.push_back(std::move(place));
  }
  return results;
}

/// Lets go of everything that is not this execution's own: the caller's memory and the results.
void Execution::release() {
  if (sides_ != nullptr) {
    wait_for_all();
    sides_->take_back();
  }
  forget_places();
  for (const Value* input : program_->graph().inputs()) tensor(input) = Tensor();
  for (const size_t value : loose_) tensors_[value] = Tensor();
}

void Execution::forget_places() {
  for (const size_t value : given_values_) given_[value] = Tensor();
  given_values_.clear();
}

}  // namespace hone
