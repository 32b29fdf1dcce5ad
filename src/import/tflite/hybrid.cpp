#include "import/tflite/hybrid.hpp"

#include <algorithm>

#include "import/builder/channels_last.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::tflite {
namespace {

/// Data as whole numbers of f32, of which sums of products are exact below 2^24, and what a step
/// is worth, for each sample.
struct InSteps {
  Value *steps, *scale;
};

/// Writes down how data of f32 is rounded.
class Rounding8 {
 public:
  Rounding8(OpReader& op, Value* x) : op_(op), x_(x) {
    for (int axis = 1; axis < x->type.tensor().rank(); ++axis) axes_.emplace_back(axis);
  }

  InSteps around_zero() {
    Value* most = add(
        Max{}, {add(Abs{}, {least()}, "from_least"), add(Abs{}, {most_of()}, "from_most")}, "most");
    Value* range = or_one(most, 127);
    Value* inverse = add(Div{}, {op_.scalar(127, "steps"), range}, "inverse");
    Value* scaled = add(Mul{}, {x_, inverse}, "scaled");
    return {clipped(nearest(scaled), -127), add(Div{}, {range, op_.scalar(127, "steps")}, "scale")};
  }

  InSteps anywhere() {
    Value* from = wide(add(Min{}, {least(), op_.scalar(0, "none")}, "from"));
    Value* to = wide(add(Max{}, {most_of(), op_.scalar(0, "none")}, "to"));
    Value* range = or_one(add(Sub{}, {to, from}, "range"), 255);
    Value* step = add(Div{}, {range, number(255)}, "step");
    Value* low = add(Div{}, {from, step}, "low");
    Value* high = add(Div{}, {to, step}, "high");
    Value* by_low = add(Sub{}, {number(-128), low}, "zero_by_low");
    Value* by_high = add(Sub{}, {number(127), high}, "zero_by_high");
    Value* closer = add(Less{},
                        {add(Add{}, {number(128), add(Abs{}, {low}, "below")}, "error_low"),
                         add(Add{}, {number(127), add(Abs{}, {high}, "above")}, "error_high")},
                        "low_is_closer");
    Value* zero = add(Where{}, {closer, by_low, by_high}, "zero");
    zero = add(Clip{}, {nearest(zero), number(-128), number(127)}, "whole_zero");
    zero = narrow(zero);
    Value* scale = narrow(step);
    Value* inverse = add(Div{}, {op_.scalar(1, "one"), scale}, "inverse");
    Value* scaled = add(Add{}, {zero, add(Mul{}, {x_, inverse}, "scaled")}, "from_zero");
    return {add(Sub{}, {clipped(nearest(scaled), -128), zero}, "steps_from_zero"), scale};
  }

 private:
  Value* add(Op made, std::vector<Value*> inputs, std::string_view name) {
    return op_.intermediate(std::move(made), std::move(inputs), name);
  }
  Value* number(double value) { return op_.constant(Tensor::scalar(DType::f64, value), "number"); }
  Value* wide(Value* x) { return add(Cast{.to = DType::f64}, {x}, "wide"); }
  Value* narrow(Value* x) { return add(Cast{.to = DType::f32}, {x}, "narrow"); }
  Value* least() { return add(ReduceMin{.axes = axes_, .keepdims = true}, {x_}, "least"); }
  Value* most_of() { return add(ReduceMax{.axes = axes_, .keepdims = true}, {x_}, "largest"); }
  /// A range of nothing becomes one of steps of 1.
  Value* or_one(Value* range, double steps) {
    const auto of_its_type = [&](double value) {
      return op_.constant(Tensor::scalar(range->type.tensor().dtype, value), "range");
    };
    Value* is_none = add(Equal{}, {range, of_its_type(0)}, "is_none");
    return add(Where{}, {is_none, of_its_type(steps), range}, "some_range");
  }
  /// Halves away from zero.
  Value* nearest(Value* x) {
    Value* half = op_.constant(Tensor::scalar(x->type.tensor().dtype, 0.5), "half");
    Value* up = add(Add{}, {add(Abs{}, {x}, "magnitude"), half}, "up");
    return add(Mul{}, {add(Sign{}, {x}, "sign"), add(Floor{}, {up}, "whole")}, "nearest");
  }
  Value* clipped(Value* x, double from) {
    return add(Clip{}, {x, op_.scalar(from, "first"), op_.scalar(127, "last")}, "clipped");
  }

