#include "import/onnx/node_reader.hpp"
#include "ir/structural.hpp"

namespace hone::onnx {
namespace {

void import_if(NodeReader& node) {
  if (const auto condition = node.known_scalar(0)) {
    // The other branch need not even be well typed: exporters squeeze there what is not 1.
    const std::string_view taken = *condition != 0 ? "then_branch" : "else_branch";
    node.ignore(*condition != 0 ? "else_branch" : "then_branch");
    const std::vector<Value*> results = node.inline_body(taken);
    node.check(static_cast<int>(results.size()) == node.outputs(), taken, " gives ", results.size(),
               " results, wanted ", node.outputs());
    for (int i = 0; i < node.outputs(); ++i) node.give(i, results[static_cast<size_t>(i)]);
    return;
  }
  Bodies read = node.bodies({"then_branch", "else_branch"});
  std::vector<Value*> inputs{node.required(0)};
  inputs.insert(inputs.end(), read.captures.begin(), read.captures.end());
  node.emit_all(If{.then_branch = read.bodies[0], .else_branch = read.bodies[1]}, inputs);
}

}  // namespace

void register_control(Importers& importers) { importers.add("If", import_if); }

}  // namespace hone::onnx
