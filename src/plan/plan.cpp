#include "plan/plan.hpp"

#include <algorithm>

#include "ir/late_sizes.hpp"
#include "ir/structural.hpp"
#include "plan/streams.hpp"

namespace hone {
namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

Chosen chosen_for(const Step& step, const Plan& plan, std::shared_ptr<const Problem> problem,
                  const KernelRegistry& kernels) {
  const Kernel* kernel = kernels.find(step.kernel);
  fits(kernel != nullptr && kernel->version == step.version, "there is no kernel ", step.kernel,
       "/", step.version);
  const Verdict verdict = kernel->accepts(*problem);
  fits(verdict.yes, step.kernel, " refuses ", describe(problem->region.body->nodes().front()), ": ",
       verdict.why);
  const std::vector<Tuning> tunings = kernel->tunings(*problem);
  fits(std::find(tunings.begin(), tunings.end(), step.tuning) != tunings.end(), step.kernel,
       " has no tuning {", tuning_text(step.tuning), "}");
  Chosen chosen{kernel, kernel->recipe(std::move(problem), step.tuning), step.note, {}};
  fits(step.refusals < static_cast<int>(plan.refusals.size()), "it has ", plan.refusals.size(),
       " lists of refusals");
  if (step.refusals >= 0) chosen.refusals = plan.refusals[static_cast<size_t>(step.refusals)];
  return chosen;
}

Choices choices_of(const Graph& graph, const Plan& plan, const KernelRegistry& kernels,
                   const Conditions& conditions) {
  fits(plan.steps.size() == graph.nodes().size(), "it has ", plan.steps.size(), " steps");
  const LateSizes late(graph);
  Choices choices;
  size_t at = 0;
  for (const Node& node : graph.nodes()) {
    const Step& step = plan.steps[at++];
    const bool runs = late.runs_on_kernel(node);
    fits((step.kind == Step::Kind::run) == runs, describe(node),
         " is planned as another kind of step");
    choices.nodes.push_back(
        runs ? chosen_for(step, plan, problem_of(graph, node, conditions), kernels) : Chosen{});
    for (const Body& body : control_bodies(node.op)) {
      fits(choices.bodies.size() < plan.bodies.size(), "a sub-plan of ", describe(node),
           " is missing");
      choices.bodies.push_back(choices_of(*body, plan.bodies[choices.bodies.size()], kernels,
                                          conditions_in(node, *body, conditions)));
    }
  }
  return choices;
}

}  // namespace

Choices check_plan(const Graph& graph, const Plan& plan, const Device& device) {
  const Conditions conditions{device.target(), Share{plan.workers}, plan.sizes};
  std::vector<int> streams;
  for (const Step& step : plan.steps) streams.push_back(step.stream);
  const int count = stream_count(plan);
  fits(count <= kMostStreams, "it has ", count, " streams");
  if (count == 1) streams.clear();
  Choices choices = choices_of(graph, plan, device.kernels(), conditions);
  Plan again = make_plan(graph, choices, conditions, streams);
  again.takes = plan.takes;
  fits(again.steps == plan.steps && again.bodies == plan.bodies, "its steps differ");
  fits(again.buffers == plan.buffers && again.sharings == plan.sharings &&
           again.pooled == plan.pooled,
       "its memory differs");
  fits(again == plan, "its device, refusals or segments differ");
  return choices;
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
