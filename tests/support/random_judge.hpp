#pragma once
// Which nodes a random graph may have: those of which two right evaluations give nearly the same.

#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

/// What a node gives, and whether every right evaluation gives these very numbers.
struct Judged {
  std::vector<Tensor> results;
  bool exact = false;
};

/// Evaluates a node. `exact`: the operands are. Error(unsupported): its results are too large, not
/// numbers, or a rounding error would make others of them; an error of the evaluation: as it comes.
Judged judge(const Node& node, const std::vector<const Tensor*>& operands, bool exact,
             const Bindings& symbols);

}  // namespace hone::test
