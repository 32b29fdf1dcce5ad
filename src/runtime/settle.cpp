// What an execution knows once the input sizes are known: the arena, places, which steps are
// settled.

#include <algorithm>
#include <set>

#include "base/size.hpp"
#include "ir/bodies/structural.hpp"
#include "runtime/execution.hpp"

namespace hone {
std::vector<int64_t> sizes_of(const Value& value, const Bindings& symbols) {
  std::vector<int64_t> sizes;
  for (const Dim& dim : value.type.tensor().shape()) {
    const auto size = dim.evaluate(symbols);
    check(size.has_value(), Code::usage, "the size ", dim, " of %", value.name,
          " cannot be computed for the given input sizes");
    check(*size >= 0, Code::usage, "the size ", dim, " of %", value.name, " is ", *size,
          " for the given input sizes");
    sizes.push_back(*size);
  }
  return sizes;
}

bool Execution::sizes_known(const Value& value) const {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return false;
  for (const Dim& dim : value.type.tensor().shape())
    if (!dim.evaluate(symbols_)) return false;
  return true;
}

namespace {

/// With `runs_ahead` the same buffers in as many bytes, each kept for a step longer where there is
/// room: a step then writes over nothing that the one before works on, so that tiles of both may
/// run side by side.
Placement place(const Demand& demand, bool runs_ahead) {
  Placement placement = solve(demand, kBindEffort);
  if (!runs_ahead) return placement;
  std::vector<int64_t> live;  // by step, if all were kept longer
  for (const Demand::Buffer& each : demand.buffers) {
    live.resize(std::max(live.size(), static_cast<size_t>(each.last) + 2));
    for (auto step = static_cast<size_t>(each.first); step <= static_cast<size_t>(each.last) + 1;
         ++step)
      live[step] += each.bytes;
  }
  for (const int64_t of_four : {4, 3, 2}) {
    Demand longer = demand;
    for (Demand::Buffer& each : longer.buffers)
      if (4 * live[static_cast<size_t>(each.last) + 1] <= of_four * placement.bytes) ++each.last;
    Placement wide = solve(longer, {0, 0});
    if (wide.bytes > placement.bytes) continue;
    wide.bytes = placement.bytes;
    return wide;
  }
  return placement;
}

}  // namespace

void Execution::settle() {
  segments_.clear();
  const Graph& graph = program_->graph();
  const Plan& plan = program_->plan();
  const Bindings& symbols = input_symbols_;
  const Layout layout = lay_out(graph, plan, symbols);
  const bool runs_ahead = sides_ == nullptr && stream_.runs_ahead();
  placement_ = place(layout.demand, runs_ahead);
  auto wrong = validate(layout.demand, placement_);
  if (!wrong) wrong = check_contents(graph, plan, layout, placement_);
  check(!wrong, Code::internal, "the memory plan is wrong: ", wrong.value_or(""));
  take_arena(layout.demand);
  if (sides_ != nullptr) sides_->settle(host_side_ ? host_arena_ : arena_, arena_);
  in_arena_.assign(in_arena_.size(), false);
  find_loose();  // all, should this fail
  room_.assign(in_arena_.size(), {});
  scratch_.assign(plan.buffers.size(), {});
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const auto place_in = [&](const Buffer& arena) {
      return bytes_of(arena).subspan(static_cast<size_t>(layout.at(i, placement_)),
                                     static_cast<size_t>(layout.bytes[i]));
    };
    if (plan.buffers[i].value.empty()) {
      const bool on_host = program_->steps()[static_cast<size_t>(plan.buffers[i].first)].on_host;
      scratch_[i] = place_in(on_host ? host_arena_ : arena_);
      continue;
    }
    const auto place = place_in(host_side_ ? host_arena_ : arena_);
    const Value* value = graph.find(plan.buffers[i].value);
    if (plan.buffers[i].at_most) {
      room_[static_cast<size_t>(program_->index(value))] = place;
      continue;
    }
    const DType dtype = value->type.tensor().dtype;
    const std::vector<int64_t> sizes = sizes_of(*value, symbols);
    const auto count = try_element_count(sizes);
    check(count && bytes_for(dtype, *count) <= place.size(), Code::incompatible_engine,
          "the plan keeps ", place.size(), " bytes for %", value->name, ", ", dtype,
          shape_text(sizes), " needs more");
    tensor(value) = Tensor::borrow_mutable(dtype, sizes, place, nullptr);
    in_arena_[static_cast<size_t>(program_->index(value))] = true;
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    settle_step(i);
    states_[i].idle = layout.idle[i];
    std::span<std::byte> room;
    if (const int buffer = layout.rooms[i]; buffer >= 0) {
      const auto at = static_cast<size_t>(buffer);
      room = bytes_of(arena_).subspan(static_cast<size_t>(placement_.offsets[at]),
                                      static_cast<size_t>(layout.demand.buffers[at].bytes));
    }
    // Bodies get and give tensors of the host's: on a device apart they have arenas of their own.
    if (sides_ == nullptr)
      for (const auto& body : states_[i].bodies) body->lend(room);
  }
  find_loose();
  find_segments();
}

