// Any region whose ops describe themselves as stages, as text made from a nest.

#include <algorithm>

#include "base/size.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace nest_kernel {
namespace {

struct Made {
  emitter::Scheduled scheduled;
  emitter::Emitted emitted;
  std::string declined;
};

Made made_of(const Problem& problem) {
  Made made;
  made.scheduled = emitter::schedule(*problem.region.body, emitter::strides_of(problem));
  made.declined = made.scheduled.declined;
  if (!made.declined.empty()) return made;
  std::vector<Tensor> contents;
  std::vector<bool> aligned;
  const auto loose = emitter::loose_values(problem);
  for (const Value* operand : made.scheduled.operands) {
    contents.push_back(operand->is_constant() ? operand->weight->tensor() : Tensor());
    aligned.push_back(!loose.contains(operand));
  }
  made.emitted = emitter::emit(made.scheduled.nest, contents, made.scheduled.lanes, aligned);
  made.declined = made.emitted.declined;
  return made;
}

/// Elements of the longest sum of products.
int64_t products_of(const Stages& stages) {
  int64_t longest = 0;
  for (const auto& stage : stages.list) {
    if (stage->kind() != Stage::Kind::contract) continue;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::reduce) return;
      Dim all = 1;
      for (const Axis& axis : expr.axes()) all = all * axis.extent;
      longest = std::max(longest, all.constant().value_or(1 << 10));
    });
  }
  return longest;
}

/// Of several nodes: those before one with long sums of products that is not one product with what
/// follows it, before the second one that slides, or before one that folds what a product gave: it
/// would have a function of its own even so, and read that as it does not lie.
Verdict refusal_of(const Graph& body) {
  constexpr int64_t kLong = 32;
  bool slides = false, multiplied = false;
  const Value* before = nullptr;
  size_t count = 0;
  for (const Node& node : body.nodes()) {
    const Stages stages = stages_of(node);
    const bool slides_here =
        std::any_of(stages.list.begin(), stages.list.end(),
                    [](const auto& stage) { return stage->kind() == Stage::Kind::window; });
    const bool multiplies =
        products_of(stages) >= kLong && !emitter::contraction_of(body).declined.empty();
    const bool folds = std::any_of(stages.list.begin(), stages.list.end(), [](const auto& stage) {
      return stage->kind() == Stage::Kind::reduce;
    });
    if (multiplies || (slides && slides_here) || (multiplied && folds)) {
      const std::string why = multiplies            ? "it sums products"
                              : multiplied && folds ? "it folds what a product gives"
                                                    : "it slides twice";
      return count < 2 ? Verdict::no(why) : Verdict::yes_up_to(before->name, why);
    }
    slides |= slides_here;
    multiplied |= products_of(stages) > 0;
    before = node.output();
    ++count;
  }
  return {};
}

Verdict supports(const Problem& problem) {
  if (problem.region.single() == nullptr)
    if (Verdict refused = refusal_of(*problem.region.body); !refused.yes) return refused;
  const Made made = made_of(problem);
  return made.declined.empty() ? Verdict() : Verdict::no(made.declined);
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

double bytes_of(const Problem& problem, const Value& value) {
  double count = bits(value.type.tensor().dtype) / 8.0;
  for (const Dim& dim : value.type.tensor().shape())
    count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

/// Elements that are folded for all results.
struct Folded {
  double products = 0;  // of them, those that are multiplied as they are read
  double computed = 0;  // those of which a factor is computed while it is read
  double others = 0;
};

/// It multiplies what the region makes.
bool computes_factors(const Stage& stage) {
  bool found = false;
  visit(stage.expr, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::load) return;
    const auto* value = std::get_if<const Value*>(&expr.source());
    found |= value == nullptr || (*value)->producer != nullptr;
  });
  return found;
}

Folded folded_elements(const Problem& problem) {
  Folded all;
  for (const auto& stage : stages_of(*problem.region.body).list) {
    double count = 0;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::reduce) return;
      double each = 1;
      for (const Axis& axis : expr.axes())
        each *= static_cast<double>(size_for_estimates(problem, axis.extent));
      count += each;
    });
    for (const Dim& extent : stage->extents)
      count *= static_cast<double>(size_for_estimates(problem, extent));
    if (stage->kind() != Stage::Kind::contract) all.others += count;
    else (computes_factors(*stage) ? all.computed : all.products) += count;
  }
  return all;
}

/// Elements that one thread folds, one after the other, of a product: others are folded by groups.
double longest_fold(const Problem& problem) {
  double longest = 0;
  for (const auto& stage : stages_of(*problem.region.body).list) {
    if (stage->kind() != Stage::Kind::contract) continue;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::reduce) return;
      double each = 1;
      for (const Axis& axis : expr.axes())
        each *= static_cast<double>(size_for_estimates(problem, axis.extent));
      longest = std::max(longest, each);
    });
  }
  return longest;
}

