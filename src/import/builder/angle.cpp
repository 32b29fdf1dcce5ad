#include "import/builder/angle.hpp"

#include <numbers>

#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::builder {

Value* angle(NodeBuilder& node, Value* y, Value* x) {
  const DType type = y->type.tensor().dtype;
  const auto add = [&](Op op, std::vector<Value*> inputs, std::string_view hint) {
    return node.intermediate(std::move(op), std::move(inputs), hint);
  };
  const auto number = [&](double value, std::string_view hint) {
    return node.constant(Tensor::scalar(type, value), hint);
  };
  Value* zero = number(0, "zero");
  Value* below = add(Less{}, {y, zero}, "below");
  const auto signed_by_y = [&](double angle, std::string_view hint) {
    return add(Where{}, {below, number(-angle, cat("minus_", hint)), number(angle, hint)},
               cat("signed_", hint));
  };
  Value* base = add(Atan{}, {add(Div{}, {y, x}, "quotient")}, "base");
  Value* turned = add(Add{}, {base, signed_by_y(std::numbers::pi, "half_turn")}, "turned");
  Value* beside = add(Where{}, {add(Less{}, {x, zero}, "left"), turned, base}, "beside");
  // Where x is 0 the angle is a quarter, and 0 where both are.
  Value* none = add(Equal{}, {y, zero}, "on_axis");
  Value* upright =
      add(Where{}, {none, zero, signed_by_y(std::numbers::pi / 2, "quarter")}, "upright");
  return add(Where{}, {add(Equal{}, {x, zero}, "is_upright"), upright, beside}, "angle");
}

}  // namespace hone::builder
