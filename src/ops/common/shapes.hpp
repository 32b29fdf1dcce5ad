#pragma once
// What type rules of several families need: parameters, axes and products of dims.

#include <algorithm>
#include <optional>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// How many numbers a parameter has; nullopt: not known. An operand that is no vector fails.
std::optional<int64_t> parameter_length(const Inference& c, const std::optional<Dims>& field,
                                        int operand);

/// The parameter's numbers, when each is a number; nullopt: not given or not known.
std::optional<std::vector<int64_t>> constant_parameter(const Inference& c,
                                                       const std::optional<Dims>& field,
                                                       int operand);

/// The number of a parameter that is a scalar (a vector of one element passes); nullopt: not given
/// or not known.
std::optional<Dim> scalar_parameter(const Inference& c, const std::optional<Dims>& field,
                                    int operand);
/// The same of concrete operands; `otherwise` when it is not given.
int64_t scalar_parameter(const Evaluation& c, const std::optional<Dims>& field, int operand,
                         int64_t otherwise);

/// Numbers of dims that are all numbers.
std::optional<std::vector<int64_t>> constants(const Dims& dims);

/// `axes` made nonnegative, in their order; one out of range or given twice fails. `c`: an
/// Inference or an Evaluation.
template <class Context>
std::vector<int> normalized_axes(const Context& c, const std::vector<int64_t>& axes, int rank) {
  std::vector<int> result;
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (const int64_t each : axes) {
    const int axis = c.axis(each, rank);
    c.check(!seen[static_cast<size_t>(axis)], "axis ", each, " is given twice");
    seen[static_cast<size_t>(axis)] = true;
    result.push_back(axis);
  }
  return result;
}

/// 0, 1, ... rank - 1.
std::vector<int64_t> all_axes(int rank);

}  // namespace hone
