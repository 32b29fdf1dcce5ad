#include "ops/arithmetic.hpp"

#include "import/onnx/plain.hpp"

namespace hone::onnx {
namespace {

void import_mod(NodeReader& node) {
  Mod op;
  op.fmod = node.flag("fmod", false);
  node.emit(op, node.all_inputs());
}

}  // namespace

// Before opset 7 broadcasting was an attribute.
void register_arithmetic(Importers& importers) {
  add_plain<Add>(importers, 7), add_plain<Sub>(importers, 7);
  add_plain<Mul>(importers, 7), add_plain<Div>(importers, 7);
  add_plain<Pow>(importers, 7), add_plain<PRelu>(importers, 7);
  add_plain<Max>(importers), add_plain<Min>(importers);
  add_plain<Sum>(importers), add_plain<Mean>(importers);
  importers.add("Mod", import_mod);
}

}  // namespace hone::onnx
