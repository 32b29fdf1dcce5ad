#pragma once
// One context's state for one program: sizes, addresses, bound steps; kept while the input sizes
// stay.

#include <array>
#include <chrono>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/profile.hpp"
#include "runtime/program.hpp"
#include "runtime/sides.hpp"

namespace hone {

/// The sizes of a tensor's type with these symbols. Error(usage) where one cannot be computed.
std::vector<int64_t> sizes_of(const Value& value, const Bindings& symbols);

/// What was bound to one of them runs the other after rebind().
bool have_same_sizes(const Operands& a, const Operands& b);

/// Which of a caller's tensors, by their places in the lists, lie in the memory of the program's
/// device: their bytes are addresses there, aligned to elements. Empty: none. Where the device's
/// memory is the host's, they are like any other.
struct OnDevice {
  std::vector<bool> inputs{}, outputs{};
  bool input(size_t i) const { return i < inputs.size() && inputs[i]; }
  bool output(size_t i) const { return i < outputs.size() && outputs[i]; }
};

class Execution {
 public:
  /// `stream` outlives it; a plan of more streams has others of the same share beside it.
  Execution(std::shared_ptr<const Program> program, Stream& stream);

  /// Runs the program. `inputs` in the graph's order; `outputs`: places for results in the graph's
  /// order, an empty tensor where the execution should make one; a place may be misaligned or lie
  /// over an input, not over another place. No result shares memory with an input, a constant or
  /// the arena; elements of sequences are never written to and may be shared. Sizes that the
  /// program is not for are run by what is left of it, specialized. Error(usage) when a size
  /// contradicts a type.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs,
                          const std::vector<Tensor>& outputs = {}, const OnDevice& there = {});

  /// Told of every step from now on, those of bodies too; null: nobody is. Outlives the runs.
  void profile(Profile* profile);

  double enqueue_seconds() const { return enqueue_seconds_; }  // see Context
  /// Bytes of the arena for the sizes of the last run.
  int64_t arena_bytes() const { return placement_.bytes; }
  /// Bytes of the arenas that this execution and those of its bodies made for themselves.
  int64_t held_bytes() const;

 private:
  /// Memory of the execution around it, for the next runs; what does not fit has its own.
  void lend(std::span<std::byte> room);

  /// Results share the memory of these.
  using Kept = std::array<std::shared_ptr<Tensor>, 2>;
  /// An execution that this one hands a part of its run to.
  struct Rest {
    std::shared_ptr<const Program> program;
    std::unique_ptr<Execution> execution;
  };

  struct StepState {
    std::unique_ptr<Bound> bound;
    Operands sizes;  // of a step that is not settled: what it was bound to
    std::vector<std::unique_ptr<Execution>> bodies;
    Buffer late_scratch;
    bool moves = false;    // an operand or result lies outside the arena: elsewhere in every run
    bool idle = false;     // its results are in place already
    bool settled = false;  // every size and field is known before the run
    std::list<Rest> late;  // for what operands told, the most recently used first
    std::unique_ptr<Finder> finder;
  };

  /// A step of a segment that touches memory outside of the arena.
  struct Moving {
    size_t step = 0;
    size_t first = 0;  // its launches are recorded behind so many
    std::vector<const Value*> values;
    std::vector<const std::byte*> places;  // of these, as they were recorded
  };
  /// Steps behind one another that are the same in every run of these sizes: after one run they are
  /// recorded, and replayed from then on.
  struct Segment {
    size_t first = 0, end = 0;        // steps
    std::vector<const Value*> reads;  // that none of its steps makes
    std::vector<size_t> makes;        // values, by index
    std::vector<size_t> awaited;      // steps of it that later ones wait for
    std::vector<Moving> moving;
    bool was_run = false;  // step by step: kernels are bound
    bool refused = false;  // it runs step by step for good
    std::unique_ptr<Recording> recording;
  };

