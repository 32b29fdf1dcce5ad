#include "runtime/program.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "choose/choose.hpp"
#include "choose/cover.hpp"
#include "device/cpu/stream.hpp"
#include "device/problem.hpp"
#include "ir/rest.hpp"
#include "ir/structural.hpp"
#include "passes/clean.hpp"
#include "passes/equal_sizes.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone {
namespace {

/// Constants that nodes make of weights (unpacked, transposed, converted) are made once, when the
/// engine is made. What a few numbers blow up to gigabytes stays a step, in the arena.
PassOptions load_options(const PassOptions& passes) {
  PassOptions options = passes;
  options.fold_bytes = int64_t{64} << 20;
  options.fold_growth = 8;  // int4 to f32
  options.fold_random = options.fold_quantized = true;
  return options;
}

/// Regions as large as is legal, cut to what kernels of the CPU take.
void make_regions(Graph& graph, int workers, const PassOptions& passes) {
  if (!fuse(graph, passes)) return;
  if (cover(graph, cpu::kernels(), Share{workers}) && !is_disabled("merge_common", passes))
    merge_common(graph, passes);  // of a view, every region has a copy
}

}  // namespace

std::unique_ptr<Graph> make_typed(const Graph& portable, int workers, const PassOptions& passes) {
  const auto make = [&](std::unique_ptr<Graph> graph) {
    canonicalize(*graph, load_options(passes));
    make_regions(*graph, workers, passes);
    return graph;
  };
  try {
    if (auto equal = with_equal_sizes(portable)) return make(std::move(equal));
  } catch (const Error& error) {
    // Equal sizes contradict the model, which shows once a branch is chosen by them, say.
    if (error.code() != Code::invalid_model) throw;
  }
  return make(portable.clone());
}

Plan plan_for_cpu(Graph& graph, int workers, int most_streams, std::vector<StreamTrial>* trials,
                  const Progress& progress) {
  const auto total = static_cast<int64_t>(graph.nodes().size());
  int64_t done = 0;
  const Choose choose = [&](std::shared_ptr<const Problem> problem) {
    if (progress) progress("kernels and plan", std::min(done++, total), total);  // bodies have more
    return choose_by_estimate(cpu::kernels(), std::move(problem));
  };
  return plan_on_streams(graph, choose, "cpu", Share{workers}, most_streams, trials);
}

namespace {

/// The same contents; they live as long as somebody has such a tensor.
Tensor shared(const std::shared_ptr<const Tensor>& packed) {
  return Tensor::borrow(packed->dtype(), packed->shape(), packed->bytes(), packed);
}

}  // namespace

Tensor PackStore::pack(const Problem& problem, const Tuning& tuning, const Packing& packing) {
  const Weight& weight = *problem.weights[packing.input];
  const std::pair key(weight.hash(), packing.name);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = packed_.find(key); found != packed_.end())
      if (const auto packed = found->second.lock()) return shared(packed);
  }
  // Packed outside the lock: two threads may do the same work once, the first result stays.
  auto packed = std::make_shared<const Tensor>(packing.pack(problem, tuning, weight.tensor()));
  const std::lock_guard lock(mutex_);
  if (packed_.size() >= most_) {
    std::erase_if(packed_, [](const auto& each) { return each.second.expired(); });
    most_ = std::max(most_, 2 * packed_.size());
  }
  std::weak_ptr<const Tensor>& place = packed_[key];
  if (const auto first = place.lock()) return shared(first);
  place = packed;
  return shared(packed);
}

int64_t PackStore::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t total = 0;
  for (const auto& [key, place] : packed_)
    if (const auto packed = place.lock()) total += static_cast<int64_t>(packed->bytes().size());
  return total;
}

namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

}  // namespace

void Program::add_constant(const Value* value) {
  if (!value->is_constant() || constants_.contains(value)) return;
  const Tensor& tensor = value->weight->tensor();
  constants_.emplace(value, tensor.is_aligned() ? tensor : tensor.clone());
}

std::shared_ptr<const Program> Program::make(std::shared_ptr<const Graph> graph, Plan plan,
                                             const Preparation& preparation,
                                             std::shared_ptr<const Graph> stated,
                                             const Progress& progress) {
  std::shared_ptr<Program> program(new Program(preparation));
  const auto type = [](const Value* input) { return input->type; };
  const bool narrower =
      stated != nullptr && !std::ranges::equal(graph->inputs(), stated->inputs(), {}, type, type);
  program->stated_ = narrower ? std::move(stated) : graph;
  program->graph_ = std::move(graph);
  program->plan_ = std::move(plan);
  const Graph& nodes = *program->graph_;
  fits(program->plan_.steps.size() == nodes.nodes().size(), program->plan_.steps.size(),
       " steps for ", nodes.nodes().size(), " nodes");
  const auto number = [&](const Value* value) {
    program->indices_.emplace(value, static_cast<int>(program->indices_.size()));
  };
  for (const Value* input : nodes.inputs()) number(input);
  for (const Value* constant : nodes.constants()) number(constant);
  for (const Node& node : nodes.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr) number(output);
  for (size_t i = 0; i < program->plan_.buffers.size(); ++i)
    if (const PlannedBuffer& buffer = program->plan_.buffers[i]; buffer.value.empty())
      program->scratch_[buffer.first] = static_cast<int>(i);
  size_t body = 0;
  int at = 0;
  auto node = nodes.nodes().begin();
  const auto total = static_cast<int64_t>(program->plan_.steps.size());
  for (const hone::Step& planned : program->plan_.steps) {
    if (progress) progress("packing weights", at, total);
    program->add_step(planned, *node++, at++, body);
  }
  fits(body == program->plan_.bodies.size(), "it has ", program->plan_.bodies.size(),
       " sub-plans, used ", body);
  for (const GraphOutput& output : nodes.outputs()) program->add_constant(output.value);
  return program;
}

