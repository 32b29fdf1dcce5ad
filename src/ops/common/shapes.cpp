#include "ops/common/shapes.hpp"

#include <numeric>

namespace hone {

std::optional<int64_t> parameter_length(const Inference& c, const std::optional<Dims>& field,
                                        int operand) {
  if (field) return static_cast<int64_t>(field->size());
  if (!c.has(operand)) return std::nullopt;
  const TensorType& type = c.tensor(operand);
  if (!type.has_rank()) return std::nullopt;
  c.check(type.rank() <= 1, "operand ", operand, " is ", type, ", wanted a vector");
  return type.rank() == 0 ? 1 : type.shape()[0].constant();
}

std::optional<std::vector<int64_t>> constant_parameter(const Inference& c,
                                                       const std::optional<Dims>& field,
                                                       int operand) {
  if (const Dims* known = c.parameter(field, operand)) return constants(*known);
  // A constant longer than what is kept as known contents.
  const Tensor* tensor = c.constant(operand);
  if (tensor == nullptr || tensor->dtype() == DType::string) return std::nullopt;
  return tensor->integers();
}

std::optional<Dim> scalar_parameter(const Inference& c, const std::optional<Dims>& field,
                                    int operand) {
  const auto length = parameter_length(c, field, operand);
  c.check(!length || *length == 1, "operand ", operand, " has ", length.value_or(0),
          " elements, wanted 1");
  const Dims* known = c.parameter(field, operand);
  if (known == nullptr) return std::nullopt;
  c.check(known->size() == 1, "operand ", operand, " has ", known->size(), " elements, wanted 1");
  return known->front();
}

int64_t scalar_parameter(const Evaluation& c, const std::optional<Dims>& field, int operand,
                         int64_t otherwise) {
  const std::vector<int64_t> numbers = c.parameter(field, operand, {otherwise});
  c.check(numbers.size() == 1, "operand ", operand, " has ", numbers.size(), " elements, wanted 1");
  return numbers.front();
}

std::optional<std::vector<int64_t>> constants(const Dims& dims) {
  std::vector<int64_t> result;
  for (const Dim& dim : dims) {
    if (!dim.is_constant()) return std::nullopt;
    result.push_back(*dim.constant());
  }
  return result;
}

std::vector<int64_t> all_axes(int rank) {
  std::vector<int64_t> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace hone
