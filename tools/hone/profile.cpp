// Where the time of a run goes.

#include <map>
#include <memory>

#include "base/error.hpp"
#include "device/slow_runs.hpp"
#include "inputs.hpp"
#include "latency.hpp"
#include "output.hpp"
#include "report/profile_report.hpp"

namespace hone::cli {
namespace {

using Clock = Profile::Clock;

struct ProfileOptions {
  ModelOptions model;
  InputOptions inputs;
  std::string output, format = "text", trace;
  int iterations = 20, top = 0;
};

void profile(ProfileOptions options) {
  settle_output(options.output, options.format, {"text", "csv", "json"});
  check(options.iterations >= 1, Code::usage, "--iterations ", options.iterations,
        ": wanted 1 or more");
  const std::shared_ptr<const Engine> engine = options.model.open_engine();
  const NamedTensors inputs = inputs_or_random(*engine, options.model, options.inputs);
  Profile times;
  Context context(engine);
  constexpr int kWarmUp = 3;
  for (int i = 0; i < kWarmUp; ++i) context.run(inputs);
  context.profile(&times);
  std::map<std::string, int64_t> before = slow_runs();
  std::vector<double> runs;
  for (int i = 0; i < options.iterations; ++i) {
    const auto begin = Clock::now();
    context.run(inputs);
    runs.push_back(seconds_since(begin));
  }
  report::ProfileReport report;
  report.model = options.model.file_name();
  report.target = engine->part().target;
  report.inputs = sizes_text(inputs);
  report.workers = engine->workers();
  report.ceilings = engine->device().ceilings({engine->workers()});
  report.runs = options.iterations;
  report.seconds = latency_of(runs).median;
  report.steps = report::profiled_steps(times);
  for (const auto& [region, count] : slow_runs())
    if (count > before[region]) report.slow.emplace(region, count - before[region]);
  const std::vector<double> steps = report::seconds_of_steps(times);
  for (size_t i = 0; i < runs.size(); ++i) runs[i] -= steps[i];
  report.between = latency_of(runs).median;
  if (!options.trace.empty()) give(options.trace, report::trace_json(times));
  give(options.output, report::report_text(report, options.format, options.top));
}

}  // namespace

std::function<void()> declare_profile(Arguments& arguments) {
  const auto options = std::make_shared<ProfileOptions>();
  options->model.declare_path(arguments);
  arguments.option("-o,--output", options->output, "FILE",
                   "Write there what would be printed; .csv, .json: that form");
  arguments.option("--format", options->format, "text|csv|json",
                   "Form of what is printed; -o text, -o json ... say it, too");
  arguments.option("--iterations", options->iterations, "N", "Runs to measure; 20");
  arguments.option("--top", options->top, "K", "Show the K dearest steps; all when not given");
  arguments.option("--trace", options->trace, "FILE.json",
                   "Write every step of every run as trace events");
  options->inputs.declare(arguments);
  options->model.declare_shapes(arguments);
  options->model.declare_workers(arguments);
  options->model.declare_device(arguments);
  options->model.declare_halves(arguments);
  options->model.declare_weights(arguments);
  options->model.declare_disabled(arguments);
  return [options] { profile(*options); };
}

}  // namespace hone::cli
