#include "runtime/engine.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "runtime/engine_code.hpp"

namespace hone {

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
  engine->options_.timing = nullptr;
  engine->options_.candidates.reset();
  engine->options_.after_pass = nullptr;
  if (options.device == nullptr) engine->options_.device = open_device();
  check(options.streams >= 1 && options.streams <= kMostStreams, Code::usage,
        "streams: ", options.streams, ", wanted 1 to ", kMostStreams);
  check(options.streams == 1 || engine->device().is_apart(), Code::usage,
        "streams: ", options.streams, "; on the host's processors steps run one after the other");
  if (part != nullptr) engine->replanned_ = engine->use(*part, options);
  if (engine->program_ != nullptr) return engine;
  check(engine->portable_ != nullptr, Code::incompatible_engine,
        "its plan cannot be used: ", engine->replanned_,
        "; it was built with --drop-portable and cannot be planned again, ",
        "build it anew from the model");
  CompileOptions how = engine->compile_options();
  how.progress = options.progress;
  how.timing = options.timing;
  how.candidates = options.candidates;
  how.after = options.after_pass;
  Compiled compiled = compile(*engine->portable_, engine->device(), how);
  engine->graph_ = std::move(compiled.typed);
  engine->report_ = std::move(compiled.report);
  engine->report_.given = {};  // as large as the plan, for those who compare orders
  engine->prepare(std::move(compiled.plan), compiled.chosen, options);
  return engine;
}

std::shared_ptr<const Engine> Engine::with_inputs(const std::set<std::string>& names) const {
  constexpr size_t kKept = 4;
  const auto is_default = [&](const std::string& name) {
    return defaults_ != nullptr && defaults_->values.contains(name);
  };
  check(std::all_of(names.begin(), names.end(), is_default), Code::internal,
        "an input has no value of its own");
  const auto find = [&]() -> std::shared_ptr<const Engine> {
    const auto found = std::ranges::find(opened_, names, &Opened::inputs);
    if (found == opened_.end()) return nullptr;
    opened_.splice(opened_.begin(), opened_, found);
    return opened_.front().engine;
  };
  {
    const std::lock_guard lock(mutex_);
    if (auto found = find()) return found;
  }
  log(Level::detail, "an engine for given ", join(names, ", "), " is made");
  std::unique_ptr<Graph> graph = graph_with(*defaults_, names);
  canonicalize(*graph, options_.passes);
  auto made = make(std::move(graph), options_);
  const std::lock_guard lock(mutex_);
  if (auto found = find()) return found;  // another thread was faster
  opened_.push_front({names, std::move(made)});
  if (opened_.size() > kKept) opened_.pop_back();
  return opened_.front().engine;
}

DevicePart Engine::part(bool packed) const {
  DevicePart made{device().target()->text(), graph_, plan()};
  made.code = program_->code();
  if (!made.code.empty()) sign(made);
  if (!packed) return made;
  made.packer = packer_of(device());
  made.packed = program_->packed_forms();
  return made;
}

/// Why not; empty: it is used.
std::string Engine::use(const DevicePart& part, const EngineOptions& options) {
  if (!part.outdated.empty()) return part.outdated;
  const std::string target = device().target()->text();
  if (part.target != target) return cat("it was made for ", part.target, ", this is ", target);
  if (part.plan.workers != workers_)
    return cat("it was made for ", part.plan.workers, " workers, there are ", workers_);
  options_.sizes = part.plan.sizes;
  graph_ = part.typed;
  if (graph_ == nullptr) {  // as it was when the plan was made, its order too
    CompileOptions how = compile_options();
    how.candidates = part.plan.takes;
    graph_ = compile(*portable_, device(), how).typed;
  }
  try {
    const Choices chosen = checked_choices(*graph_, part.plan, device());
    offer_code(part, options.trust);
    if (part.packer == packer_of(device())) packs_.offer(part.packed);
    prepare(part.plan, chosen, options);
  } catch (const Error& error) {
    if (error.code() != Code::incompatible_engine) throw;
    return error.message();
  }
  return {};
}

CompileOptions Engine::compile_options() const {
  CompileOptions how;
  how.workers = workers_;
  how.passes = options_.passes;
  how.sizes = options_.sizes;
  how.fallback = options_.fallback;
  how.most_streams = options_.streams;
  return how;
}

void Engine::offer_code(const DevicePart& part, bool trust) const {
  if (part.code.empty()) return;
  if (trust || is_signed(part)) return device().offer(part.code);
  log(Level::note, "the file's compiled code is not used, it is made anew: this user did not ",
      "write it (--trust takes it all the same)");
}

void Engine::prepare(Plan plan, const Choices& chosen, const EngineOptions& options) {
  Preparation preparation{options_.device, packs_, std::max<size_t>(1, options.specialized),
                          compile_options()};
  preparation.compile.candidates = plan.takes;  // what paid for the whole is not priced again
  program_ =
      Program::make(graph_, std::move(plan), chosen, preparation, portable_, options.progress);
}

}  // namespace hone
