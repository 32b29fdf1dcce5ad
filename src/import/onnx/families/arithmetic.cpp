#include "ops/arithmetic.hpp"

#include "import/onnx/legacy.hpp"
#include "import/onnx/plain.hpp"

namespace hone::onnx {
namespace {

/// Before opset 28 floats need fmod.
void import_mod(NodeReader& node) {
  Mod op;
  op.fmod = node.flag("fmod", false);
  const auto dtype = node.dtype_in(0);
  if (node.opset() < 28 && !op.fmod && dtype && is_float(*dtype))
    node.invalid("operands are ", *dtype, ", wanted integers, or fmod=1");
  node.emit(op, node.all_inputs());
}

/// Before opset 7 a slope of one axis belongs to the channels.
void import_prelu(NodeReader& node) {
  std::vector<Value*> operands = node.all_inputs();
  if (node.opset() < 7 && node.rank(1) == 1 && !node.input(1)->type.tensor().shape().front().is(1))
    operands[1] = aligned_operand(node, 1);
  node.emit(PRelu{}, std::move(operands));
}

}  // namespace

void register_arithmetic(Importers& importers) {
  add_broadcasting<Add>(importers), add_broadcasting<Sub>(importers);
  add_broadcasting<Mul>(importers), add_broadcasting<Div>(importers);
  add_broadcasting<Pow>(importers);
  add_plain<Max>(importers), add_plain<Min>(importers);
  add_plain<Sum>(importers), add_plain<Mean>(importers);
  importers.add("PRelu", import_prelu);
  importers.add("Mod", import_mod);
}

}  // namespace hone::onnx
