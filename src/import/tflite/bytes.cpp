#include "import/tflite/bytes.hpp"

#include <algorithm>

#include "import/builder/channels_last.hpp"
#include "import/tflite/fixed_point.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/pooling.hpp"
#include "ops/quantized.hpp"
#include "ops/shape.hpp"

namespace hone::tflite {
namespace {

bool is_byte(const TensorInfo& stated) {
  return (stated.dtype == DType::i8 || stated.dtype == DType::u8) &&
         !stated.quantization.scales.empty();
}
bool is_of_one(const TensorInfo& stated) {
  return is_byte(stated) && stated.quantization.scales.size() == 1 &&
         stated.quantization.scales.front() > 0;
}
bool wanted(OpReader& op, int i) {
  return op.reference_rounding() && is_of_one(op.in(i)) && is_of_one(op.out(0));
}

double scale_of(const TensorInfo& stated) { return double{stated.quantization.scales.front()}; }

/// What the sums of products count in, as the result counts. Where there is one factor for all the
/// kernels multiply in f32 first; of convolutions of i8 each filter has its own.
std::vector<FixedPoint> factors(OpReader& op, int data, int weights, bool each) {
  const std::vector<float>& scales = op.in(weights).quantization.scales;
  const float left = op.in(data).quantization.scales.front();
  std::vector<FixedPoint> made;
  for (const float right : scales)
    made.push_back(fixed_point(
        (each || scales.size() > 1 ? double{left} * double{right} : double{left * right}) /
        scale_of(op.out(0))));
  return made;
}

Value* zero_operand(OpReader& op, int i) {
  return op.constant(Tensor::scalar(*op.in(i).dtype, static_cast<double>(zero_of(op.in(i)))),
                     cat("zero", i));
}

/// Weights with one zero point.
bool are_weights(const TensorInfo& stated) {
  const auto& zeros = stated.quantization.zeros;
  return is_byte(stated) && std::all_of(zeros.begin(), zeros.end(),
                                        [&](int64_t zero) { return zero == zeros.front(); });
}

/// How often the kernels round: products of matrices once, convolutions twice.
enum class Rounding {
  once,
  twice
};

/// Sums of products (channels last), the bias not added yet.
void give_sums(OpReader& op, Value* sums, int bias, const std::vector<FixedPoint>& by,
               Rounding rounding, Activation then) {
  Value* sum = op.intermediate(Cast{.to = DType::i64}, {sums}, "sums");
  if (op.has_input(bias))
    sum = op.intermediate(
        Add{}, {sum, op.intermediate(Cast{.to = DType::i64}, {op.required(bias)}, "bias")},
        "sums_with_bias");
  Value* scaled = rounding == Rounding::once ? scaled_once(op, sum, by, "scaled")
                                             : scaled_narrow(op, sum, by, "scaled");
  give_integers(op, scaled, activation_range(op, then));
}

}  // namespace

bool give_byte_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                           int64_t group, Activation then) {
  if (!wanted(op, 0) || !are_weights(op.in(1))) return false;
  Value* x = builder::channels_first(op, op.required(0), 4);
  Value* w = op.intermediate(Transpose{.perm = perm}, {op.required(1)}, "weights");
  Value* y = op.intermediate(ConvInteger{.window = window, .group = group},
                             {x, w, zero_operand(op, 0), zero_operand(op, 1)}, "conv");
  give_sums(op, builder::channels_last(op, y, 4), 2, factors(op, 0, 1, op.in(1).dtype == DType::i8),
            Rounding::twice, then);
  return true;
}

bool give_byte_transposed(OpReader& op, const Op& transposed, Activation then) {
  if (!wanted(op, 2) || !are_weights(op.in(1))) return false;
  const auto exact = [&](int i, const std::vector<int64_t>& perm) {
    Value* value = op.intermediate(Cast{.to = DType::f64}, {integers(op, i)}, cat("exact", i));
    return op.intermediate(Transpose{.perm = perm}, {value}, cat("exact_turned", i));
  };
  Value* y = op.intermediate(transposed, {exact(2, {0, 3, 1, 2}), exact(1, {3, 0, 1, 2})}, "conv");
  give_sums(op, builder::channels_last(op, y, 4), 3, factors(op, 2, 1, op.in(1).dtype == DType::i8),
            Rounding::twice, then);
  return true;
}

