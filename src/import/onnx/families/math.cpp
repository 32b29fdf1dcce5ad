#include "ops/math.hpp"

#include "import/onnx/plain.hpp"

namespace hone::onnx {
namespace {

void import_is_inf(NodeReader& node) {
  IsInf op;
  op.detect_negative = node.flag("detect_negative", true);
  op.detect_positive = node.flag("detect_positive", true);
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_math(Importers& importers) {
  add_plain<Abs>(importers), add_plain<Neg>(importers), add_plain<Sign>(importers);
  add_plain<Exp>(importers), add_plain<Log>(importers), add_plain<Sqrt>(importers);
  add_plain<Reciprocal>(importers), add_plain<Erf>(importers);
  add_plain<Floor>(importers), add_plain<Ceil>(importers), add_plain<Round>(importers);
  add_plain<Sin>(importers), add_plain<Cos>(importers), add_plain<Tan>(importers);
  add_plain<Asin>(importers), add_plain<Acos>(importers), add_plain<Atan>(importers);
  add_plain<Sinh>(importers), add_plain<Cosh>(importers), add_plain<Tanh>(importers);
  add_plain<Asinh>(importers), add_plain<Acosh>(importers), add_plain<Atanh>(importers);
  add_plain<IsNaN>(importers);
  importers.add("IsInf", import_is_inf);
}

}  // namespace hone::onnx
