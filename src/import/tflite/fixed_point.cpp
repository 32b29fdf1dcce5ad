#include "import/tflite/fixed_point.hpp"

#include <algorithm>
#include <cmath>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"

namespace hone::tflite {
namespace {

/// One number for all, or one for each of the last axis.
template <class Of>
Value* constant_of(OpReader& op, const std::vector<FixedPoint>& scales, std::string_view hint,
                   const Of& of) {
  std::vector<int64_t> numbers;
  for (const FixedPoint& scale : scales) numbers.push_back(of(scale));
  const bool same = std::all_of(numbers.begin(), numbers.end(),
                                [&](int64_t number) { return number == numbers.front(); });
  if (!same) return op.constant(Tensor::ints(numbers), hint);
  Tensor one(DType::i64, {});
  one.set_integer(0, numbers.front());
  return op.constant(std::move(one), hint);
}

Value* number(OpReader& op, int64_t value, std::string_view hint) {
  return constant_of(op, {{value, 0}}, hint, [](const FixedPoint& s) { return s.multiplier; });
}

/// x shifted right by bits that differ from channel to channel, the sign kept: BitShift takes
/// unsigned numbers in ONNX, so a division by a power of two that rounds downwards.
Value* shifted_right(OpReader& op, Value* x, Value* power, std::string_view hint) {
  const auto add = [&](Op made, std::vector<Value*> inputs, std::string_view name) {
    return op.intermediate(std::move(made), std::move(inputs), cat(hint, "_", name));
  };
  Value* modulus = add(Mod{}, {x, power}, "rest");  // of the sign of the power
  return add(Div{}, {add(Sub{}, {x, modulus}, "whole"), power}, "down");
}

}  // namespace

FixedPoint fixed_point(double scale) {
  check(std::isfinite(scale) && scale >= 0 && scale < (1 << 30), Code::invalid_model,
        "a factor of ", scale, " between scales");
  if (scale == 0) return {};
  int shift = 0;
  const double fraction = std::frexp(scale, &shift);
  auto multiplier = static_cast<int64_t>(std::round(fraction * (int64_t{1} << 31)));
  if (multiplier == int64_t{1} << 31) multiplier /= 2, ++shift;
  if (shift < -31) return {};
  return {multiplier, shift};
}

Value* scaled_narrow(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                     std::string_view hint) {
  const auto add = [&](Op made, std::vector<Value*> inputs, std::string_view name) {
    return op.intermediate(std::move(made), std::move(inputs), cat(hint, "_", name));
  };
  const auto of_scales = [&](std::string_view name, const auto& of) {
    return constant_of(op, scales, cat(hint, "_", name), of);
  };
  const auto left = [](const FixedPoint& s) { return std::max<int64_t>(s.shift, 0); };
  const auto right = [](const FixedPoint& s) { return std::max<int64_t>(-s.shift, 0); };
  // The high half of twice the product: halves upwards, as the division cuts off.
  Value* factor = of_scales("factor", [&](const FixedPoint& s) { return s.multiplier << left(s); });
  Value* product = add(Mul{}, {x, factor}, "product");
  Value* zero = number(op, 0, cat(hint, "_zero"));
  Value* positive = add(GreaterOrEqual{}, {product, zero}, "positive");
  Value* nudge = add(Where{},
                     {positive, number(op, int64_t{1} << 30, cat(hint, "_up")),
                      number(op, 1 - (int64_t{1} << 30), cat(hint, "_down"))},
                     "nudge");
  Value* high = add(
      Div{},
      {add(Add{}, {product, nudge}, "nudged"), number(op, int64_t{1} << 31, cat(hint, "_half"))},
      "high");
  const bool divides =
      std::any_of(scales.begin(), scales.end(), [&](const auto& s) { return right(s) > 0; });
  if (!divides) return high;
  // To nearest, halves away from zero: below zero the threshold is one more.
  Value* power = of_scales("power", [&](const FixedPoint& s) { return int64_t{1} << right(s); });
  Value* rest = add(Mod{}, {high, power}, "rest");
  Value* down = add(Div{}, {add(Sub{}, {high, rest}, "whole"), power}, "quotient");
  Value* threshold = of_scales(
      "threshold", [&](const FixedPoint& s) { return ((int64_t{1} << right(s)) - 1) >> 1; });
  Value* below = add(Cast{.to = DType::i64}, {add(Less{}, {high, zero}, "below")}, "below_one");
  Value* limit = add(Add{}, {threshold, below}, "limit");
  Value* more = add(Cast{.to = DType::i64}, {add(Greater{}, {rest, limit}, "more")}, "more_one");
  return add(Add{}, {down, more}, "rounded");
}

Value* scaled_wide(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                   std::string_view hint) {
  const auto reduced = [](const FixedPoint& s) {
    return s.multiplier < 0x7fff0000 ? (s.multiplier + (1 << 15)) >> 16 : int64_t{0x7fff};
  };
  const auto shift = [](const FixedPoint& s) { return std::clamp<int64_t>(15 - s.shift, 1, 62); };
  const auto of_scales = [&](std::string_view name, const auto& of) {
    return constant_of(op, scales, cat(hint, "_", name), of);
  };
  Value* product = op.intermediate(Mul{}, {x, of_scales("factor", reduced)}, cat(hint, "_product"));
  Value* half =
      of_scales("half", [&](const FixedPoint& s) { return int64_t{1} << (shift(s) - 1); });
  Value* sum = op.intermediate(Add{}, {product, half}, cat(hint, "_sum"));
  Value* power = of_scales("power", [&](const FixedPoint& s) { return int64_t{1} << shift(s); });
  return shifted_right(op, sum, power, hint);
}

Range activation_range(OpReader& op, Activation activation) {
  const TensorInfo& stated = op.out(0);
  const bool is_word = *stated.dtype == DType::i16;
  const Range all = is_word ? Range{-32768, 32767} : Range{INT32_MIN, INT32_MAX};
  const float scale = stated.quantization.scales.front();
  const auto quantized = [&](float value) {
    return static_cast<int64_t>(std::clamp(std::round(value / scale), -1e9F, 1e9F));
  };
  switch (activation) {
    case Activation::none: return all;
    case Activation::relu: return {0, all.most};
    case Activation::relu_n1_to_1:
      return {std::max(all.least, quantized(-1)), std::min(all.most, quantized(1))};
    case Activation::relu6: return {0, std::min(all.most, quantized(6))};
    default: op.unsupported("this activation of integers");
  }
}

void give_integers(OpReader& op, Value* x, Range range) {
  Value* clipped = op.intermediate(
      Clip{}, {x, number(op, range.least, "least"), number(op, range.most, "most")}, "clipped");
  op.emit(Cast{.to = *op.out(0).dtype}, {clipped});
}

Value* integers(OpReader& op, int i) {
  return op.intermediate(Cast{.to = DType::i64}, {op.required(i)}, cat("integers", i));
}

bool is_words(OpReader& op, int i) {
  const auto fits = [](const TensorInfo& stated) {
    const Quantization& q = stated.quantization;
    const bool centred =
        std::all_of(q.zeros.begin(), q.zeros.end(), [](int64_t zero) { return zero == 0; });
    return stated.dtype == DType::i16 && q.scales.size() == 1 && q.scales.front() > 0 && centred;
  };
  return fits(op.in(i)) && fits(op.out(0));
}

}  // namespace hone::tflite
