#include "plan/order.hpp"

#include <algorithm>
#include <numeric>

#include "plan/streams.hpp"

namespace hone {
namespace {

using Order = std::vector<int>;

/// What is alive while steps run, or are taken back.
class Life {
 public:
  explicit Life(const OrderProblem& problem)
      : problem_(problem), done_(problem.bytes.size(), 0), left_(problem.bytes.size(), 0) {
    for (const OrderProblem::Step& step : problem.steps)
      for (const int buffer : step.touches) ++left_[at(buffer)];
  }

  int64_t bytes() const { return bytes_; }

  /// Runs the step: the most that is alive meanwhile.
  int64_t run(int index) {
    const OrderProblem::Step& step = problem_.steps[at(index)];
    int64_t most = bytes_;
    for (const int buffer : step.touches)
      if (done_[at(buffer)] == 0) most += problem_.bytes[at(buffer)];
    for (const OrderProblem::Step::Over& over : step.over)
      if (done_[at(over.made)] == 0 && left_[at(over.dying)] == 1) {
        most -= problem_.bytes[at(over.made)];
        break;
      }
    for (const int buffer : step.touches) count(buffer, 1);
    return most;
  }

  void take_back(int index) {
    for (const int buffer : problem_.steps[at(index)].touches) count(buffer, -1);
  }

 private:
  bool alive(int buffer) const { return done_[at(buffer)] > 0 && left_[at(buffer)] > 0; }
  void count(int buffer, int steps) {
    const bool before = alive(buffer);
    done_[at(buffer)] += steps;
    left_[at(buffer)] -= steps;
    bytes_ += (int64_t{alive(buffer)} - int64_t{before}) * problem_.bytes[at(buffer)];
  }

  const OrderProblem& problem_;
  std::vector<int> done_, left_;  // by buffer: steps that touched it, steps to come that do
  int64_t bytes_ = 0;
};

/// A list schedule. From each step that is ready follows a stretch: what becomes ready by it alone,
/// up to where least is alive. Stretches that free memory go first, the flattest before the others;
/// then those that fall furthest from their peak. (Source: what is best for chains side by side,
/// J. W. H. Liu, An application of generalized tree pebbling to sparse matrix factorization, 1987.)
class ListSchedule {
 public:
  ListSchedule(const OrderProblem& problem, size_t longest)
      : problem_(problem), longest_(longest), life_(problem), readers_(problem.steps.size()) {
    for (size_t i = 0; i < problem.steps.size(); ++i) {
      waits_.push_back(static_cast<int>(problem.steps[i].after.size()));
      for (const int before : problem.steps[i].after)
        readers_[at(before)].push_back(static_cast<int>(i));
      if (waits_.back() == 0) ready_.push_back(static_cast<int>(i));
    }
    std::reverse(ready_.begin(), ready_.end());  // what became ready last goes first
  }

  Order run() {
    while (!ready_.empty()) {
      Stretch best;
      const size_t looked = std::min(ready_.size(), kLooked);
      if (is_heavy(ready_.back())) best.steps = {ready_.back()};
      for (size_t i = 0; i < looked && !is_heavy(ready_.back()); ++i) {
        if (is_heavy(ready_[ready_.size() - 1 - i])) continue;
        const Stretch stretch = stretch_of(ready_[ready_.size() - 1 - i]);
        if (best.steps.empty() || better(stretch, best)) best = stretch;
      }
      for (const int step : best.steps) take(step);
    }
    return std::move(order_);
  }

 private:
  static constexpr size_t kLooked = 16;
  static constexpr size_t kHeavy = 1024;

  struct Stretch {
    std::vector<int> steps;
    int64_t peak = 0, end = 0;  // above what is alive before it
  };

  static bool better(const Stretch& a, const Stretch& b) {
    if ((a.end <= 0) != (b.end <= 0)) return a.end <= 0;
    return a.end <= 0 ? a.peak < b.peak : a.peak - a.end > b.peak - b.end;
  }

  /// To look at it takes long: it is taken when it is next, and looked at no more than that.
  bool is_heavy(int step) const {
    return problem_.steps[at(step)].touches.size() + readers_[at(step)].size() > kHeavy;
  }

  /// The one step that can run once `step` has and could not before; -1: none or several.
  int follower(int step) {
    int found = -1;
    for (const int reader : readers_[at(step)]) {
      if (waits_[at(reader)] > 1) continue;
      if (found >= 0) return -1;
      found = reader;
    }
    return found >= 0 && is_heavy(found) ? -1 : found;
  }

  Stretch stretch_of(int first) {
    const int64_t before = life_.bytes();
    Stretch stretch;
    std::vector<int> steps;
    int64_t peak = 0;
    for (int step = first; step >= 0 && steps.size() < longest_; step = follower(step)) {
      // A reader of two steps of the stretch waits for both: let go one by one.
      if (!steps.empty())
        for (const int reader : readers_[at(steps.back())]) --waits_[at(reader)];
      peak = std::max(peak, life_.run(step) - before);
      steps.push_back(step);
      if (stretch.steps.empty() || life_.bytes() - before < stretch.end)
        stretch = {steps, peak, life_.bytes() - before};
    }
    for (size_t i = 0; i < steps.size(); ++i) {
      life_.take_back(steps[i]);
      if (i + 1 < steps.size())
        for (const int reader : readers_[at(steps[i])]) ++waits_[at(reader)];
    }
    return stretch;
  }