void Program::add_step(const hone::Step& planned, const Node& node, int at, size_t& body) {
  const Value* named = graph_->find(planned.node);
  fits(named != nullptr && named->producer == &node, "step ", at, " is for %", planned.node,
       ", the node is ", describe(node));
  Step step;
  step.kind = planned.kind;
  step.node = &node;
  for (const Value* output : node.outputs)
    step.ranks |= output != nullptr && output->type.is_tensor() &&
                  !output->type.tensor().has_rank() && !output->users.empty();
  const std::vector<Body> bodies = control_bodies(node.op);
  fits(bodies.size() == static_cast<size_t>(planned.bodies) &&
           bodies.empty() == (planned.kind != hone::Step::Kind::control),
       describe(node), " is planned as another kind of step");
  for (const Body& inner : bodies) {
    fits(body < plan_.bodies.size(), "a sub-plan of ", describe(node), " is missing");
    step.bodies.push_back(make(inner, plan_.bodies[body++], preparation_));
  }
  if (planned.kind == hone::Step::Kind::run) {
    add_run(step, planned, at);
  } else {
    for (const Value* input : node.inputs)
      if (input != nullptr) add_constant(input);
  }
  steps_.push_back(std::move(step));
}

void Program::add_run(Step& step, const hone::Step& planned, int at) {
  const Node& node = *step.node;
  const Kernel* kernel = cpu::kernels().find(planned.kernel);
  fits(kernel != nullptr && kernel->version == planned.version, "there is no kernel ",
       planned.kernel, "/", planned.version);
  const auto problem = problem_of(*graph_, node, Share{plan_.workers});
  const Verdict verdict = kernel->supports(*problem);
  fits(verdict.yes, planned.kernel, " refuses ", describe(node), ": ", verdict.why);
  const Recipe recipe = kernel->recipe(problem, planned.tuning);
  step.operands = region_operands(node);
  step.packed.assign(step.operands.size(), false);
  std::vector<Tensor> packed;
  for (const Packing& packing : recipe.packings) {
    step.packed[packing.input] = true;
    packed.push_back(preparation_.packs.pack(*problem, recipe.tuning, packing));
  }
  for (size_t i = 0; i < step.operands.size(); ++i)
    if (!step.packed[i]) add_constant(step.operands[i]);
  step.prepared = kernel->prepare(recipe, std::move(packed));
  if (const auto found = scratch_.find(at); found != scratch_.end()) step.scratch = found->second;
  if (step.scratch < 0) step.late_scratch = recipe.scratch_bytes;
}

std::vector<const Value*> Program::live(size_t first) const {
  return live_before(first == 0 ? *stated_ : *graph_, node_at(first));
}

const Node* Program::node_at(size_t first) const {
  if (first == 0) return stated_->nodes().empty() ? nullptr : &stated_->nodes().front();
  return first < steps_.size() ? steps_[first].node : nullptr;
}

std::shared_ptr<const Program> Program::rest(size_t first, const std::vector<Type>& types,
                                             const Bindings& symbols) const {
  std::string key = cat(first, " ", join(types, " "));
  for (const auto& [name, size] : symbols) key += cat(" ", name, "=", size);
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(rests_.begin(), rests_.end(), [&](const Rest& rest) { return rest.key == key; });
  if (found != rests_.end()) {
    rests_.splice(rests_.begin(), rests_, found);
    return rests_.front().program;
  }
  // A contradiction that only these sizes bring is the caller's, not the model's.
  std::unique_ptr<Graph> graph;
  try {
    graph = specialize(first == 0 ? *stated_ : *graph_, node_at(first), live(first), types, symbols,
                       load_options(preparation_.passes));
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    fail(Code::usage, "the model does not run with these input sizes: ", error.message());
  }
  make_regions(*graph, plan_.workers, preparation_.passes);
  log(Level::detail, "a program for sizes ", join(types, ", "), " was made");
  Plan plan = plan_for_cpu(*graph, plan_.workers);
  rests_.push_front({std::move(key), make(std::move(graph), std::move(plan), preparation_)});
  if (rests_.size() > preparation_.specialized) rests_.pop_back();
  return rests_.front().program;
}

}  // namespace hone
