#include "plan/plan.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ir/dim/late_sizes.hpp"
#include "plan/streams.hpp"

namespace hone {
namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

using SharedRefusals = std::vector<std::shared_ptr<const Refusals>>;

/// Whether the choices are to be prepared. Problems are large: a check does not keep them.
enum class Keep : uint8_t {
  problems,
  no_problems
};

Chosen chosen_for(const Step& step, const SharedRefusals& refusals,
                  std::shared_ptr<const Problem> problem, const KernelRegistry& kernels) {
  const Kernel* kernel = kernels.find(step.kernel);
  fits(kernel != nullptr && kernel->version == step.version, "there is no kernel ", step.kernel,
       "/", step.version);
  const Verdict verdict = kernel->accepts(*problem);
  fits(verdict.yes, step.kernel, " refuses ", describe(problem->region.body->nodes().front()), ": ",
       verdict.why);
  const std::vector<Tuning> tunings = kernel->tunings(*problem);
  fits(std::find(tunings.begin(), tunings.end(), step.tuning) != tunings.end(), step.kernel,
       " has no tuning {", tuning_text(step.tuning), "}");
  Chosen chosen{kernel, kernel->estimate(std::move(problem), step.tuning), step.note, {}};
  fits(step.refusals < static_cast<int>(refusals.size()), "it has ", refusals.size(),
       " lists of refusals");
  if (step.refusals >= 0) chosen.refusals = refusals[static_cast<size_t>(step.refusals)];
  return chosen;
}

Choices choices_of(const Graph& graph, const Plan& plan, const KernelRegistry& kernels,
                   const Conditions& conditions, Keep keep) {
  fits(plan.steps.size() == graph.nodes().size(), "it has ", plan.steps.size(), " steps");
  const LateSizes late(graph);
  SharedRefusals refusals;
  for (const Refusals& list : plan.refusals)
    refusals.push_back(std::make_shared<const Refusals>(list));
  const std::string wrong = wrong_order(graph, plan.orders);
  fits(wrong.empty(), "its orders of axes: ", wrong);
  Choices choices;
  choices.orders = plan.orders;
  size_t at = 0;
  for (const Node& node : graph.nodes()) {
    const Step& step = plan.steps[at++];
    const bool runs = late.runs_on_kernel(node);
    fits((step.kind == Step::Kind::run) == runs, describe(node),
         " is planned as another kind of step");
    choices.nodes.push_back(
        runs ? chosen_for(step, refusals,
                          laid_out(problem_of(graph, node, conditions), node, plan.orders), kernels)
             : Chosen{});
    if (keep == Keep::no_problems) choices.nodes.back().recipe.problem.reset();
    for (const Body& body : control_bodies(node.op)) {
      fits(choices.bodies.size() < plan.bodies.size(), "a sub-plan of ", describe(node),
           " is missing");
      choices.bodies.push_back(choices_of(*body, plan.bodies[choices.bodies.size()], kernels,
                                          conditions_in(node, *body, conditions), keep));
    }
  }
  return choices;
}

Choices checked(const Graph& graph, const Plan& plan, const Device& device, Keep keep) {
  const Conditions conditions{device.target(), Share{plan.workers}, plan.sizes};
  std::vector<int> streams;
  for (const Step& step : plan.steps) streams.push_back(step.stream);
  const int count = stream_count(plan);
  fits(count <= kMostStreams, "it has ", count, " streams");
  if (count == 1) streams.clear();
  Choices choices = choices_of(graph, plan, device.kernels(), conditions, keep);
  Plan again = make_plan(graph, choices, conditions, streams);
  if (keep == Keep::no_problems) choices = {};
  again.takes = plan.takes;
  fits(again.steps == plan.steps && again.bodies == plan.bodies, "its steps differ");
  fits(again.buffers == plan.buffers && again.sharings == plan.sharings &&
           again.pooled == plan.pooled && again.orders == plan.orders,
       "its memory differs");
  fits(again == plan, "its device, refusals or segments differ");
  return choices;
}

}  // namespace

void check_plan(const Graph& graph, const Plan& plan, const Device& device) {
  checked(graph, plan, device, Keep::no_problems);
}

Choices checked_choices(const Graph& graph, const Plan& plan, const Device& device) {
  return checked(graph, plan, device, Keep::problems);
}

Demand demand(const Plan& plan, const Bindings& symbols) {
  Demand demand;
  for (const PlannedBuffer& buffer : plan.buffers) {
    const auto bytes = buffer.bytes.evaluate(symbols);
    if (buffer.at_most) {
      const bool useful = bytes && *bytes >= 0 && *bytes <= kMostBoundedBytes;
      demand.buffers.push_back({useful ? *bytes : 0, buffer.first, buffer.end()});
      continue;
    }
    if (!bytes || *bytes < 0) [[unlikely]]
      fail(Code::usage, "the size of ",
           buffer.value.empty() ? std::string("scratch") : cat("%", buffer.value), ", ",
           buffer.bytes, " bytes, ", bytes ? cat("is ", *bytes) : std::string("cannot be computed"),
           " for the given input sizes");
    demand.buffers.push_back({*bytes, buffer.first, buffer.end()});
  }
  return demand;
}

}  // namespace hone
