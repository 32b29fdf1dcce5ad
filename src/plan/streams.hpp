#pragma once
// Plans of several streams: which step runs on which, what waits for what, how long it takes.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace hone {

/// The place in a vector of a step or stream, which are numbered by int.
inline size_t at(int index) { return static_cast<size_t>(index); }

/// What has run before each step starts, told by the order on its stream and by waits: a vector
/// clock for each step. (Source: F. Mattern, Virtual time and global states of distributed systems,
/// 1989.)
class Clocks {
 public:
  explicit Clocks(int streams) : steps_(static_cast<size_t>(streams)) {}
  /// The next step in the order of enqueueing, on `stream`; it needs these earlier steps. Returns
  /// those that it must wait for, ascending: on other streams, not implied by one another or by
  /// what its stream has waited for.
  std::vector<int> add(int stream, std::vector<int> needs);
  /// Whether step `a` has run before step `b` starts, in every run.
  bool before(int a, int b) const;
  /// The last of all added steps that may run before or beside step `a`; `a` when there is none.
  int last_beside(int a) const;

 private:
  std::vector<std::vector<int>> steps_;   // by stream
  std::vector<int> stream_, position_;    // by step
  std::vector<std::vector<int>> clocks_;  // by step and stream: how many have run
};

/// 1 and more: streams 0 .. n-1 are used.
int stream_count(const Plan& plan);

/// Seconds until the last step has run, by list simulation: a step starts when the one before it on
/// its stream and those that it waits for are done. `seconds`: of each step.
double simulate(const Plan& plan, std::span<const double> seconds);

/// Checks a plan of streams without asking how it was made: waits are for earlier steps (so nothing
/// waits for itself in a circle); what a step reads was made before it; of any two steps that touch
/// the same bytes, one of them writing, one runs before the other in every run. With
/// check_contents(), which follows the order of enqueueing, every order that the streams allow
/// gives the same. In words, the first thing wrong.
std::optional<std::string> check_streams(const Graph& graph, const Plan& plan, const Layout& layout,
                                         const Placement& placement);

/// What plan_on_streams() found for a number of streams.
struct StreamTrial {
  int streams = 1;
  double seconds = 0;  // simulated
  int waits = 0;
  int64_t arena = 0;  // its lower bound at the example sizes
};

/// plan_in_order(), then by critical path on 2 .. `most` streams: the plan of the least simulated
/// time, where one of more streams must gain a twentieth. The times are the kernels'
/// estimates with the share, one step alone: a device that runs the steps of several streams beside
/// one another more slowly must give each its part as share. Steps whose results are in place at
/// the expected sizes take none. `trials`: gets what was tried. `given`: as of plan_in_order().
Plan plan_on_streams(Graph& graph, Choices& choices, const Conditions& conditions, int most,
                     std::vector<StreamTrial>* trials = nullptr, const Plan* given = nullptr);

/// By step of a plan of the graph as it stands: its kernel's estimate; nothing where its results
/// are in place at the expected sizes.
std::vector<double> step_seconds(const Graph& graph, const Plan& plan, const Choices& choices);

}  // namespace hone
