#pragma once
// `hone compare --data`.

#include "build/side_by_side.hpp"
#include "inputs.hpp"

namespace hone::cli {

struct DataOptions {
  InputOptions inputs;
  double tolerance = 1e-3;
  bool reference = false;  // the second graph node after node, by reference evaluation

  void declare(Arguments& arguments);
};

/// One of the two, and what it is in words, for the report.
struct Operand : RunnableOperand {
  std::string what;
};

/// Both side by side on the same inputs. What was found; `differs`: whether an output is farther
/// apart than the tolerance. Error(accuracy) when they have other numbers of outputs.
std::string compare_data(const Operand& first, const Operand& second, const ModelOptions& model,
                         const DataOptions& options, bool& differs);

}  // namespace hone::cli
