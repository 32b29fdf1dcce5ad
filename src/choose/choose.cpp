#include "choose/choose.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/late_sizes.hpp"
#include "ir/structural.hpp"

namespace hone {
namespace {

/// The best so far. `refuse(kernel, why)` hears of every other one, in no particular order.
template <class Refuse>
Chosen least(const std::vector<const Kernel*>& kernels,
             const std::shared_ptr<const Problem>& problem, const Refuse& refuse) {
  Chosen best;
  for (const Kernel* kernel : kernels) {
    Verdict verdict = kernel->accepts(*problem);
    if (!verdict.yes) {
      refuse(*kernel, std::move(verdict.why));
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
    best.note = std::move(verdict.why);
  }
  return best;
}

Choices choose(Chooser& chooser, const Graph& graph, const Conditions& conditions,
               const OnChoice& each) {
  const LateSizes late(graph);
  Choices made;
  for (const Node& node : graph.nodes()) {
    made.nodes.emplace_back();
    for (const Body& body : control_bodies(node.op))
      made.bodies.push_back(choose(chooser, *body, conditions_in(node, *body, conditions), each));
    if (!late.runs_on_kernel(node)) continue;
    if (each) each();
    made.nodes.back() = chooser.choose(problem_of(graph, node, conditions));
  }
  return made;
}

}  // namespace

size_t Chooser::Hash::operator()(const List& list) const {
  size_t hash = list->size();
  for (const Refusal& refusal : *list)
    hash = hash * 31 + std::hash<std::string_view>()(refusal.why);
  return hash;
}

Chosen Chooser::choose(std::shared_ptr<const Problem> problem) {
  auto refusals = std::make_shared<Refusals>();
  refusals->reserve(kernels_.size());
  Chosen best = least(kernels_, problem, [&](const Kernel& kernel, std::string why) {
    refusals->push_back({std::string(kernel.name), std::move(why)});
  });
  std::sort(refusals->begin(), refusals->end());
  if (best.kernel == nullptr) {
    std::vector<std::string> reasons;
    for (const auto& [kernel, why] : *refusals) reasons.push_back(cat(kernel, ": ", why));
    fail(Code::unsupported, "no kernel runs ", describe(problem->region.body->nodes().front()),
         ": ", join(reasons, "; "));
  }
  if (!refusals->empty()) best.refusals = *lists_.insert(std::move(refusals)).first;
  return best;
}

double least_seconds(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem) {
  const Chosen best = least(kernels.all(), problem, [](const Kernel&, const std::string&) {});
  if (best.kernel == nullptr) return Chooser(kernels).choose(std::move(problem)).recipe.seconds;
  return best.recipe.seconds;
}

Choices choose(const Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
               const OnChoice& each) {
  Chooser chooser(kernels);
  return choose(chooser, graph, conditions, each);
}

}  // namespace hone
