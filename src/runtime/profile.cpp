#include "runtime/profile.hpp"

namespace hone {

void Profile::clear() {
  times_.clear();
  open_.clear();
  sizes_.clear();
  programs_.clear();
  runs_ = 0;
}

size_t Profile::begin_step(const std::shared_ptr<const Program>& program, size_t step) {
  programs_.try_emplace(program.get(), program);
  const size_t time = times_.size();
  times_.push_back({program.get(),
                    step,
                    runs_,
                    open_.empty() ? std::nullopt : std::optional(open_.back()),
                    {},
                    {}});
  open_.push_back(time);
  times_[time].begin = Clock::now();
  return time;
}

void Profile::note(size_t time, Sizes sizes) {
  sizes_.try_emplace({times_[time].program, times_[time].step}, std::move(sizes));
}

}  // namespace hone
