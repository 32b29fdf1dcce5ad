// What an execution tells a profile.

#include "base/size.hpp"
#include "runtime/execution.hpp"

namespace hone {

void Execution::profile(Profile* profile) {
  profile_ = profile;
  for (StepState& state : states_)
    for (const auto& body : state.bodies) body->profile(profile);
}

/// run_step() with the time that it takes.
void Execution::profile_step(size_t index) {
  struct End {
    Profile& profile;
    size_t time;
    ~End() { profile.end_step(time); }
  };
  const size_t time = profile_->begin_step(program_, index);
  {
    const End end{*profile_, time};
    run_step(index);
    if (sides_ != nullptr) synchronize();  // the time is the step's, not its enqueueing's
  }
  if (profile_->is_new(time)) profile_->note(time, sizes_for_profile(program_->steps()[index]));
}

Profile::Sizes Execution::sizes_for_profile(const Program::Step& step) {
  Profile::Sizes sizes{symbols_, 0};
  const auto add = [&](const Tensor& tensor) {
    if (tensor.is_tensor()) sizes.bytes += static_cast<int64_t>(tensor.bytes().size());
  };
  for (const Value* input : step.node->inputs) {
    if (input == nullptr) continue;
    if (input->is_constant()) {
      const Weight& weight = *input->weight;
      if (weight.dtype() == DType::string) continue;
      sizes.bytes += static_cast<int64_t>(bytes_for(weight.dtype(), element_count(weight.shape())));
    } else {
      add(read(input));
    }
  }
  for (const Value* output : step.node->outputs)
    if (output != nullptr) add(tensor(output));
  return sizes;
}

}  // namespace hone
