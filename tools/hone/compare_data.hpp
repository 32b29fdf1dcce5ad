#pragma once
// `hone compare --data`.

#include "inputs.hpp"

namespace hone::cli {

struct DataOptions {
  InputOptions inputs;
  double tolerance = 1e-3;
  bool reference = false;  // the second graph node after node, by reference evaluation

  void declare(Arguments& arguments);
};

/// Both graphs on the same inputs, value after value. What was found; `differs`: whether an
/// output is farther apart than the tolerance.
std::string compare_data(const Graph& first, const Graph& second, const ModelOptions& model,
                         const DataOptions& options, bool& differs);

}  // namespace hone::cli
