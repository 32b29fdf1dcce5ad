#include "runtime/program.hpp"

#include <algorithm>
#include <atomic>

#include "base/log.hpp"
#include "base/threads.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/rest.hpp"

namespace hone {
namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

/// Fields that operands give, whose contents only running tells.
bool has_open_parameters(const Node& node) {
  return std::ranges::any_of(node.op.op_class().parameters, [&](const Parameter& parameter) {
    const Value* operand = node.input(static_cast<size_t>(parameter.operand));
    return operand != nullptr && !operand->is_constant();
  });
}

}  // namespace

void Program::add_constant(const Value* value) {
  if (!value->is_constant() || constants_.contains(value)) return;
  const Tensor& tensor = value->weight->tensor();
  constants_.emplace(value, tensor.is_aligned() ? tensor : tensor.clone());
}

std::shared_ptr<const Program> Program::make(std::shared_ptr<const Graph> graph, Plan plan,
                                             const Choices& chosen, const Preparation& preparation,
                                             std::shared_ptr<const Graph> stated,
                                             const Progress& progress, KnownInputs known) {
  std::shared_ptr<Program> program(new Program(preparation));
  program->known_ = std::move(known);
  const auto type = [](const Value* input) { return input->type; };
  const bool narrower =
      stated != nullptr && !std::ranges::equal(graph->inputs(), stated->inputs(), {}, type, type);
  program->stated_ = narrower ? std::move(stated) : graph;
  program->graph_ = std::move(graph);
  program->plan_ = std::move(plan);
  const Graph& nodes = *program->graph_;
  fits(program->plan_.steps.size() == nodes.nodes().size() &&
           chosen.nodes.size() == nodes.nodes().size(),
       program->plan_.steps.size(), " steps for ", nodes.nodes().size(), " nodes");
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
  std::vector<std::shared_ptr<const Prepared>> prepared = program->prepare_all(chosen, progress);
  for (const hone::Step& planned : program->plan_.steps) {
    program->add_step(planned, *node++, at, body, chosen,
                      std::move(prepared[static_cast<size_t>(at)]));
    ++at;
  }
  fits(body == program->plan_.bodies.size(), "it has ", program->plan_.bodies.size(),
       " sub-plans, used ", body);
  for (const GraphOutput& output : nodes.outputs()) program->add_constant(output.value);
  return program;
}

/// The steps' kernels, constant operands packed, made by all workers; of bodies no.
std::vector<std::shared_ptr<const Prepared>> Program::prepare_all(const Choices& chosen,
                                                                  const Progress& progress) const {
  std::vector<size_t> jobs;
  size_t bytes = 0;
  for (size_t i = 0; i < chosen.nodes.size(); ++i) {
    if (plan_.steps[i].kind != hone::Step::Kind::run || chosen.nodes[i].kernel == nullptr) continue;
    jobs.push_back(i);
    const Recipe& recipe = chosen.nodes[i].recipe;
    for (const Packing& packing : recipe.packings)
      bytes += recipe.problem->weights[packing.input]->bytes();
  }
  const auto prepare = [&](const Chosen& each) {
    std::vector<Tensor> packed;
    for (const Packing& packing : each.recipe.packings)
      packed.push_back(
          preparation_.packs.pack(device(), *each.recipe.problem, each.recipe.tuning, packing));
    return each.kernel->prepare(each.recipe, std::move(packed),
                                each.kernel->on_host ? device().host() : device());
  };
  constexpr size_t kWorthATeam = 1 << 20;
  Team team(bytes < kWorthATeam ? 1 : std::max(1, preparation_.compile.workers));
  std::vector<std::shared_ptr<const Prepared>> prepared(chosen.nodes.size());
  std::atomic<int64_t> done = 0;
  team.run([&] {
    team.parallel(std::ssize(jobs), [&](int64_t job) {
      const size_t i = jobs[static_cast<size_t>(job)];
      prepared[i] = prepare(chosen.nodes[i]);
      const int64_t now = ++done;
      if (progress && Team::worker() == 0) progress("packing weights", now, std::ssize(jobs));
    });
  });
  return prepared;
}

void Program::add_step(const hone::Step& planned, const Node& node, int at, size_t& body,
                       const Choices& chosen, std::shared_ptr<const Prepared> prepared) {
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
    fits(body < plan_.bodies.size() && body < chosen.bodies.size(), "a sub-plan of ",
         describe(node), " is missing");
    step.bodies.push_back(make(inner, plan_.bodies[body], chosen.bodies[body], preparation_,
                               nullptr, nullptr, known_inputs(node, *inner, known_)));
    ++body;
  }
  if (planned.kind == hone::Step::Kind::run) {
    step.prepared = std::move(prepared);
    add_run(step, chosen.nodes[static_cast<size_t>(at)], at);
  } else {
    for (const Value* input : node.inputs)
      if (input != nullptr) add_constant(input);
  }
  auto* const finds = dynamic_cast<FindingDevice*>(&device());
  if (finds != nullptr && planned.kind == hone::Step::Kind::size)
    step.finding = finds->finding(node);
  if (step.finding != nullptr)
    for (const Value* input : node.inputs)
      if (input != nullptr && input->is_constant()) add_constant_on_device(input);
  if (device().is_apart() && step.finding == nullptr && LatePrograms::may_have(node) &&
      (planned.kind == hone::Step::Kind::size || (step.on_host && has_open_parameters(node))))
    step.late = std::make_shared<LatePrograms>(node);
  steps_.push_back(std::move(step));
}

