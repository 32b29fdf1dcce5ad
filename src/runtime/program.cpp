#include "runtime/program.hpp"

#include "ir/structural.hpp"

namespace hone {

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
  std::erase_if(packed_, [](const auto& each) { return each.second.expired(); });
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
                                             const KernelRegistry& kernels, PackStore& packs) {
  std::shared_ptr<Program> program(new Program());
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
  size_t branch = 0;
  int at = 0;
  auto node = nodes.nodes().begin();
  for (const hone::Step& planned : program->plan_.steps)
    program->add_step(planned, *node++, at++, kernels, packs, branch);
  fits(branch == program->plan_.branches.size(), "it has ", program->plan_.branches.size(),
       " sub-plans, used ", branch);
  for (const GraphOutput& output : nodes.outputs()) program->add_constant(output.value);
  return program;
}

void Program::add_step(const hone::Step& planned, const Node& node, int at,
                       const KernelRegistry& kernels, PackStore& packs, size_t& branch) {
  const Value* named = graph_->find(planned.node);
  fits(named != nullptr && named->producer == &node, "step ", at, " is for %", planned.node,
       ", the node is ", describe(node));
  Step step;
  step.kind = planned.kind;
  step.node = &node;
  const If* condition = node.op.as<If>();
  fits((condition != nullptr) == (planned.kind == hone::Step::Kind::branch), describe(node),
       " is planned as another kind of step");
  if (condition != nullptr) {
    fits(branch + 2 <= plan_.branches.size(), "a sub-plan of ", describe(node), " is missing");
    step.then_branch = make(condition->then_branch, plan_.branches[branch], kernels, packs);
    step.else_branch = make(condition->else_branch, plan_.branches[branch + 1], kernels, packs);
    branch += 2;
  }
  if (planned.kind != hone::Step::Kind::run) {
    for (const Value* input : node.inputs)
      if (input != nullptr) add_constant(input);
    steps_.push_back(std::move(step));
    return;
  }
  const Kernel* kernel = kernels.find(planned.kernel);
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
    packed.push_back(packs.pack(*problem, recipe.tuning, packing));
  }
  for (size_t i = 0; i < step.operands.size(); ++i)
    if (!step.packed[i]) add_constant(step.operands[i]);
  step.prepared = kernel->prepare(recipe, std::move(packed));
  for (size_t i = 0; i < plan_.buffers.size(); ++i)
    if (plan_.buffers[i].value.empty() && plan_.buffers[i].first == at)
      step.scratch = static_cast<int>(i);
  if (step.scratch < 0) step.late_scratch = recipe.scratch_bytes;
  steps_.push_back(std::move(step));
}

}  // namespace hone
