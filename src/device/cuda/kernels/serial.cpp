// Ops that work along lines one element after the other: running sums, scatters, the first of the
// largest; and bits taken for others.

#include <algorithm>

#include "base/text.hpp"
#include "device/cuda/emit/serial_text.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace serial_kernel {
namespace {

using emitter::serial_text_of;
using emitter::SerialText;

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (capability_of(*problem.target) == 0) return Verdict::no("the target is no GPU");
  if (node == nullptr) return Verdict::no("runs single ops");
  for (const Value* input : node->inputs)
    if (input == nullptr || !input->type.is_tensor() || !input->type.tensor().has_rank() ||
        (input->is_constant() && input->is_literal()))
      return Verdict::no("an operand is no tensor in memory");
  const SerialText text = serial_text_of(*node);
  return text.declined.empty() ? Verdict() : Verdict::no(text.declined);
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  constexpr double kStep = 3e-8, kThreads = 132 * 2048;
  const SerialText written = serial_text_of(*problem->region.single());
  Recipe made;
  made.tuning = tuning;
  const Target& target = *problem->target;
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(*problem, dim));
  };
  for (const SerialText::Function& each : written.functions)
    made.seconds += target.launch_seconds + kStep * size(each.steps) +
                    8 * size(each.turns) * size(each.steps) / target.bytes_per_second +
                    kStep * size(each.steps) * size(each.turns) / kThreads;
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  std::vector<Dim> turns;  // by function
  std::vector<Parameter> parameters;
  std::vector<std::string> symbols;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  constexpr int64_t kThreads = 256, kMostBlocks = 132 * 16;
  const Module& module = modules->at(operands.symbols);
  std::vector<Launching> launches;
  for (size_t i = 0; i < turns.size(); ++i) {
    const auto count = turns[i].evaluate(operands.symbols);
    check(count.has_value(), Code::internal, "a size ", turns[i], " is not known");
    if (*count <= 0) continue;
    launches.emplace_back(module.function(cat("k", i)), static_cast<int>(kThreads), 0);
    launches.back().set_grid(std::min(kMostBlocks, (*count + kThreads - 1) / kThreads));
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches), symbols,
                                    operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Node& node = *recipe.problem->region.single();
  const SerialText written = serial_text_of(node);
  check(written.declined.empty(), Code::internal, "an op is refused now: ", written.declined);
  auto ready = std::make_shared<Ready>();
  for (const SerialText::Function& each : written.functions) ready->turns.push_back(each.turns);
  ready->symbols = written.symbols;
  const auto& inputs = recipe.problem->region.body->inputs();
  for (const Value* input : node.inputs) {
    const auto found = std::find(inputs.begin(), inputs.end(), input);
    check(found != inputs.end(), Code::internal, "an operand is none of the region's");
    ready->parameters.push_back({static_cast<int>(found - inputs.begin()), -1, nullptr});
  }
  ready->parameters.push_back({-1, 0, nullptr});
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), written.text);
  return ready;
}

}  // namespace
}  // namespace serial_kernel

void register_serial(KernelRegistry& registry) {
  using namespace serial_kernel;
  registry.add({"cuda.serial", 1, supports, tunings, recipe, prepare});
}

}  // namespace hone::cuda
