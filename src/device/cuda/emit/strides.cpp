#include "device/cuda/emit/strides.hpp"

#include "ir/graph.hpp"

namespace hone::cuda::emitter {

Strides strides_of(const Problem& problem) {
  const Graph& body = *problem.region.body;
  Strides strides;
  for (size_t i = 0; i < problem.inputs.size(); ++i)
    if (!problem.inputs[i].strides.empty())
      strides.emplace(body.inputs()[i], problem.inputs[i].strides);
  for (size_t i = 0; i < problem.outputs.size(); ++i)
    if (!problem.outputs[i].strides.empty())
      strides.emplace(body.outputs()[i].value, problem.outputs[i].strides);
  return strides;
}

std::set<const Value*> loose_values(const Problem& problem) {
  constexpr int64_t kWanted = 16;
  const Graph& body = *problem.region.body;
  std::set<const Value*> loose;
  const auto is_loose = [](const std::vector<OperandLayout>& layouts, size_t i) {
    return i >= layouts.size() || layouts[i].alignment % kWanted != 0;
  };
  for (size_t i = 0; i < body.inputs().size(); ++i)
    if (problem.weights[i] == nullptr && is_loose(problem.inputs, i))
      loose.insert(body.inputs()[i]);
  for (size_t i = 0; i < body.outputs().size(); ++i)
    if (is_loose(problem.outputs, i)) loose.insert(body.outputs()[i].value);
  return loose;
}

Dims strides_of(const Value* value, const Dims& shape, const Strides& strides) {
  if (const auto found = strides.find(value); found != strides.end()) return found->second;
  Dims dense(shape.size());
  Dim stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    dense[axis] = stride;
    stride = stride * shape[axis];
  }
  return dense;
}

int innermost(const Value* value, const Dims& shape, const Strides& strides) {
  const auto found = strides.find(value);
  if (found == strides.end()) return static_cast<int>(shape.size()) - 1;
  for (size_t axis = shape.size(); axis-- > 0;)
    if (found->second[axis].is(1) && !shape[axis].is(1)) return static_cast<int>(axis);
  return -1;
}

}  // namespace hone::cuda::emitter