  OpReader& op_;
  Value* x_;
  Dims axes_;
};

bool is_hybrid(OpReader& op, int data, int weights) {
  const Quantization& q = op.in(weights).quantization;
  const bool centred =
      std::all_of(q.zeros.begin(), q.zeros.end(), [](int64_t zero) { return zero == 0; });
  return op.reference_rounding() && op.dtype_in(data) == DType::f32 &&
         op.in(weights).dtype == DType::i8 && !q.scales.empty() && centred;
}

InSteps in_steps(OpReader& op, Value* x, Steps steps) {
  Rounding8 rounding(op, x);
  return steps == Steps::around_zero ? rounding.around_zero() : rounding.anywhere();
}

/// The weights as whole numbers of f32, their axes reordered.
Value* whole_weights(OpReader& op, const std::vector<int64_t>& perm) {
  Value* turned = op.intermediate(Transpose{.perm = perm}, {op.required(1)}, "weights");
  return op.intermediate(Cast{.to = DType::f32}, {turned}, "whole_weights");
}

/// Sums of products, results along the last axis: in the order of factors that the kernels have.
void give_sums(OpReader& op, Value* sums, Value* scale, int bias, const Dims& shape,
               Activation then) {
  const std::vector<float>& scales = op.in(1).quantization.scales;
  Tensor by(DType::f32, {static_cast<int64_t>(scales.size())});
  for (size_t i = 0; i < scales.size(); ++i) by.put(static_cast<int64_t>(i), scales[i]);
  Value* y = op.intermediate(Mul{}, {sums, op.constant(std::move(by), "weights_scale")}, "scaled");
  y = op.intermediate(Mul{}, {y, scale}, "real_sums");
  if (op.has_input(bias)) y = op.intermediate(Add{}, {y, op.real(bias)}, "with_bias");
  if (!shape.empty()) y = op.intermediate(Reshape{.shape = shape}, {y}, "as_wanted");
  op.give_real(0, y, then);
}

}  // namespace

bool give_hybrid_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                             int64_t group, Steps steps, Activation then) {
  if (!is_hybrid(op, 0, 1)) return false;
  const InSteps x = in_steps(op, op.required(0), steps);
  Value* y =
      op.intermediate(Conv{.window = window, .group = group},
                      {builder::channels_first(op, x.steps, 4), whole_weights(op, perm)}, "conv");
  give_sums(op, builder::channels_last(op, y, 4), x.scale, 2, {}, then);
  return true;
}

bool give_hybrid_transposed(OpReader& op, const Op& transposed, Activation then) {
  if (!is_hybrid(op, 2, 1)) return false;
  const InSteps x = in_steps(op, op.required(2), Steps::anywhere);
  Value* y = op.intermediate(
      transposed, {builder::channels_first(op, x.steps, 4), whole_weights(op, {3, 0, 1, 2})},
      "conv");
  give_sums(op, builder::channels_last(op, y, 4), x.scale, 3, {}, then);
  return true;
}

bool give_hybrid_product(OpReader& op, Value* rows, const Dims& shape, Steps steps,
                         Activation then) {
  if (!is_hybrid(op, 0, 1)) return false;
  const InSteps x = in_steps(op, rows, steps);
  Value* y = op.intermediate(MatMul{}, {x.steps, whole_weights(op, {1, 0})}, "product");
  give_sums(op, y, x.scale, 2, shape, then);
  return true;
}

}  // namespace hone::tflite
