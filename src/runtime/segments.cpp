// Steps that are recorded once and replayed: the host does one call for all of them.

#include <algorithm>
#include <unordered_set>

#include "base/log.hpp"
#include "runtime/execution.hpp"

namespace hone {
namespace {

constexpr size_t kFewest = 2;  // steps that enqueue something

}  // namespace

/// What it enqueues depends on the sizes and on the places of its operands and results alone.
bool Execution::is_recordable(size_t index) const {
  const Program::Step& step = program_->steps()[index];
  return step.kind == Step::Kind::run && !step.on_host && !step.ranks && states_[index].settled &&
         step.prepared->records();
}

void Execution::find_segments() {
  for (size_t i = 0; records_ && i < states_.size(); ++i) {
    if (!is_recordable(i)) continue;
    Segment segment;
    segment.first = i;
    size_t busy = 0;
    for (; i < states_.size() && is_recordable(i); ++i) busy += states_[i].idle ? 0 : 1;
    segment.end = i;
    if (busy < kFewest) continue;
    describe_segment(segment);
    segments_.push_back(std::move(segment));
  }
}

void Execution::describe_segment(Segment& segment) {
  std::unordered_set<const Value*> seen;  // made by it, or read
  for (size_t i = segment.first; i < segment.end; ++i) {
    const Program::Step& step = program_->steps()[i];
    Moving moving{i, 0, {}, {}};
    const auto add = [&](const Value* value) {
      const bool moves = !in_arena_[static_cast<size_t>(program_->index(value))];
      if (moves && !states_[i].idle) moving.values.push_back(value);
    };
    for (const Value* operand : step.operands) {
      if (operand->is_constant()) continue;
      add(operand);
      if (seen.insert(operand).second) segment.reads.push_back(operand);
    }
    for (const Value* output : step.node->outputs) {
      if (output == nullptr) continue;
      add(output);
      seen.insert(output);
      segment.makes.push_back(static_cast<size_t>(program_->index(output)));
    }
    if (!moving.values.empty()) segment.moving.push_back(std::move(moving));
  }
  std::set<int> waited;
  const auto& planned = program_->plan().steps;
  for (size_t i = segment.end; i < planned.size(); ++i)
    waited.insert(planned[i].waits.begin(), planned[i].waits.end());
  for (const int each : waited)
    if (const auto at = static_cast<size_t>(each); at >= segment.first && at < segment.end)
      segment.awaited.push_back(at);
}

bool Execution::run_segment(Segment& segment) {
  if (segment.refused || !segment.was_run) return false;
  join_streams();
  joined_ = true;
  if (sides_ != nullptr)
    for (const Value* value : segment.reads) bring(value, Side::device, stream_);
  joined_ = false;
  if (segment.recording != nullptr) follow_moves(segment);
  else record(segment);
  if (segment.refused) return false;
  segment.recording->replay(stream_);
  if (sides_ != nullptr)
    for (const size_t value : segment.makes) sides_->made(value, Side::device);
  fork_streams();
  for (const size_t each : segment.awaited) stream_.record(*events_[each]);
  return true;
}

void Execution::record(Segment& segment) {
  if (!stream_.begin_recording()) {
    segment.refused = true;
    records_ = false;
    return;
  }
  const auto stop = [&] {
    recording_ = nullptr;
    return stream_.end_recording();
  };
  recording_ = &segment;
  try {
    fork_streams();
    record_steps(segment);
    join_streams();
    segment.recording = stop();
  } catch (const std::exception& thrown) {
    segment.refused = true;
    if (recording_ != nullptr) {
      try {
        (void)stop();
      } catch (const std::exception&) {  // of the same
      }
    }
    const auto* const known = dynamic_cast<const Error*>(&thrown);
    if (known == nullptr) throw;  // no memory
    const Error& error = *known;
    if (error.code() != Code::device && error.code() != Code::out_of_memory) throw;
    log(Level::detail, "steps ", segment.first, " to ", segment.end - 1,
        " are not recorded, they run one by one: ", error.message());
  }
}

void Execution::record_steps(Segment& segment) {
  auto moving = segment.moving.begin();
  for (size_t i = segment.first; i < segment.end; ++i) {
    const bool moves = moving != segment.moving.end() && moving->step == i;
    if (moves) moving->first = stream_.recorded();
    run_step(i);
    if (!moves) continue;
    moving->places = places_of(moving->values);
    ++moving;
  }
}

std::vector<const std::byte*> Execution::places_of(const std::vector<const Value*>& values) {
  std::vector<const std::byte*> places;
  for (const Value* value : values) {
    const Tensor& contents = tensor(value);
    places.push_back(sides_ == nullptr ? contents.bytes().data()
                                       : sides_->place(static_cast<size_t>(program_->index(value)),
                                                       contents, stream_));
  }
  return places;
}

/// Operands and results that lie elsewhere in this run.
void Execution::follow_moves(Segment& segment) {
  for (Moving& moving : segment.moving) {
    const Program::Step& step = program_->steps()[moving.step];
    make_results(step);
    std::vector<const std::byte*> places = places_of(moving.values);
    if (places == moving.places) continue;
    moving.places.clear();  // should this fail, the next run tries again
    StepState& state = states_[moving.step];
    if (state.bound == nullptr) continue;  // it writes nothing
    Operands operands = operands_of(step);
    Stream& stream = stream_of(moving.step);
    if (sides_ != nullptr) move_to_device(step, operands, stream);
    state.bound->rebind(operands);
    segment.recording->change(moving.first, stream, [&] { state.bound->enqueue(stream); });
    moving.places = std::move(places);
  }
}

/// What is enqueued to the other streams from now on runs behind what is on the first one.
void Execution::fork_streams() {
  if (more_streams_.empty()) return;
  stream_.record(*joins_[0]);
  for (const auto& stream : more_streams_) stream->wait(*joins_[0]);
}

/// The same the other way round.
void Execution::join_streams() {
  for (size_t i = 0; i < more_streams_.size(); ++i) {
    more_streams_[i]->record(*joins_[i + 1]);
    stream_.wait(*joins_[i + 1]);
  }
}

}  // namespace hone
