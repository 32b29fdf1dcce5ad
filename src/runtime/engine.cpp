#include "runtime/engine.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "choose/choose.hpp"
#include "device/cpu/stream.hpp"
#include "ir/evaluation.hpp"
#include "ir/structural.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

/// Constants that nodes make of weights (unpacked, transposed, converted) are made once, when the
/// engine is made. What a few numbers blow up to gigabytes stays a step, in the arena.
PassOptions load_options() {
  PassOptions options;
  options.fold_bytes = int64_t{64} << 20;
  options.fold_growth = 8;  // int4 to f32
  options.fold_random = true;
  return options;
}

/// A branch relies on facts about its operands' sizes, which are told only when it is taken.
bool branches_require(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
    const If* op = node.op.as<If>();
    if (op == nullptr) return false;
    const auto requires_something = [](const Body& body) {
      return !body->requirements().empty() || branches_require(*body);
    };
    return requires_something(op->then_branch) || requires_something(op->else_branch);
  });
}

bool only_running_tells(const Graph& graph) {
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer != nullptr) return true;
  for (const Node& node : graph.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr && (!output->type.is_tensor() || !output->type.tensor().has_rank()))
        return true;
  return std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [](const Value* input) { return !input->type.tensor().has_rank(); });
}

}  // namespace

std::unique_ptr<Graph> make_typed(const Graph& portable) {
  std::unique_ptr<Graph> graph = portable.clone();
  canonicalize(*graph, load_options());
  return graph;
}

Plan plan_for_cpu(const Graph& graph, int workers) {
  const Choose choose = [](std::shared_ptr<const Problem> problem) {
    return choose_by_estimate(cpu::kernels(), std::move(problem));
  };
  return make_plan(graph, choose, "cpu", Share{workers});
}

std::shared_ptr<const Engine> Engine::make(std::shared_ptr<const Graph> portable,
                                           const EngineOptions& options, const Plan* plan) {
  std::shared_ptr<Engine> engine(new Engine());
  engine->workers_ = options.workers > 0 ? options.workers : usable_cores();
  engine->keep_ = std::max<size_t>(1, options.specialized);
  engine->graph_ = make_typed(*portable);
  engine->portable_ = std::move(portable);
  engine->open_ = only_running_tells(*engine->graph_) || branches_require(*engine->graph_);
  if (plan != nullptr && plan->workers == engine->workers_) {
    try {
      check_plan(*engine->graph_, *plan, "cpu", cpu::kernels());
      engine->general_ = Program::make(engine->graph_, *plan, cpu::kernels(), engine->packs_);
    } catch (const Error& error) {
      if (error.code() != Code::incompatible_engine) throw;
      engine->replanned_ = error.message();
    }
  } else if (plan != nullptr) {
    engine->replanned_ =
        cat("it was made for ", plan->workers, " workers, there are ", engine->workers_);
  }
  if (engine->general_ == nullptr) engine->general_ = engine->prepare(engine->graph_);
  return engine;
}

std::shared_ptr<const Program> Engine::prepare(std::shared_ptr<const Graph> graph) const {
  Plan plan = plan_for_cpu(*graph, workers_);
  return Program::make(std::move(graph), std::move(plan), cpu::kernels(), packs_);
}

bool Engine::general_runs(const std::vector<std::vector<int64_t>>& shapes) const {
  Bindings symbols;
  bind_inputs(*graph_, shapes, symbols);
  const bool symbolic =
      std::any_of(graph_->inputs().begin(), graph_->inputs().end(),
                  [](const Value* input) { return !input->type.tensor().concrete().has_value(); });
  if (open_ && symbolic) return false;
  return std::all_of(graph_->requirements().begin(), graph_->requirements().end(),
                     [&](const Require& require) {
                       const auto a = require.a.evaluate(symbols), b = require.b.evaluate(symbols);
                       if (!a || !b) return true;
                       return require.relation == Require::Relation::equal ? *a == *b : *a <= *b;
                     });
}

std::shared_ptr<const Program> Engine::program(
    const std::vector<std::vector<int64_t>>& shapes) const {
  if (general_runs(shapes)) return general_;
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(specialized_.begin(), specialized_.end(),
                                  [&](const Specialized& each) { return each.shapes == shapes; });
  if (found != specialized_.end()) {
    specialized_.splice(specialized_.begin(), specialized_, found);
    return specialized_.front().program;
  }
  // A contradiction that only these sizes bring is the caller's, not the model's.
  std::shared_ptr<const Graph> graph;
  try {
    graph = specialize(*graph_, shapes, load_options());
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    fail(Code::usage, "the model does not run with these input sizes: ", error.message());
  }
  std::vector<std::string> sizes;
  for (const auto& shape : shapes) sizes.push_back(shape_text(shape));
  log(Level::detail, "a program for sizes ", join(sizes, ", "), " was made");
  specialized_.push_front({shapes, prepare(std::move(graph))});
  if (specialized_.size() > keep_) specialized_.pop_back();
  return specialized_.front().program;
}

}  // namespace hone
