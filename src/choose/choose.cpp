#include "choose/choose.hpp"

namespace hone {

Choice choose_by_estimate(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem) {
  Choice best;
  std::string reasons;
  for (const Kernel* kernel : kernels.all()) {
    const Verdict verdict = kernel->supports(*problem);
    if (!verdict.yes) {
      reasons += cat(reasons.empty() ? "" : "; ", kernel->name, ": ", verdict.why);
      continue;
    }
    Recipe recipe = kernel->recipe(problem, kernel->tunings(*problem).front());
    if (best.kernel != nullptr && recipe.seconds >= best.recipe.seconds) continue;
    best = {kernel, std::move(recipe), verdict.why};
  }
  check(best.kernel != nullptr, Code::unsupported, "no kernel runs ",
        describe(problem->region.body->nodes().front()), ": ", reasons);
  return best;
}

}  // namespace hone