/// What a run leaves behind outside of the arena, which the next one is not to see.
void Execution::find_loose() {
  loose_.clear();
  made_there_.assign(in_arena_.size(), false);
  for (size_t i = 0; i < states_.size(); ++i) {
    const Program::Step& step = program_->steps()[i];
    const bool there = step.kind == Step::Kind::run && !step.on_host && !states_[i].idle;
    for (const Value* output : step.node->outputs) {
      if (output == nullptr) continue;
      const auto index = static_cast<size_t>(program_->index(output));
      if (in_arena_[index]) continue;
      loose_.push_back(index);
      made_there_[index] = there;
    }
  }
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
  collect_symbols(node.op, symbols);
  for (const std::string& name : symbols) state.settled &= symbols_.contains(name);
}

void Execution::lend(std::span<std::byte> room) {
  if (room.data() == lent_.data() && room.size() == lent_.size()) return;
  lent_ = room;
  settled_ = false;  // addresses change
}

int64_t Execution::held_bytes() const {
  int64_t bytes = borrows_ ? 0 : arena_.bytes + host_arena_.bytes;
  if (sides_ != nullptr) bytes += sides_->own_bytes();
  for (const StepState& state : states_) {
    for (const auto& body : state.bodies) bytes += body->held_bytes();
    for (const Rest& each : state.late) bytes += each.execution->held_bytes();
  }
  return bytes;
}

void Execution::take_arena(const Demand& wanted) {
  if (!lent_.empty() && placement_.bytes <= static_cast<int64_t>(lent_.size())) {
    arena_ = {lent_.data(), static_cast<int64_t>(lent_.size()), true, nullptr};
    borrows_ = true;
  } else if (borrows_ || arena_.data == nullptr || arena_.bytes < placement_.bytes) {
    make_arena(wanted);
    borrows_ = false;
  }
}

void Execution::make_arena(const Demand& wanted) {
  arena_ = host_arena_ = {};  // the old ones first: both may be too much
  try {
    Buffer made = program_->device().allocate(placement_.bytes);
    if (host_side_) host_arena_ = program_->device().allocate_host(placement_.bytes);
    arena_ = std::move(made);  // both or none
  } catch (const Error& error) {
    const auto largest = std::max_element(
        wanted.buffers.begin(), wanted.buffers.end(),
        [](const Demand::Buffer& a, const Demand::Buffer& b) { return a.bytes < b.bytes; });
    const Node& node = *program_->steps()[static_cast<size_t>(largest->first)].node;
    throw error.with("the arena's largest part, ", largest->bytes, " bytes, is for ",
                     describe(node));
  }
}

}  // namespace hone
