#include "ops/cast.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/legacy.hpp"

namespace hone::onnx {
namespace {

Cast read_cast(NodeReader& node, DType to) {
  Cast op;
  op.to = to;
  op.saturate = node.flag("saturate", true);
  op.round_mode = read_enum(node, "round_mode", Cast::kRoundModes, op.round_mode);
  return op;
}

/// Before opset 6 the type is told by name.
void import_cast(NodeReader& node) {
  node.check(node.has("to"), "attribute to is missing");
  if (node.opset() < 6) {
    node.emit(Cast{.to = dtype_of_name(node, node.text("to", ""))}, {node.required(0)});
    return;
  }
  node.emit(read_cast(node, node.dtype("to", DType::f32)), {node.required(0)});
}

/// Types are known at import, so the operand that names one is not needed at run time.
void import_cast_like(NodeReader& node) {
  node.check(node.dtype_in(1).has_value(), "the element type of input 1 is not known");
  node.emit(read_cast(node, *node.dtype_in(1)), {node.required(0)});
}

void import_bit_cast(NodeReader& node) {
  node.check(node.has("to"), "attribute to is missing");
  BitCast op;
  op.to = node.dtype("to", DType::f32);
  node.emit(op, {node.required(0)});
}

}  // namespace

void register_cast(Importers& importers) {
  importers.add("Cast", import_cast);
  importers.add("CastLike", import_cast_like);
  importers.add("BitCast", import_bit_cast);
}

}  // namespace hone::onnx
