#include "import/onnx/node_reader.hpp"
#include "ir/structural.hpp"

namespace hone::onnx {
namespace {

void import_if(NodeReader& node) {
  Bodies read = node.bodies({"then_branch", "else_branch"});
  std::vector<Value*> inputs{node.required(0)};
  inputs.insert(inputs.end(), read.captures.begin(), read.captures.end());
  node.emit_all(If{.then_branch = read.bodies[0], .else_branch = read.bodies[1]}, inputs);
}

}  // namespace

void register_control(Importers& importers) { importers.add("If", import_if); }

}  // namespace hone::onnx