  void take(int step) {
    ready_.erase(std::find(ready_.rbegin(), ready_.rend(), step).base() - 1);
    life_.run(step);
    order_.push_back(step);
    const std::vector<int>& readers = readers_[at(step)];
    for (auto reader = readers.rbegin(); reader != readers.rend(); ++reader)
      if (--waits_[at(*reader)] == 0) ready_.push_back(*reader);
  }

  const OrderProblem& problem_;
  const size_t longest_;
  Life life_;
  std::vector<std::vector<int>> readers_;
  std::vector<int> waits_;
  std::vector<int> ready_;
  Order order_;
};

/// Depth first from the last steps: of what a step needs, that which needs the most beyond what it
/// leaves goes first. (Source: R. Sethi, J. D. Ullman, The generation of optimal code for
/// arithmetic expressions, 1970.)
class DepthFirst {
 public:
  explicit DepthFirst(const OrderProblem& problem) : problem_(problem) {}

  Order run() {
    measure();
    done_.assign(problem_.steps.size(), false);
    std::vector<bool> read(problem_.steps.size(), false);
    for (const OrderProblem::Step& step : problem_.steps)
      for (const int before : step.after) read[at(before)] = true;
    for (size_t i = 0; i < problem_.steps.size(); ++i)
      if (!read[i]) reach(static_cast<int>(i));
    return std::move(order_);
  }

 private:
  void measure() {
    std::vector<bool> made(problem_.bytes.size(), false);
    for (const OrderProblem::Step& step : problem_.steps) {
      int64_t leaves = 0, own = 0;
      for (const int buffer : step.touches) {
        own += problem_.bytes[at(buffer)];
        if (!made[at(buffer)]) leaves += problem_.bytes[at(buffer)];
        made[at(buffer)] = true;
      }
      std::vector<int> before = step.after;
      std::stable_sort(before.begin(), before.end(), [&](int a, int b) {
        return needs_[at(a)] - leaves_[at(a)] > needs_[at(b)] - leaves_[at(b)];
      });
      int64_t held = 0, needs = own;
      for (const int each : before) {
        needs = std::max(needs, held + needs_[at(each)]);
        held += leaves_[at(each)];
      }
      needs_.push_back(needs);
      leaves_.push_back(leaves);
      before_.push_back(std::move(before));
    }
  }

  void reach(int last) {
    std::vector<std::pair<int, size_t>> path{{last, 0}};
    while (!path.empty()) {
      auto& [step, next] = path.back();
      if (done_[at(step)]) {
        path.pop_back();
      } else if (next < before_[at(step)].size()) {
        path.emplace_back(before_[at(step)][next++], size_t{0});
      } else {
        done_[at(step)] = true;
        order_.push_back(step);
      }
    }
  }

  const OrderProblem& problem_;
  std::vector<int64_t> needs_, leaves_;
  std::vector<std::vector<int>> before_;
  std::vector<bool> done_;
  Order order_;
};

/// The same problem from its end: its orders are those of the other, read backwards.
OrderProblem reversed(const OrderProblem& problem) {
  const int last = static_cast<int>(problem.steps.size()) - 1;
  OrderProblem back;
  back.bytes = problem.bytes;
  back.steps.resize(problem.steps.size());
  for (int i = 0; i <= last; ++i) {
    OrderProblem::Step& step = back.steps[at(last - i)];
    step.touches = problem.steps[at(i)].touches;
    for (const auto& over : problem.steps[at(i)].over) step.over.push_back({over.made, over.dying});
    for (const int before : problem.steps[at(i)].after)
      back.steps[at(last - before)].after.push_back(last - i);
  }
  return back;
}

}  // namespace

int64_t peak_of(const OrderProblem& problem, const std::vector<int>& order) {
  Life life(problem);
  int64_t peak = 0;
  for (const int step : order) peak = std::max(peak, life.run(step));
  return peak;
}

int64_t least_peak(const OrderProblem& problem) {
  int64_t least = 0;
  for (const OrderProblem::Step& step : problem.steps) {
    int64_t bytes = 0, spared = 0;
    for (const int buffer : step.touches) bytes += problem.bytes[at(buffer)];
    for (const auto& over : step.over) spared = std::max(spared, problem.bytes[at(over.made)]);
    least = std::max(least, bytes - spared);
  }
  return least;
}

std::vector<int> low_peak_order(const OrderProblem& problem) {
  constexpr size_t kLongest = 24;
  Order best(problem.steps.size());
  std::iota(best.begin(), best.end(), 0);
  const int64_t least = least_peak(problem);
  int64_t peak = peak_of(problem, best);
  const auto consider = [&](Order order) {
    const int64_t found = peak_of(problem, order);
    if (found < peak) peak = found, best = std::move(order);
  };
  if (peak > least) consider(ListSchedule(problem, kLongest).run());
  if (peak > least) consider(DepthFirst(problem).run());
  if (peak > least) {
    const OrderProblem back = reversed(problem);
    for (const size_t longest : {kLongest, size_t{1}}) {
      Order order = ListSchedule(back, longest).run();
      std::reverse(order.begin(), order.end());
      for (int& step : order) step = static_cast<int>(order.size()) - 1 - step;
      consider(std::move(order));
    }
  }
  if (peak > least) consider(ListSchedule(problem, 1).run());
  return best;
}

}  // namespace hone
