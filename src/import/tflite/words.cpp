#include "import/tflite/words.hpp"

#include <algorithm>

#include "import/builder/channels_last.hpp"
#include "import/tflite/fixed_point.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"

namespace hone::tflite {
namespace {

double scale_of(const TensorInfo& stated) { return double{stated.quantization.scales.front()}; }

/// Bytes, all of one zero point of 0.
bool are_weights(const TensorInfo& stated) {
  const auto& zeros = stated.quantization.zeros;
  return stated.dtype == DType::i8 && !stated.quantization.scales.empty() &&
         std::all_of(zeros.begin(), zeros.end(), [](int64_t zero) { return zero == 0; });
}

}  // namespace

Value* exact(OpReader& op, int i, const std::vector<int64_t>& perm) {
  Value* value = op.intermediate(Cast{.to = DType::f64}, {op.required(i)}, cat("exact", i));
  return op.intermediate(Transpose{.perm = perm}, {value}, cat("exact_turned", i));
}

void give_word_sums(OpReader& op, Value* sums, int input, int weights, int bias, Activation then) {
  Value* sum = op.intermediate(Cast{.to = DType::i64}, {sums}, "sums");
  const bool narrow = op.has_input(bias) && op.dtype_in(bias) == DType::i32;
  if (op.has_input(bias)) sum = op.intermediate(Add{}, {sum, integers(op, bias)}, "sums_with_bias");
  std::vector<FixedPoint> scales;
  for (const float scale : op.in(weights).quantization.scales)
    scales.push_back(fixed_point(scale_of(op.in(input)) * double{scale} / scale_of(op.out(0))));
  Value* scaled =
      narrow ? scaled_narrow(op, sum, scales, "scaled") : scaled_wide(op, sum, scales, "scaled");
  give_integers(op, scaled, activation_range(op, then));
}

bool give_word_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                           int64_t group, Activation then) {
  if (!is_words(op, 0) || !are_weights(op.in(1))) return false;
  Value* x = exact(op, 0, {0, 3, 1, 2});
  Value* y =
      op.intermediate(Conv{.window = window, .group = group}, {x, exact(op, 1, perm)}, "conv");
  give_word_sums(op, builder::channels_last(op, y, 4), 0, 1, 2, then);
  return true;
}

bool give_word_sum(OpReader& op, bool subtracts, Activation then) {
  constexpr int64_t kShift = 15;
  if (!is_words(op, 0) || !is_words(op, 1)) return false;
  give_sum(op, subtracts, kShift, then);
  return true;
}

bool give_word_leaky_relu(OpReader& op, float alpha) {
  if (!is_words(op, 0)) return false;
  // Both factors are computed in f32.
  const float in = op.in(0).quantization.scales.front();
  const float out = op.out(0).quantization.scales.front();
  Value* x = integers(op, 0);
  Value* kept = scaled_narrow(op, x, {fixed_point(double{in / out})}, "kept");
  Value* leaked = scaled_narrow(op, x, {fixed_point(double{in * alpha / out})}, "leaked");
  Tensor zero(DType::i64, {});
  Value* positive =
      op.intermediate(GreaterOrEqual{}, {x, op.constant(std::move(zero), "zero")}, "positive");
  Value* y = op.intermediate(Where{}, {positive, kept, leaked}, "chosen");
  give_integers(op, y, activation_range(op, Activation::none));
  return true;
}

bool give_requantized(OpReader& op) {
  const auto fits = [](const TensorInfo& stated) {
    const auto& zeros = stated.quantization.zeros;
    const bool centred =
        std::all_of(zeros.begin(), zeros.end(), [](int64_t zero) { return zero == 0; });
    return (stated.dtype == DType::i16 || stated.dtype == DType::i32) && centred &&
           stated.quantization.scales.size() == 1;
  };
  if (!fits(op.in(0)) || !fits(op.out(0))) return false;
  const FixedPoint scale = fixed_point(scale_of(op.in(0)) / scale_of(op.out(0)));
  Value* scaled = scaled_narrow(op, integers(op, 0), {scale}, "scaled");
  give_integers(op, scaled, activation_range(op, Activation::none));
  return true;
}

}  // namespace hone::tflite
