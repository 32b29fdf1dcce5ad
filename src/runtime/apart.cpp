// How steps run on a device whose memory is not the host's: what they read is brought to the side
// where they run, what they make is there.

#include <algorithm>

#include "base/size.hpp"
#include "device/apart.hpp"
#include "runtime/execution.hpp"

namespace hone {

/// Constants are on both sides.
void Execution::bring(const Value* value, Side side, Stream& stream) {
  if (value == nullptr || value->is_constant()) return;
  Tensor& contents = tensor(value);
  if (!contents.is_tensor() || contents.dtype() == DType::string) return;
  const auto index = static_cast<size_t>(program_->index(value));
  // The caller's, on the device: it gets a place on the host when somebody reads it there.
  if (side == Side::host && sides_->lent(index) != nullptr &&
      sides_->lent(index) == contents.bytes().data())
    contents = Tensor(contents.dtype(), contents.shape());
  const bool copies = sides_->bring(index, contents, side, stream);
  // Other streams know nothing of this copy, but for what meets them all afterwards.
  if (copies && !more_streams_.empty() && !joined_) stream.synchronize();
}

void Execution::made(const Program::Step& step, Side side) {
  for (const Value* output : step.node->outputs)
    if (output != nullptr) sides_->made(static_cast<size_t>(program_->index(output)), side);
}

/// In memory that a device apart copies to fastest; where there is no more of that, in any.
Tensor Execution::make_pinned(DType dtype, const std::vector<int64_t>& sizes) {
  const auto count = try_element_count(sizes);
  if (!count || *count == 0) return {dtype, sizes};
  try {
    const Buffer made =
        program_->device().allocate_host(static_cast<int64_t>(bytes_for(dtype, *count)));
    return Tensor::borrow_mutable(dtype, sizes, bytes_of(made), made.owner);
  } catch (const Error& error) {
    if (error.code() != Code::out_of_memory) throw;
    return {dtype, sizes};
  }
}

namespace {

/// An input on the device whose address kernels do not take.
void take_copy(size_t value, Tensor& contents, Sides& sides, Device& device, Stream& stream) {
  const auto bytes = static_cast<int64_t>(contents.bytes().size());
  const Buffer from{const_cast<std::byte*>(contents.bytes().data()), bytes, false, nullptr};
  contents = Tensor(contents.dtype(), contents.shape());
  const Buffer to{sides.place(value, contents, stream), bytes, false, nullptr};
  device.copy(to, from, stream);
}

}  // namespace

/// On which side the inputs are.
void Execution::take_sides(const OnDevice& there) {
  there_ = there;
  const auto& inputs = program_->graph().inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto index = static_cast<size_t>(program_->index(inputs[i]));
    sides_->made(index, there.input(i) ? Side::device : Side::host);
    if (!there.input(i)) continue;
    Tensor& contents = tensor(inputs[i]);
    auto* place = const_cast<std::byte*>(contents.bytes().data());
    if (is_placed_for_kernels(place)) sides_->lend(index, place);
    else take_copy(index, contents, *sides_, program_->device(), stream_);
  }
}

/// Enqueues what brings a result to the caller's place on the device.
void Execution::deliver(const Value* value, const Tensor& place) {
  const Tensor& result = read(value);
  if (!result.is_tensor() || place.dtype() != result.dtype() || place.shape() != result.shape())
      [[unlikely]]
    fail(Code::usage, "output %", value->name, " is ", describe(result), ", the place given is ",
         describe(place));
  const auto bytes = static_cast<int64_t>(result.bytes().size());
  if (bytes == 0) return;
  auto* to = const_cast<std::byte*>(place.bytes().data());
  const auto index = static_cast<size_t>(program_->index(value));
  if (value->is_constant() || !sides_->has(index, Side::device)) {
    auto* from = const_cast<std::byte*>(result.bytes().data());
    program_->device().copy({to, bytes, false, nullptr}, {from, bytes, true, nullptr}, stream_);
    return;
  }
  std::byte* from = sides_->place(index, result, stream_);
  if (from != to)
    program_->device().copy({to, bytes, false, nullptr}, {from, bytes, false, nullptr}, stream_);
}

