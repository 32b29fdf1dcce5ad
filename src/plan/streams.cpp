#include "plan/streams.hpp"

#include <algorithm>

#include "plan/planner.hpp"
#include "plan/schedule.hpp"

namespace hone {
namespace {

/// Nodes in the order in which they start, and the stream of each.
struct Spread {
  std::vector<const Node*> order;
  std::vector<int> streams;
};

/// List scheduling: of the steps that can start first, the one with the longest path to the end.
class Spreading {
 public:
  Spreading(const std::vector<std::vector<int>>& needs, const std::vector<double>& seconds,
            const std::vector<bool>& joins, int streams)
      : needs_(needs),
        seconds_(seconds),
        joins_(joins),
        free_(at(streams), 0.0),
        last_(at(streams), -1),
        readers_(needs.size()),
        path_(seconds),
        ready_at_(needs.size(), 0.0) {
    for (size_t i = 0; i < needs.size(); ++i) {
      waits_.push_back(needs[i].size());
      for (const int before : needs[i]) readers_[at(before)].push_back(static_cast<int>(i));
      if (needs[i].empty()) ready_.push_back(static_cast<int>(i));
    }
    for (size_t i = needs.size(); i-- > 0;)
      for (const int reader : readers_[i])
        path_[i] = std::max(path_[i], seconds[i] + path_[at(reader)]);
  }

  Spread run(const std::vector<const Node*>& nodes) {
    Spread spread;
    while (!ready_.empty()) {
      const auto next = std::min_element(ready_.begin(), ready_.end(), [&](int a, int b) {
        const double x = start(a), y = start(b);
        if (x != y) return x < y;
        return path_[at(a)] != path_[at(b)] ? path_[at(a)] > path_[at(b)] : a < b;
      });
      const int step = *next;
      ready_.erase(next);
      spread.order.push_back(nodes[at(step)]);
      spread.streams.push_back(run_step(step));
    }
    return spread;
  }

 private:
  double start(int step) const {
    const auto [first, last] = std::minmax_element(free_.begin(), free_.end());
    return std::max(joins_[at(step)] ? *last : *first, ready_at_[at(step)]);
  }

  /// Where a step that this one reads ran last, so that nothing waits; else the stream that has
  /// been free for the shortest time.
  int stream_for(int step, double start) const {
    if (joins_[at(step)]) return 0;
    int found = -1;
    bool follows = false;
    for (size_t s = 0; s < free_.size(); ++s) {
      if (free_[s] > start) continue;
      const auto& needs = needs_[at(step)];
      const bool after = std::binary_search(needs.begin(), needs.end(), last_[s]);
      if (found < 0 || (after && !follows) || (after == follows && free_[s] > free_[at(found)])) {
        found = static_cast<int>(s);
        follows = after;
      }
    }
    return found;
  }

  int run_step(int step) {
    const double begin = start(step), end = begin + seconds_[at(step)];
    const int stream = stream_for(step, begin);
    if (joins_[at(step)]) std::fill(free_.begin(), free_.end(), end);
    free_[at(stream)] = end;
    last_[at(stream)] = step;
    for (const int reader : readers_[at(step)]) {
      ready_at_[at(reader)] = std::max(ready_at_[at(reader)], end);
      if (--waits_[at(reader)] == 0) ready_.push_back(reader);
    }
    return stream;
  }

  const std::vector<std::vector<int>>& needs_;
  const std::vector<double>& seconds_;
  const std::vector<bool>& joins_;
  std::vector<double> free_;  // by stream: since when
  std::vector<int> last_;     // by stream: what ran last
  std::vector<std::vector<int>> readers_;
  std::vector<double> path_, ready_at_;  // by step: seconds to the end; when what it reads is there
  std::vector<size_t> waits_;
  std::vector<int> ready_;
};

/// Streams without a gap, in the order of their first steps.
void number_streams(std::vector<int>& streams) {
  std::vector<int> numbers;
  for (int& stream : streams) {
    const auto found = std::find(numbers.begin(), numbers.end(), stream);
    const auto number = static_cast<int>(found - numbers.begin());
    if (found == numbers.end()) numbers.push_back(stream);
    stream = number;
  }
}

std::optional<Layout> layout_of(const Graph& graph, const Plan& plan) {
  try {
    return lay_out(plan, expected_sizes(graph, plan));
  } catch (const Error&) {  // no sizes for this model
    return std::nullopt;
  }
}

StreamTrial trial_of(const Graph& graph, const Plan& plan, const std::vector<double>& seconds) {
  StreamTrial trial{stream_count(plan), simulate(plan, seconds), 0, 0};
  for (const Step& step : plan.steps) trial.waits += static_cast<int>(step.waits.size());
  if (const auto layout = layout_of(graph, plan)) trial.arena = lower_bound(layout->demand);
  return trial;
}

}  // namespace

int stream_count(const Plan& plan) {
  int count = 1;
  for (const Step& step : plan.steps)
    count = std::max(count, std::min(step.stream, INT32_MAX - 1) + 1);
  return count;
}

double simulate(const Plan& plan, std::span<const double> seconds) {
  std::vector<double> free(at(stream_count(plan)), 0.0), done;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    double& stream = free[at(plan.steps[i].stream)];
    for (const int wait : plan.steps[i].waits) stream = std::max(stream, done[at(wait)]);
    stream += seconds[i];
    done.push_back(stream);
  }
  return *std::max_element(free.begin(), free.end());
}

std::vector<double> step_seconds(const Graph& graph, const Plan& plan, const Choices& choices) {
  const auto layout = layout_of(graph, plan);
  std::vector<double> seconds;
  for (const Chosen& chosen : choices.nodes)
    seconds.push_back(layout && layout->idle[seconds.size()] ? 0.0 : chosen.recipe.seconds);
  return seconds;
}

Plan plan_on_streams(Graph& graph, Choices& choices, const Conditions& conditions, int most,
                     std::vector<StreamTrial>* trials, const Plan* given) {
  constexpr double kGain = 0.95;
  Plan best = plan_in_order(graph, choices, conditions, given);
  if (most <= 1) return best;
  const Planner planner(graph, choices, conditions);
  const std::vector<const Node*> nodes = nodes_in_order(graph);
  const std::vector<double> seconds = step_seconds(graph, best, choices);
  std::unordered_map<const Node*, double> times;
  std::vector<bool> joins;
  for (size_t i = 0; i < nodes.size(); ++i) {
    joins.push_back(joins_streams(planner.decision(*nodes[i])));
    times.emplace(nodes[i], seconds[i]);
  }
  const auto needs = planner.needs(nodes, joins_streams);
  StreamTrial least = trial_of(graph, best, seconds);
  std::vector<const Node*> order = nodes;
  if (trials != nullptr) *trials = {least};
  for (int streams = 2; streams <= most; ++streams) {
    Spread spread = Spreading(needs, seconds, joins, streams).run(nodes);
    number_streams(spread.streams);
    Plan plan = planner.plan(spread.order, spread.streams);
    std::vector<double> in_order;
    for (const Node* node : spread.order) in_order.push_back(times.at(node));
    const StreamTrial trial = trial_of(graph, plan, in_order);
    if (trial.streams < streams) break;  // there is no work for more
    if (trials != nullptr) trials->push_back(trial);
    if (trial.seconds >= kGain * least.seconds) continue;
    least = trial;
    best = std::move(plan);
    order = std::move(spread.order);
  }
  reorder(graph, choices, order);
  return best;
}

}  // namespace hone