bool give_byte_product(OpReader& op, const Dims& shape, Activation then) {
  if (!wanted(op, 0) || !are_weights(op.in(1))) return false;
  const Dims& weights = op.input(1)->type.tensor().shape();
  Value* rows = op.intermediate(Reshape{.shape = Dims{-1, weights[1]}}, {op.required(0)}, "rows");
  Value* w = op.intermediate(Transpose{.perm = {1, 0}}, {op.required(1)}, "weights");
  Value* y = op.intermediate(MatMulInteger{}, {rows, w, zero_operand(op, 0), zero_operand(op, 1)},
                             "product");
  if (!shape.empty()) y = op.intermediate(Reshape{.shape = shape}, {y}, "sums_as_wanted");
  give_sums(op, y, 2, factors(op, 0, 1, false), Rounding::once, then);
  return true;
}

bool give_byte_sum(OpReader& op, bool subtracts, Activation then) {
  constexpr int64_t kShift = 20;
  if (!wanted(op, 0) || !wanted(op, 1)) return false;
  give_sum(op, subtracts, kShift, then);
  return true;
}

bool give_byte_mul(OpReader& op, Activation then) {
  if (!wanted(op, 0) || !wanted(op, 1)) return false;
  const auto scale = [](const TensorInfo& stated) { return stated.quantization.scales.front(); };
  const float factor = scale(op.in(0)) * scale(op.in(1)) / scale(op.out(0));
  Value* product = op.intermediate(Mul{}, {integers(op, 0), integers(op, 1)}, "product");
  give_integers(op, scaled_narrow(op, product, {fixed_point(double{factor})}, "scaled"),
                activation_range(op, then));
  return true;
}

bool give_byte_average(OpReader& op, const Window& window, Activation then) {
  if (!wanted(op, 0) || !op.moves(0)) return false;
  // The mean of the integers as they are, halves away from zero. The nudge is more than what
  // rounding takes from a mean, and less than the way from other means to a half.
  const std::vector<int64_t>& taps = window.kernel_shape;
  const bool is_small = taps.size() == 2 && taps[0] <= 45 && taps[1] <= 45;
  const DType type = is_small ? DType::f32 : DType::f64;
  const double nudge = is_small ? 0x1p-13 : 0x1p-32;
  Value* x = op.intermediate(Cast{.to = type}, {op.required(0)}, "exact");
  Value* mean =
      op.intermediate(AveragePool{.window = window}, {builder::channels_first(op, x, 4)}, "mean");
  Value* sign = op.intermediate(Sign{}, {mean}, "sign");
  Value* half = op.constant(Tensor::scalar(type, 0.5 + nudge), "half");
  Value* away = op.intermediate(Mul{}, {sign, half}, "away");
  Value* sum = op.intermediate(Add{}, {mean, away}, "nudged");
  Value* whole = op.intermediate(Cast{.to = DType::i64}, {sum}, "whole");  // cuts off
  const Range range = activation_range(op, then);
  const auto limit = [&](int64_t value, std::string_view hint) {
    return op.constant(Tensor::scalar(DType::i64, static_cast<double>(value)), hint);
  };
  Value* clipped = op.intermediate(Clip{},
                                   {builder::channels_last(op, whole, 4),
                                    limit(range.least, "least"), limit(range.most, "most")},
                                   "clipped");
  op.emit(Cast{.to = *op.out(0).dtype}, {clipped});
  return true;
}

bool give_byte_requantized(OpReader& op) {
  if (!wanted(op, 0)) return false;
  const FixedPoint scale = fixed_point(scale_of(op.in(0)) / scale_of(op.out(0)));
  give_integers(op, scaled_narrow(op, integers(op, 0), {scale}, "scaled"),
                activation_range(op, Activation::none));
  return true;
}

}  // namespace hone::tflite
