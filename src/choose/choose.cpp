#include "choose/choose.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/late_sizes.hpp"
#include "ir/structural.hpp"

namespace hone {

Chosen choose_by_estimate(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem) {
  Chosen best;
  const auto refuse = [&](const Kernel& kernel, std::string why) {
    best.refusals.push_back({std::string(kernel.name), std::move(why)});
  };
  for (const Kernel* kernel : kernels.all()) {
    const Verdict verdict = kernel->accepts(*problem);
    if (!verdict.yes) {
      refuse(*kernel, verdict.why);
      continue;
    }
    Recipe recipe = kernel->recipe(problem, kernel->tunings(*problem).front());
    if (best.kernel != nullptr && recipe.seconds >= best.recipe.seconds) {
      refuse(*kernel, "takes longer by estimate");
      continue;
    }
    if (best.kernel != nullptr) refuse(*best.kernel, "takes longer by estimate");
    best.kernel = kernel;
    best.recipe = std::move(recipe);
    best.note = verdict.why;
  }
  std::sort(best.refusals.begin(), best.refusals.end());
  if (best.kernel != nullptr) return best;
  std::vector<std::string> reasons;
  for (const auto& [kernel, why] : best.refusals) reasons.push_back(cat(kernel, ": ", why));
  fail(Code::unsupported, "no kernel runs ", describe(problem->region.body->nodes().front()), ": ",
       join(reasons, "; "));
}

Choices choose(const Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
               const OnChoice& each) {
  const LateSizes late(graph);
  Choices made;
  for (const Node& node : graph.nodes()) {
    made.nodes.emplace_back();
    for (const Body& body : control_bodies(node.op))
      made.bodies.push_back(choose(*body, kernels, conditions_in(node, *body, conditions), each));
    if (!late.runs_on_kernel(node)) continue;
    if (each) each();
    made.nodes.back() = choose_by_estimate(kernels, problem_of(graph, node, conditions));
  }
  return made;
}

}  // namespace hone
