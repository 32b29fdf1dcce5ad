#include "device/cpu/step.hpp"

#include <algorithm>

namespace hone::cpu {

double typical(const Dim& dim) {
  std::set<std::string, std::less<>> names;
  dim.collect_symbols(names);
  Bindings symbols;
  for (const std::string& name : names) symbols[name] = kTypicalSize;
  return static_cast<double>(dim.evaluate(symbols).value_or(kTypicalSize));
}

double typical_count(const Type& type) {
  double count = 1;
  for (const Dim& dim : type.tensor().shape()) count *= typical(dim);
  return count;
}

bool all_are(const Problem& problem, DType dtype) {
  const auto fits = [&](const Value* value) {
    return value->type.is_tensor() && value->type.tensor().has_rank() &&
           value->type.tensor().dtype == dtype;
  };
  const Graph& body = *problem.region.body;
  return std::all_of(body.inputs().begin(), body.inputs().end(), fits) &&
         std::all_of(body.outputs().begin(), body.outputs().end(),
                     [&](const GraphOutput& output) { return fits(output.value); });
}

int region_input(const Problem& problem, size_t operand) {
  const Value* value = problem.region.single()->input(operand);
  if (value == nullptr) return -2;
  const auto& inputs = problem.region.body->inputs();
  const auto found = std::find(inputs.begin(), inputs.end(), value);
  return found == inputs.end() ? -1 : static_cast<int>(found - inputs.begin());
}

}  // namespace hone::cpu
