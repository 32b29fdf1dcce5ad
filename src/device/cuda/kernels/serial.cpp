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
    if (input != nullptr && (!input->type.is_tensor() || !input->type.tensor().has_rank()))
      return Verdict::no("an operand is no tensor in memory");
  const SerialText text = serial_text_of(*node);
  return text.declined.empty() ? Verdict() : Verdict::no(text.declined);
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  constexpr double kStep = 3e-8, kMultiprocessors = 132, kThreads = 2048;  // of each
  const SerialText written = serial_text_of(*problem->region.single());
  Recipe made;
  made.tuning = tuning;
  const Target& target = *problem->target;
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(*problem, dim));
  };
  for (const SerialText::Function& each : written.functions) {
    const double steps = size(each.steps), turns = size(each.turns);
    const double beside = kMultiprocessors * kThreads / each.threads * each.turns_a_block;
    const double bytes = each.turns_a_block > 1 ? 8 * turns * steps : 0;
    made.seconds += target.launch_seconds + bytes / target.bytes_per_second +
                    kStep * steps * (1 + turns / beside);
  }
  made.scratch_bytes = written.scratch_bytes;
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  SerialText written;
  std::vector<Parameter> parameters;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  constexpr int64_t kMostBlocks = 132 * 16;
  const Module& module = modules->at(operands.symbols);
  std::vector<Launching> launches;
  for (size_t i = 0; i < written.functions.size(); ++i) {
    const SerialText::Function& each = written.functions[i];
    const int64_t count = known_size(each.turns, operands.symbols);
    if (count <= 0) continue;
    launches.emplace_back(module.function(cat("k", i)), each.threads, 0);
    launches.back().set_grid(
        std::min(kMostBlocks, (count + each.turns_a_block - 1) / each.turns_a_block));
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches),
                                    written.symbols, operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Node& node = *recipe.problem->region.single();
  auto ready = std::make_shared<Ready>();
  ready->written = serial_text_of(node);
  check(ready->written.declined.empty(), Code::internal,
        "an op is refused now: ", ready->written.declined);
  for (const Value* input : node.inputs)
    if (input != nullptr && !input->is_literal())
      ready->parameters.push_back({input_of(*recipe.problem->region.body, input), -1, nullptr});
  int output = 0;
  for (const Value* each : node.outputs)
    if (each != nullptr) ready->parameters.push_back({-1, output++, nullptr});
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->written.text);
  return ready;
}

}  // namespace
}  // namespace serial_kernel

void register_serial(KernelRegistry& registry) {
  using namespace serial_kernel;
  registry.add({"cuda.serial", 1, supports, tunings, recipe, prepare});
}

}  // namespace hone::cuda
