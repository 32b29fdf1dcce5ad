#pragma once
// One context's state for one program: sizes, addresses, bound steps; kept while the input sizes
// stay.

#include <memory>
#include <vector>

#include "device/cpu/stream.hpp"
#include "runtime/program.hpp"

namespace hone {

class Execution {
 public:
  Execution(std::shared_ptr<const Program> program, Team& team);

  /// Runs the program. `inputs` in the graph's order; `outputs`: places for results in the graph's
  /// order, an empty tensor where the execution should make one; a place may be misaligned or lie
  /// over an input, not over another place. No result shares memory with an input, a constant or
  /// the arena. Error(usage) when a size contradicts a type; Error(usage) "... breaks a
  /// requirement" when the program is not for these sizes.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs,
                          const std::vector<Tensor>& outputs = {});

  /// Bytes of the arena for the sizes of the last run.
  int64_t arena_bytes() const { return placement_.bytes; }

 private:
  struct StepState {
    std::unique_ptr<Bound> bound;
    std::unique_ptr<Execution> then_branch, else_branch;
    Tensor late_scratch;
    bool moves = false;    // an operand or result lies outside the arena: elsewhere in every run
    bool settled = false;  // every size and field is known before the run
  };

  void settle(const Bindings& symbols);  // new input sizes
  void settle_step(size_t index);
  void take_inputs(const std::vector<Tensor>& inputs);
  void take_places(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs);
  std::vector<Tensor> results(const std::vector<Tensor>& outputs);
  void release();
  void make_arena(const Demand& wanted);
  Tensor& tensor(const Value* value);
  const Tensor& read(const Value* value);
  bool sizes_known(const Value& value) const;
  Operands operands_of(const Program::Step& step);
  void make_results(const Program::Step& step);
  void run_step(size_t index);
  void size_step(const Program::Step& step);
  void branch_step(const Program::Step& step, StepState& state);
  void take_results(const Program::Step& step, std::vector<Tensor> results);

  std::shared_ptr<const Program> program_;
  Team& team_;
  cpu::Stream stream_;
  bool settled_ = false;
  Bindings input_symbols_, symbols_;
  Placement placement_;
  std::vector<int64_t> scratch_bytes_;  // by buffer index of the plan
  Tensor arena_;
  std::vector<Tensor> tensors_;  // by value index
  std::vector<bool> in_arena_;   // by value index
  std::vector<Tensor> given_;    // by value index: places that results are written to directly
  std::vector<StepState> states_;
};

}  // namespace hone
