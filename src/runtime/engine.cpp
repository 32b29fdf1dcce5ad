#include "runtime/engine.hpp"

#include "device/cpu/stream.hpp"

namespace hone {

std::shared_ptr<const Engine> Engine::make(std::shared_ptr<const Graph> portable,
                                           const EngineOptions& options, const Plan* plan) {
  std::shared_ptr<Engine> engine(new Engine());
  engine->workers_ = options.workers > 0 ? options.workers : usable_cores();
  engine->graph_ = make_typed(*portable, options.passes);
  engine->portable_ = std::move(portable);
  const Preparation preparation{engine->packs_, std::max<size_t>(1, options.specialized),
                                options.passes};
  if (plan != nullptr && plan->workers == engine->workers_) {
    try {
      check_plan(*engine->graph_, *plan, "cpu", cpu::kernels());
      engine->program_ = Program::make(engine->graph_, *plan, preparation);
    } catch (const Error& error) {
      if (error.code() != Code::incompatible_engine) throw;
      engine->replanned_ = error.message();
    }
  } else if (plan != nullptr) {
    engine->replanned_ =
        cat("it was made for ", plan->workers, " workers, there are ", engine->workers_);
  }
  if (engine->program_ == nullptr)
    engine->program_ =
        Program::make(engine->graph_, plan_for_cpu(*engine->graph_, engine->workers_), preparation);
  return engine;
}

}  // namespace hone