/// The device has its bytes; of no elements, nobody does.
bool Execution::is_on_device(const Value* value) {
  if (value->is_constant()) return false;
  const Tensor& contents = tensor(value);
  return contents.is_tensor() && !contents.bytes().empty() &&
         sides_->has(static_cast<size_t>(program_->index(value)), Side::device);
}

/// The value as another execution on the device may have it for an input: its bytes are there.
Tensor Execution::on_device(const Value* value, Stream& stream) {
  const Tensor& contents = tensor(value);
  std::byte* place = sides_->place(static_cast<size_t>(program_->index(value)), contents, stream);
  return Tensor::borrow_mutable(contents.dtype(), contents.shape(),
                                {place, contents.bytes().size()}, nullptr);
}

/// What is still enqueued may use memory of the caller's.
void Execution::wait_for_all() noexcept {
  try {
    synchronize();
  } catch (...) {  // the run fails, or failed, of that itself
  }
}

void Execution::run_step_apart(size_t index) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  Stream& stream = stream_of(index);
  if (step.finding != nullptr && run_finder(index, stream)) return;
  if (step.late != nullptr && run_late(index, stream)) return;
  if (step.kind != Step::Kind::run) {
    // Of all that the device has, the few bytes that tell sizes or a condition come to the host.
    for (const Value* input : step.node->inputs) bring(input, Side::host, stream);
    synchronize();
    evaluate_step(step, state);
    made(step, Side::host);
  } else if (state.idle) {
    join_sides(step, stream);
  } else {
    enqueue_apart(index, stream);
  }
}

/// The results are bytes of operands: they are where all of these are.
void Execution::join_sides(const Program::Step& step, Stream& stream) {
  const auto on = [&](Side side) {
    return std::all_of(step.node->inputs.begin(), step.node->inputs.end(), [&](const Value* input) {
      return input == nullptr || input->is_constant() ||
             sides_->has(static_cast<size_t>(program_->index(input)), side);
    });
  };
  const bool on_host = on(Side::host), on_device = on(Side::device);
  const Side side = on_host && !on_device ? Side::host : Side::device;
  for (const Value* input : step.node->inputs) bring(input, side, stream);
  made(step, side);
  if (!on_host || !on_device) return;
  for (const Value* output : step.node->outputs)
    if (output != nullptr) sides_->made_everywhere(static_cast<size_t>(program_->index(output)));
}

void Execution::enqueue_apart(size_t index, Stream& stream) {
  const Program::Step& step = program_->steps()[index];
  StepState& state = states_[index];
  make_results(step);
  if (writes_nothing(step)) {
    made(step, Side::device);
    return;
  }
  const Side side = step.on_host ? Side::host : Side::device;
  for (size_t i = 0; i < step.operands.size(); ++i)
    if (step.packed[i] == nullptr) bring(step.operands[i], side, stream);
  // It may read what was copied, and write where a copy still reads.
  if (step.on_host) synchronize();
  Stream& queue = step.on_host ? stream.host() : stream;
  if (state.bound == nullptr || !state.settled || state.moves) {
    Operands operands = operands_of(step);
    if (!step.on_host) move_to_device(step, operands, stream);
    const bool fits =
        state.bound != nullptr && (state.settled || have_same_sizes(operands, state.sizes));
    if (fits) state.bound->rebind(operands);
    else bind(index, std::move(operands), queue);
  }
  queue.run([&] { state.bound->enqueue(queue); });
  made(step, side);
}

/// The addresses that the operands have on the device.
void Execution::move_to_device(const Program::Step& step, Operands& operands, Stream& stream) {
  const auto place = [&](const Value* value) {
    return sides_->place(static_cast<size_t>(program_->index(value)), tensor(value), stream);
  };
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (step.packed[i] != nullptr) continue;
    operands.inputs[i].data = step.operands[i]->is_constant()
                                  ? program_->constant_on_device(step.operands[i]).data
                                  : place(step.operands[i]);
  }
  size_t next = 0;
  for (const Value* output : step.node->outputs)
    if (output != nullptr) operands.outputs[next++].data = place(output);
}

}  // namespace hone
