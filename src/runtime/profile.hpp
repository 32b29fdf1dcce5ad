#pragma once
// When the steps of runs began and ended, and on what sizes.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "ir/dim/dim.hpp"

namespace hone {

class Program;

/// Filled by a context that is given one (Context::profile()); read between runs.
class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  /// One step of one run. Steps of a body stand behind the control step that runs it.
  struct Time {
    const Program* program = nullptr;  // lives as long as the profile
    size_t step = 0;
    int64_t run = 0;
    std::optional<size_t> outer;  // the step, among times(), that this one is a part of
    Clock::time_point begin, end;
    bool on_device = false;  // a step that tells sizes: they were found there
  };
  /// What a step was run on the first time.
  struct Sizes {
    Bindings symbols;
    int64_t bytes = 0;  // of its operands and results
  };

  const std::vector<Time>& times() const { return times_; }
  const Sizes& sizes(const Time& time) const { return sizes_.at({time.program, time.step}); }
  int64_t runs() const { return runs_; }
  void clear();

  /// Called by the execution. A step begins; what it gives goes to end_step().
  void begin_run() { ++runs_; }
  size_t begin_step(const std::shared_ptr<const Program>& program, size_t step);
  void end_step(size_t time) {
    times_[time].end = Clock::now();
    open_.pop_back();
  }
  /// Of the step that began last.
  void runs_on_device() { times_[open_.back()].on_device = true; }
  /// Whether note() wants to know of this step.
  bool is_new(size_t time) const {
    return !sizes_.contains({times_[time].program, times_[time].step});
  }
  void note(size_t time, Sizes sizes);

 private:
  std::vector<Time> times_;
  std::vector<size_t> open_;  // steps that have begun, outermost first
  std::map<std::pair<const Program*, size_t>, Sizes> sizes_;
  std::map<const Program*, std::shared_ptr<const Program>> programs_;
  int64_t runs_ = 0;
};

}  // namespace hone
