#include "ops/logic.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/legacy.hpp"
#include "import/onnx/plain.hpp"

namespace hone::onnx {
namespace {

void import_bit_shift(NodeReader& node) {
  node.check(node.has("direction"), "attribute direction is missing");
  BitShift op;
  op.direction = read_enum(node, "direction", BitShift::kDirections, op.direction);
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_logic(Importers& importers) {
  add_broadcasting<And>(importers), add_broadcasting<Or>(importers);
  add_broadcasting<Xor>(importers);
  add_plain<Not>(importers);
  add_plain<BitwiseAnd>(importers), add_plain<BitwiseOr>(importers);
  add_plain<BitwiseXor>(importers), add_plain<BitwiseNot>(importers);
  importers.add("BitShift", import_bit_shift);
}

}  // namespace hone::onnx
