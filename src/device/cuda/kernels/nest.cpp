// Any region whose ops describe themselves as stages, as text made from a nest.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/emit/turned_weights.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace nest_kernel {
namespace {

struct Made {
  emitter::Scheduled scheduled;
  emitter::Emitted emitted;
  std::vector<size_t> turned;  // inputs whose constants are read with their depth innermost
  std::string declined;
};

Made made_of(const Problem& problem, const emitter::Strides& strides) {
  Made made;
  made.scheduled = emitter::schedule(*problem.region.body, strides);
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

/// How many threads fold together; 1: each alone.
int threads_of_group(const emitter::Emitted& emitted) {
  int most = 1;
  for (const emitter::Launch& launch : emitted.launches)
    most = std::max(most, launch.threads / launch.turns_a_block);
  return most;
}

/// Weights are turned where groups of threads fold them.
Made made_of(const Problem& problem) {
  const emitter::Strides strides = emitter::strides_of(problem);
  const std::vector<size_t> turned = emitter::weights_to_turn(problem);
  if (!turned.empty()) {
    emitter::Strides with = strides;
    for (const size_t i : turned) {
      const Value* weight = problem.region.body->inputs()[i];
      with.emplace(weight, emitter::turned_strides(*weight));
    }
    Made made = made_of(problem, with);
    made.turned = turned;
    if (made.declined.empty() && threads_of_group(made.emitted) > 1) return made;
  }
  return made_of(problem, strides);
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

double size_of(const Problem& problem, const Dims& dims) {
  double count = 1;
  for (const Dim& dim : dims) count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

/// Elements that a stage folds for each of its results.
double folded_of(const Problem& problem, const Stage& stage) {
  double count = 0;
  visit(stage.expr, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::reduce) return;
    Dims extents;
    for (const Axis& axis : expr.axes()) extents.push_back(axis.extent);
    count += size_of(problem, extents);
  });
  return count;
}

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

/// What products take that groups of threads fold, each of which reads both factors anew: by
/// instructions of a warp, fitted to times of EfficientNet's and DenseNet's on an H200 (within
/// twice as much and half of it).
double seconds_of_products(const Problem& problem, const Stage& stage, int threads) {
  constexpr double kInstructionsPerSecond = 132 * 4 * 1.7e9;  // of warps
  constexpr double kOfEight = 40, kOfEightComputed = 600, kBesides = 60;
  const double warps = size_of(problem, stage.extents) * threads / 32;
  const double turns = std::ceil(folded_of(problem, stage) / (8.0 * threads));
  const double each = computes_factors(stage) ? kOfEightComputed : kOfEight;
  return warps * (turns * each + kBesides) / kInstructionsPerSecond;
}

/// What is folded takes of the processors. `bytes_seconds`: memory takes meanwhile.
double folding_seconds(const Problem& problem, const emitter::Emitted& emitted,
                       double bytes_seconds) {
  constexpr double kShare = 0.04;  // of the peak, that a thread reaches alone
  constexpr double kShareOfGroups = 0.1;
  const int threads = threads_of_group(emitted);
  double seconds = 0, products = 0;
  for (const auto& stage : stages_of(*problem.region.body).list) {
    const double count = folded_of(problem, *stage) * size_of(problem, stage->extents);
    if (threads > 1 && stage->kind() == Stage::Kind::contract)
      products += seconds_of_products(problem, *stage, threads);
    else
      seconds +=
          2 * count / ((threads > 1 ? kShareOfGroups : kShare) * problem.target->flops_per_second);
  }
  return seconds + std::max(products, bytes_seconds);
}

/// Bytes of the input that are read: of a table, rows at most, as often as they are asked for.
double bytes_read(const Problem& problem, const Value& input) {
  double elements = 0;
  for (const auto& stage : stages_of(*problem.region.body).list) {
    const double results =
        size_of(problem, stage->extents) * std::max(1.0, folded_of(problem, *stage));
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::load) return;
      const auto* value = std::get_if<const Value*>(&expr.source());
      if (value != nullptr && *value == &input) elements += results;
    });
  }
  return std::min(bytes_of(problem, input), elements * bits(input.type.tensor().dtype) / 8);
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

Tensor pack(const Problem&, const Tuning&, const Tensor& weight) { return emitter::turned(weight); }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  constexpr double kElementSeconds = 1e-7;  // of one that waits for memory
  Recipe made;
  made.tuning = tuning;
  const Made code = made_of(*problem);
  made.scratch_bytes = code.emitted.scratch_bytes;
  const Target& target = *problem->target;
  const bool in_groups = threads_of_group(code.emitted) > 1;
  double bytes = 0;
  for (const Value* input : problem->region.body->inputs()) bytes += bytes_read(*problem, *input);
  for (const GraphOutput& output : problem->region.body->outputs())
    bytes += bytes_of(*problem, *output.value);
  made.seconds = static_cast<double>(code.emitted.launches.size()) * target.launch_seconds +
                 folding_seconds(*problem, code.emitted, bytes / target.bytes_per_second) +
                 kElementSeconds * longest_fold(*problem) / (in_groups ? 128 : 1);
  made.may_overwrite = overwritable(*problem, code);
  for (const size_t input : code.turned) {
    const auto bytes =
        static_cast<int64_t>(bytes_of(*problem, *problem->region.body->inputs()[input]));
    made.packings.push_back({input, "depth innermost", pack, bytes});
  }
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  emitter::Emitted emitted;
  std::vector<Parameter> parameters;
  std::vector<Buffer> packed;
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

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const Graph& body = *recipe.problem->region.body;
  Made made = made_of(*recipe.problem);
  check(made.declined.empty(), Code::internal, "a region is refused now: ", made.declined);
  auto ready = std::make_shared<Ready>();
  ready->emitted = std::move(made.emitted);
  for (const Tensor& each : packed) ready->packed.push_back(uploaded(each, device));
  for (const Value* operand : made.scheduled.operands) {
    if (operand->is_constant()) continue;
    Parameter parameter;
    const auto& inputs = body.inputs();
    const auto input = std::find(inputs.begin(), inputs.end(), operand);
    if (input != inputs.end()) parameter.input = static_cast<int>(input - inputs.begin());
    for (size_t i = 0; parameter.input < 0 && i < body.outputs().size(); ++i)
      if (body.outputs()[i].value == operand) parameter.output = static_cast<int>(i);
    for (size_t p = 0; p < recipe.packings.size(); ++p)
      if (static_cast<int>(recipe.packings[p].input) == parameter.input)
        parameter.fixed = ready->packed[p].data;
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
