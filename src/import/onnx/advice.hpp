#pragma once
// What to say of an operator that Hone cannot import.

#include "import/onnx/node_reader.hpp"
#include "import/report.hpp"

namespace hone::onnx {

/// Fills what, suggestion and code of the problem from its domain, op and version.
void advise(ModelProblem& problem, const Importers& importers);

}  // namespace hone::onnx
