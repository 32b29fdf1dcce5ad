#pragma once
// Orders of steps that keep little alive: the problem without graphs, plans or symbols.

#include <cstdint>
#include <vector>

namespace hone {

/// Steps 0 .. n-1, in an order that is possible as it stands, and the buffers that they touch. A
/// buffer is alive from the first to the last step that touches it.
struct OrderProblem {
  struct Step {
    std::vector<int> after;    // steps that must come before, each once
    std::vector<int> touches;  // buffers, each once
    /// The step may put its new buffer `made` where `dying` is, if nothing touches that later.
    struct Over {
      int dying, made;
    };
    std::vector<Over> over;
  };
  std::vector<Step> steps;
  std::vector<int64_t> bytes;  // of buffers
};

/// The most bytes that are alive at once when the steps run in this order.
int64_t peak_of(const OrderProblem& problem, const std::vector<int>& order);

/// No order has a lower peak than this: what one step touches is alive with it.
int64_t least_peak(const OrderProblem& problem);

/// An order of low peak: the best of a few list schedules, forwards and backwards, and the order as
/// it stands; that one when none is better. Deterministic; n log n for what is no crowd of steps.
std::vector<int> low_peak_order(const OrderProblem& problem);

}  // namespace hone