/// Groups of threads fold together.
bool folds_in_groups(const emitter::Emitted& emitted) {
  return std::ranges::any_of(emitted.launches, [](const emitter::Launch& launch) {
    return launch.turns_a_block < launch.threads;
  });
}

/// Inputs that are read where the first result is written, element by element, and nowhere else.
std::vector<size_t> overwritable(const Problem& problem, const Made& made) {
  const Graph& body = *problem.region.body;
  std::vector<size_t> all;
  if (made.emitted.launches.size() != 1 || body.outputs().size() != 1) return all;
  const Stages stages = stages_of(body);
  const emitter::Strides strides = emitter::strides_of(problem);
  const Value* result = body.outputs().front().value;
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    const Value* input = body.inputs()[i];
    if (problem.weights[i] != nullptr || !(input->type == result->type)) continue;
    if (strides.contains(input) != strides.contains(result)) continue;
    // Every op works element by element on operands of one shape: no other element is read.
    bool good = true;
    for (const auto& stage : stages.list) {
      good &= stage->kind() == Stage::Kind::map && stage->extents == result->type.tensor().shape();
      visit(stage->expr, [&](const Expr& expr) {
        if (expr.kind() != Expr::Kind::load) return;
        const auto* value = std::get_if<const Value*>(&expr.source());
        if (value != nullptr && (*value)->is_constant()) return;
        if (value != nullptr && *value != input && (*value)->producer == nullptr) return;
        for (size_t axis = 0; axis < expr.operands().size(); ++axis)
          good &= expr.operands()[axis].is_loop(static_cast<int>(axis));
      });
    }
    if (good) all.push_back(i);
  }
  return all;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  // What a thread that folds alone reaches of the peak, and groups of threads do. Of products they
  // read both factors anew for each result: 1.6 to 3.8 TFLOP/s on an H200, and 0.4 to 0.7 where a
  // batch norm is computed for each of them.
  constexpr double kShare = 0.04, kShareOfGroups = 0.1, kShareOfProducts = 0.03,
                   kShareOfComputed = 0.0075;
  constexpr double kElementSeconds = 1e-7;  // of one that waits for memory
  Recipe made;
  made.tuning = tuning;
  const Made code = made_of(*problem);
  made.scratch_bytes = code.emitted.scratch_bytes;
  const Target& target = *problem->target;
  const bool in_groups = folds_in_groups(code.emitted);
  const Folded folded = folded_elements(*problem);
  double bytes = 0;
  for (const Value* input : problem->region.body->inputs()) bytes += bytes_of(*problem, *input);
  for (const GraphOutput& output : problem->region.body->outputs())
    bytes += bytes_of(*problem, *output.value);
  made.seconds = static_cast<double>(code.emitted.launches.size()) * target.launch_seconds +
                 bytes / target.bytes_per_second +
                 2 *
                     (folded.products / (in_groups ? kShareOfProducts : kShare) +
                      folded.computed / (in_groups ? kShareOfComputed : kShare) +
                      folded.others / (in_groups ? kShareOfGroups : kShare)) /
                     target.flops_per_second +
                 kElementSeconds * longest_fold(*problem) / (in_groups ? 128 : 1);
  made.may_overwrite = overwritable(*problem, code);
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  emitter::Emitted emitted;
  std::vector<Parameter> parameters;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  constexpr int64_t kMostBlocks = 132 * 16;  // resident at once, about; then turns follow turns
  const Module& module = modules->at(operands.symbols);
  std::vector<Launching> launches;
  for (const emitter::Launch& launch : emitted.launches) {
    const int64_t turns = known_size(launch.turns, operands.symbols);
    if (turns <= 0) continue;
    launches.emplace_back(module.function(launch.function), launch.threads, 0);
    launches.back().set_grid(
        std::min(kMostBlocks, (turns + launch.turns_a_block - 1) / launch.turns_a_block));
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches),
                                    emitted.symbols, operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Graph& body = *recipe.problem->region.body;
  Made made = made_of(*recipe.problem);
  check(made.declined.empty(), Code::internal, "a region is refused now: ", made.declined);
  auto ready = std::make_shared<Ready>();
  ready->emitted = std::move(made.emitted);
  for (const Value* operand : made.scheduled.operands) {
    if (operand->is_constant()) continue;
    Parameter parameter;
    const auto& inputs = body.inputs();
    const auto input = std::find(inputs.begin(), inputs.end(), operand);
    if (input != inputs.end()) parameter.input = static_cast<int>(input - inputs.begin());
    for (size_t i = 0; parameter.input < 0 && i < body.outputs().size(); ++i)
      if (body.outputs()[i].value == operand) parameter.output = static_cast<int>(i);
    ready->parameters.push_back(parameter);
  }
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->emitted.text);
  return ready;
}

}  // namespace
}  // namespace nest_kernel

void register_nest(KernelRegistry& registry) {
  using namespace nest_kernel;
  Kernel kernel{"cuda.nest", 1, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
