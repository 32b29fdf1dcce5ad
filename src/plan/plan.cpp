#include "plan/plan.hpp"

#include <algorithm>

#include "plan/streams.hpp"

namespace hone {
namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

/// The run steps of a plan in the order in which planning asks for their choices.
void collect_runs(const Plan& plan, std::vector<const Step*>& runs) {
  size_t body = 0;
  for (const Step& step : plan.steps) {
    if (step.kind == Step::Kind::run) runs.push_back(&step);
    for (int each = 0; each < step.bodies && body < plan.bodies.size(); ++each)
      collect_runs(plan.bodies[body++], runs);
  }
}

Choice choice_of(const Step& step, std::shared_ptr<const Problem> problem,
                 const KernelRegistry& kernels) {
  const Kernel* kernel = kernels.find(step.kernel);
  fits(kernel != nullptr && kernel->version == step.version, "there is no kernel ", step.kernel,
       "/", step.version);
  const Verdict verdict = kernel->supports(*problem);
  fits(verdict.yes, step.kernel, " refuses ", describe(problem->region.body->nodes().front()), ": ",
       verdict.why);
  const std::vector<Tuning> tunings = kernel->tunings(*problem);
  fits(std::find(tunings.begin(), tunings.end(), step.tuning) != tunings.end(), step.kernel,
       " has no tuning {", tuning_text(step.tuning), "}");
  return {kernel, kernel->recipe(std::move(problem), step.tuning), step.note};
}

}  // namespace

void check_plan(const Graph& graph, const Plan& plan, std::string_view device,
                const KernelRegistry& kernels) {
  std::vector<const Step*> runs;
  collect_runs(plan, runs);
  size_t next = 0;
  const Choose choose = [&](std::shared_ptr<const Problem> problem) {
    fits(next < runs.size(), "it has ", runs.size(), " kernels");
    return choice_of(*runs[next++], std::move(problem), kernels);
  };
  std::vector<int> streams;
  for (const Step& step : plan.steps) streams.push_back(step.stream);
  const int count = stream_count(plan);
  fits(count <= kMostStreams, "it has ", count, " streams");
  fits(plan.steps.size() == graph.nodes().size(), "it has ", plan.steps.size(), " steps");
  if (count == 1) streams.clear();
  const Plan again = make_plan(graph, choose, device, Share{plan.workers}, streams);
  fits(again.steps == plan.steps && again.bodies == plan.bodies, "its steps differ");
  fits(again.buffers == plan.buffers && again.sharings == plan.sharings &&
           again.pooled == plan.pooled,
       "its memory differs");
  fits(again == plan, "its device or segments differ");
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