  void settle();  // new input sizes
  void settle_step(size_t index);
  void find_loose();
  void find_segments();
  void describe_segment(Segment& segment);
  bool is_recordable(size_t index) const;
  /// Runs it from its recording, which it makes. false: it is run step by step.
  bool run_segment(Segment& segment);
  void record(Segment& segment);
  void record_steps(Segment& segment);
  void follow_moves(Segment& segment);
  std::vector<const std::byte*> places_of(const std::vector<const Value*>& values);
  void fork_streams();
  void join_streams();
  void take_inputs(const std::vector<Tensor>& inputs);
  void take_places(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs);
  void take_sides(const OnDevice& there);
  std::vector<Tensor> results(const std::vector<Tensor>& outputs);
  void release();
  void forget_places();
  void take_arena(const Demand& wanted);
  void make_arena(const Demand& wanted);
  Tensor& tensor(const Value* value);
  const Tensor& read(const Value* value);
  const Value* input_as_stated(const Value* value) const;  // an input of the program's stated()
  bool sizes_known(const Value& value) const;
  Operands operands_of(const Program::Step& step);
  void make_results(const Program::Step& step);
  bool writes_nothing(const Program::Step& step);
  Tensor make_result(size_t index, DType dtype, const std::vector<int64_t>& sizes);
  Tensor make_output(Kept& kept, DType dtype, const std::vector<int64_t>& sizes);
  Tensor make_pinned(DType dtype, const std::vector<int64_t>& sizes);
  std::vector<Tensor> run_steps(const std::vector<Tensor>& outputs);
  std::vector<Tensor> run_rest(size_t first, const std::vector<Tensor>& outputs);
  Execution& of_program(std::list<Rest>& kept, const std::shared_ptr<const Program>& program);
  void run_step(size_t index);
  void profile_step(size_t index);
  Profile::Sizes sizes_for_profile(const Program::Step& step);
  void enqueue(size_t index);
  void bind(size_t index, Operands operands, Stream& stream);
  // On a device whose memory is not the host's:
  void run_step_apart(size_t index);
  void enqueue_apart(size_t index, Stream& stream);
  void join_sides(const Program::Step& step, Stream& stream);
  void move_to_device(const Program::Step& step, Operands& operands, Stream& stream);
  void bring(const Value* value, Side side, Stream& stream);
  void deliver(const Value* value, const Tensor& place);
  bool is_on_device(const Value* value);
  Tensor on_device(const Value* value, Stream& stream);
  void made(const Program::Step& step, Side side);
  Stream& stream_of(size_t index);
  void synchronize();            // all streams
  void wait_for_all() noexcept;  // the same, after an error too
  void evaluate_step(const Program::Step& step, StepState& state);
  bool run_finder(size_t index, Stream& stream);
  bool run_late(size_t index, Stream& stream);
  void run_late(const LatePrograms::Found& found, size_t index, Stream& stream);
  bool stays_on_host(const Program::Step& step);
  std::vector<Tensor> late_places(const Program::Step& step, const Shapes& shapes, Stream& stream);
  void take_results(const Program::Step& step, std::vector<Tensor> results);

  std::shared_ptr<const Program> program_;
  Profile* profile_ = nullptr;
  Stream& stream_;
  std::vector<std::unique_ptr<Stream>> more_streams_;  // of a plan's streams the second and so on
  std::vector<std::unique_ptr<Event>> events_;         // by step: null where nothing waits for it
  std::vector<std::unique_ptr<Event>> joins_;          // of all streams, the first one's first
  std::vector<Segment> segments_;                      // in order, of these sizes
  const Segment* recording_ = nullptr;                 // it is being recorded
  bool joined_ = false;                                // all that comes next is behind stream_
  bool records_ = true;                                // the device does, as far as is known
  std::chrono::steady_clock::time_point began_;        // the run, on a device apart
  double enqueue_seconds_ = 0;
  bool settled_ = false;
  bool general_ = false;  // the program runs these input sizes; else a rest from step 0 on does
  bool fits_ = false;     // the inputs' sizes are those of the program's graph
  Bindings input_symbols_, symbols_;
  Placement placement_;
  std::vector<std::span<std::byte>> scratch_;  // by buffer index of the plan
  std::span<std::byte> lent_;                  // of the execution around it
  bool borrows_ = false;                       // the arena is what was lent
  Buffer arena_;                               // the device's
  std::unique_ptr<Sides> sides_;               // null: its memory is the host's
  OnDevice there_;                             // of this run; empty without sides
  bool host_side_ = false;                     // with sides: steps run on the host
  Buffer host_arena_;                          // of those
  std::vector<Tensor> tensors_;                // by value index
  std::vector<bool> in_arena_;                 // by value index
  std::vector<std::span<std::byte>> room_;  // by value index: in the arena, for sizes yet unknown
  std::vector<Tensor> given_;         // by value index: places that results are written to directly
  std::vector<size_t> given_values_;  // whose place is not empty
  std::vector<size_t> loose_;         // values that steps make and that are not in the arena
  std::vector<bool> made_there_;  // by value index: a step of the device writes it, outside of it
  /// By value index, results of the last two runs: the memory of what nobody holds any more is
  /// taken again, because fresh memory is slow (the system clears each of its pages).
  std::unordered_map<size_t, Kept> kept_;
  std::vector<StepState> states_;
  std::list<Rest> rests_;  // most recently used first
};

}  // namespace hone
