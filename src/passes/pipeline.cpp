#include <algorithm>

#include "ir/inference.hpp"
#include "ir/work.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

constexpr Pass kPipeline[] = {
    {"select_branches", select_branches, "an if whose condition is known becomes its branch"},
    {"absorb_parameters", absorb_parameters, "known axes, shapes and pads become fields"},
    {"fold_constants", fold_constants, "what can be computed now is computed now"},
    {"remove_dead", remove_dead, "what no output needs goes"},
};

/// Each round can reveal more to the next (a folded condition, a branch's constants); chains of
/// that are short.
constexpr int kMaxRounds = 16;

}  // namespace

std::span<const Pass> pipeline() { return kPipeline; }

void canonicalize(Graph& graph, const PassOptions& options, const AfterPass& after) {
  const WorkBudget budget(fold_steps(graph, options));  // of all rounds together
  bool changed = true;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    infer(graph);
    changed = false;
    for (const Pass& pass : kPipeline) {
      if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) !=
          options.disabled.end())
        continue;
      if (!pass.run(graph, options)) continue;
      changed = true;
      if (after) after(pass, graph);
      if (pass.run == select_branches) infer(graph);
    }
  }
}

}  // namespace hone
