#include "device/kernel.hpp"

#include "device/problem.hpp"

namespace hone {

Bindings symbols_of(const Graph& body, const Operands& operands) {
  Bindings symbols = operands.symbols;
  for (size_t i = 0; i < operands.inputs.size(); ++i)
    bind(body.inputs()[i]->type.tensor(), operands.inputs[i].shape, symbols);
  return symbols;
}

std::string tuning_text(const Tuning& tuning) {
  std::string text;
  for (const auto& [key, value] : tuning) text += cat(text.empty() ? "" : ",", key, "=", value);
  return text;
}

Verdict Kernel::accepts(const Problem& problem) const {
  if (on_host && !problem.fallback) return Verdict::no("runs on the host, which is not allowed");
  if (!several && problem.region.single() == nullptr)
    return Verdict::no("runs regions of one op only");
  for (const auto* layouts : {&problem.inputs, &problem.outputs})
    for (const OperandLayout& layout : *layouts) {
      if (!strided && !layout.strides.empty()) return Verdict::no("wants dense operands");
      if (layout.alignment % alignment != 0)
        return Verdict::no(
            cat("wants operands aligned to ", alignment, " bytes, one is to ", layout.alignment));
    }
  return supports(problem);
}

namespace {

/// Bytes of what is no constant; of open ranks: none are known.
double copied_bytes(const Problem& problem) {
  const Graph& body = *problem.region.body;
  double bytes = 0;
  const auto add = [&](const Value& value) {
    if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return;
    double count = 1;
    for (const Dim& dim : value.type.tensor().shape())
      count *= static_cast<double>(size_for_estimates(problem, dim));
    bytes += count * bits(value.type.tensor().dtype) / 8;
  };
  for (size_t i = 0; i < body.inputs().size(); ++i)
    if (i >= problem.weights.size() || problem.weights[i] == nullptr) add(*body.inputs()[i]);
  for (const GraphOutput& output : body.outputs()) add(*output.value);
  return bytes;
}

}  // namespace

Recipe Kernel::estimate(std::shared_ptr<const Problem> problem, const Tuning& tuning) const {
  const std::shared_ptr<const Target> target = problem->target;
  if (!on_host || target->host == nullptr) return recipe(std::move(problem), tuning);
  auto there = std::make_shared<Problem>(*problem);
  there->target = target->host;
  Recipe made = recipe(std::move(there), tuning);
  made.seconds += 2 * target->copy_seconds + copied_bytes(*problem) / target->copied_per_second;
  return made;
}

void KernelRegistry::add(const Kernel& kernel) {
  check(kernels_.emplace(kernel.name, kernel).second, Code::internal, "two kernels are called ",
        kernel.name);
}

const Kernel* KernelRegistry::find(std::string_view name) const {
  const auto found = kernels_.find(name);
  return found == kernels_.end() ? nullptr : &found->second;
}

std::vector<const Kernel*> KernelRegistry::all() const {
  std::vector<const Kernel*> kernels;
  for (const auto& [name, kernel] : kernels_) kernels.push_back(&kernel);
  return kernels;
}

}  // namespace hone
