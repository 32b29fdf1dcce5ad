#include "device/kernel.hpp"

namespace hone {

std::string tuning_text(const Tuning& tuning) {
  std::string text;
  for (const auto& [key, value] : tuning) text += cat(text.empty() ? "" : ",", key, "=", value);
  return text;
}

Verdict Kernel::accepts(const Problem& problem) const {
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
