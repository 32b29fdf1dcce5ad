#include "runtime/engine.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "device/cpu/isa.hpp"
#include "device/cpu/stream.hpp"

namespace hone {

std::string cpu_target() { return cat("cpu ", cpu::name(cpu::isa())); }

std::shared_ptr<const Engine> Engine::make(std::shared_ptr<const Graph> portable,
                                           const EngineOptions& options, const DevicePart* part,
                                           std::shared_ptr<const Defaults> defaults) {
  check(portable != nullptr || part != nullptr, Code::internal, "an engine of nothing");
  std::shared_ptr<Engine> engine(new Engine());
  engine->workers_ = options.workers > 0 ? options.workers : usable_cores();
  engine->portable_ = std::move(portable);
  engine->defaults_ = std::move(defaults);
  engine->options_ = options;
  engine->options_.workers = engine->workers_;  // with_inputs(): however many are usable by then
  engine->options_.progress = nullptr;
  if (part != nullptr) engine->replanned_ = engine->use(*part, options);
  if (engine->program_ != nullptr) return engine;
  check(engine->portable_ != nullptr, Code::incompatible_engine,
        "its plan cannot be used: ", engine->replanned_,
        "; it was built with --drop-portable and cannot be planned again, ",
        "build it anew from the model");
  if (options.progress) options.progress("passes for this machine", 0, 0);
  std::unique_ptr<Graph> typed = make_typed(*engine->portable_, engine->workers_, options.passes);
  const Plan plan = plan_for_cpu(*typed, engine->workers_, 1, nullptr, options.progress);
  engine->graph_ = std::move(typed);
  engine->prepare(plan, options);
  return engine;
}

std::shared_ptr<const Engine> Engine::with_inputs(const std::set<std::string>& names) const {
  constexpr size_t kKept = 4;
  const auto is_default = [&](const std::string& name) {
    return defaults_ != nullptr && defaults_->values.contains(name);
  };
  check(std::all_of(names.begin(), names.end(), is_default), Code::internal,
        "an input has no value of its own");
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(opened_, names, &Opened::inputs);
  if (found != opened_.end()) {
    opened_.splice(opened_.begin(), opened_, found);
    return opened_.front().engine;
  }
  log(Level::detail, "an engine for given ", join(names, ", "), " is made");
  std::unique_ptr<Graph> graph = graph_with(*defaults_, names);
  canonicalize(*graph, options_.passes);
  opened_.push_front({names, make(std::move(graph), options_)});
  if (opened_.size() > kKept) opened_.pop_back();
  return opened_.front().engine;
}

/// Why not; empty: it is used.
std::string Engine::use(const DevicePart& part, const EngineOptions& options) {
  if (!part.outdated.empty()) return part.outdated;
  if (part.target != cpu_target())
    return cat("it was made for ", part.target, ", this is ", cpu_target());
  if (part.plan.workers != workers_)
    return cat("it was made for ", part.plan.workers, " workers, there are ", workers_);
  graph_ = part.typed;
  if (graph_ == nullptr) {  // as it was when the plan was made, its order too
    std::unique_ptr<Graph> typed = make_typed(*portable_, workers_, options.passes);
    plan_for_cpu(*typed, workers_);
    graph_ = std::move(typed);
  }
  try {
    check_plan(*graph_, part.plan, "cpu", cpu::kernels());
    prepare(part.plan, options);
  } catch (const Error& error) {
    if (error.code() != Code::incompatible_engine) throw;
    return error.message();
  }
  return {};
}

void Engine::prepare(const Plan& plan, const EngineOptions& options) {
  const Preparation preparation{packs_, std::max<size_t>(1, options.specialized), options.passes};
  program_ = Program::make(graph_, plan, preparation, portable_, options.progress);
}

}  // namespace hone