void Program::add_run(Step& step, const Chosen& chosen, int at) {
  const Node& node = *step.node;
  fits(chosen.kernel != nullptr, "no kernel is chosen for ", describe(node));
  const Recipe& recipe = chosen.recipe;
  step.operands = region_operands(node);
  step.packed.assign(step.operands.size(), nullptr);
  for (const Packing& packing : recipe.packings) {
    step.packed[packing.input] = recipe.problem->weights[packing.input];
    if (packing.bytes >= 0) forms_.emplace_back(step.packed[packing.input]->hash(), packing.name);
  }
  step.on_host = chosen.kernel->on_host;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (step.packed[i] != nullptr) continue;
    const Value* operand = step.operands[i];
    add_constant(operand);
    if (operand->is_constant() && device().is_apart() && !step.on_host)
      add_constant_on_device(operand);
  }
  if (const auto found = scratch_.find(at); found != scratch_.end()) step.scratch = found->second;
  if (step.scratch < 0) step.late_scratch = recipe.scratch_bytes;
  add_overwritable(step, recipe);
}

void Program::add_constant_on_device(const Value* value) {
  if (!constants_on_device_.contains(value))
    constants_on_device_.emplace(value, preparation_.packs.upload(device(), *value->weight));
}

void Program::add_overwritable(const Step& step, const Recipe& recipe) {
  std::vector<const Value*> results;
  for (const Value* output : step.node->outputs)
    if (output != nullptr) results.push_back(output);
  std::vector<std::pair<size_t, size_t>> pairs = recipe.in_place;
  for (const size_t input : recipe.may_overwrite) pairs.emplace_back(input, 0);
  for (const auto& [input, result] : pairs) {
    const Value* operand = step.operands[input];
    const auto reads = std::count(step.operands.begin(), step.operands.end(), operand);
    if (operand->is_input() && operand->first_output < 0 && operand->users.size() == 1 &&
        reads == 1 && result < results.size())
      over_inputs_.emplace(results[result], operand);
  }
}

std::vector<PackedForm> Program::packed_forms() const {
  std::set<std::pair<Hash, std::string>> seen;
  std::vector<PackedForm> forms;
  collect_forms(seen, forms);
  return forms;
}

void Program::collect_forms(std::set<std::pair<Hash, std::string>>& seen,
                            std::vector<PackedForm>& forms) const {
  for (const auto& [weight, form] : forms_) {
    if (!seen.emplace(weight, form).second) continue;
    if (auto contents = preparation_.packs.find(device(), weight, form)) {
      const Hash hash = hash_bytes(contents->bytes());
      forms.push_back({weight, form, hash, *std::move(contents)});
    }
  }
  for (const Step& step : steps_)
    for (const auto& body : step.bodies) body->collect_forms(seen, forms);
}

std::vector<MachineCode> Program::code() const {
  std::map<Hash, std::string> all;
  collect_code(all);
  std::vector<MachineCode> code;
  for (auto& [source, image] : all) code.push_back({source, std::move(image)});
  return code;
}

void Program::collect_code(std::map<Hash, std::string>& code) const {
  for (const Step& step : steps_) {
    if (step.prepared != nullptr && !step.on_host)
      for (MachineCode& each : device().code(*step.prepared))
        code.emplace(each.source, std::move(each.image));
    if (step.finding != nullptr)
      for (MachineCode& each : step.finding->code())
        code.emplace(each.source, std::move(each.image));
    for (const auto& body : step.bodies) body->collect_code(code);
  }
}

std::vector<const Value*> Program::live(size_t first) const {
  return live_before(first == 0 ? *stated_ : *graph_, node_at(first));
}

const Node* Program::node_at(size_t first) const {
  if (first == 0) return stated_->nodes().empty() ? nullptr : &stated_->nodes().front();
  return first < steps_.size() ? steps_[first].node : nullptr;
}

std::shared_ptr<const Program> Program::find_rest(const std::string& key) const {
  const auto found =
      std::find_if(rests_.begin(), rests_.end(), [&](const Rest& rest) { return rest.key == key; });
  if (found == rests_.end()) return nullptr;
  rests_.splice(rests_.begin(), rests_, found);
  return rests_.front().program;
}

std::shared_ptr<const Program> Program::rest(size_t first, const std::vector<Type>& types,
                                             const Bindings& symbols) const {
  std::string key = cat(first, " ", join(types, " "));
  for (const auto& [name, size] : symbols) key += cat(" ", name, "=", size);
  {
    const std::lock_guard lock(mutex_);
    if (auto found = find_rest(key)) return found;
  }
  // Outside the lock, for others run meanwhile: two threads may do the same once, the first
  // result stays.
  const std::vector<const Value*> inputs = live(first);
  Compiled compiled =
      compile({first == 0 ? *stated_ : *graph_, node_at(first), inputs, types, symbols, known_},
              device(), preparation_.compile);
  log(Level::detail, "a program for sizes ", join(types, ", "), " was made");
  KnownInputs known;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (auto weight = known_weight(*inputs[i], known_))
      known.emplace(compiled.typed->inputs()[i], std::move(weight));
  auto program = make(std::move(compiled.typed), std::move(compiled.plan), compiled.chosen,
                      preparation_, nullptr, nullptr, std::move(known));
  const std::lock_guard lock(mutex_);
  if (auto found = find_rest(key)) return found;
  rests_.push_front({std::move(key), std::move(program)});
  if (rests_.size() > preparation_.specialized) rests_.pop_back();
  return rests_.front().program;
}

}  // namespace hone
