#include "import/tflite/fixed_point.hpp"

#include <algorithm>
#include <cmath>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/math.hpp"

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
  const auto right = [](const FixedPoint& s) { return std::max<int64_t>(-s.shift, 0); };
  // The high half of twice the product, halves upwards. Divisions cut off towards zero: a multiple
  // of the divisor makes all numbers positive before and is taken off behind.
  constexpr int64_t kHalf = int64_t{1} << 31, kLift = int64_t{1} << 62;
  Value* factor = of_scales(
      "factor", [](const FixedPoint& s) { return s.multiplier << std::max<int64_t>(s.shift, 0); });
  Value* product = add(Mul{}, {x, factor}, "product");
  Value* lifted =
      add(Add{}, {product, number(op, kLift + kHalf / 2, cat(hint, "_lift"))}, "lifted");
  Value* high = add(Div{}, {lifted, number(op, kHalf, cat(hint, "_half"))}, "lifted_high");
  high = add(Sub{}, {high, number(op, kLift / kHalf, cat(hint, "_taken"))}, "high");
  const bool divides =
      std::any_of(scales.begin(), scales.end(), [&](const auto& s) { return right(s) > 0; });
  if (!divides) return high;
  // To nearest, halves away from zero.
  Value* power = of_scales("power", [&](const FixedPoint& s) { return int64_t{1} << right(s); });
  Value* half = of_scales("nudge", [&](const FixedPoint& s) {
    return right(s) == 0 ? 0 : int64_t{1} << (right(s) - 1);
  });
  Value* away = add(Mul{}, {add(Sign{}, {high}, "sign"), half}, "away");
  return add(Div{}, {add(Add{}, {high, away}, "nudged"), power}, "rounded");
}

Value* scaled_once(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                   std::string_view hint) {
  constexpr int64_t kLift = int64_t{1} << 62;  // a multiple of every divisor, as above
  const auto power = [](const FixedPoint& s) {
    return int64_t{1} << std::clamp<int64_t>(31 - s.shift, 1, 62);
  };
  const auto of_scales = [&](std::string_view name, const auto& of) {
    return constant_of(op, scales, cat(hint, "_", name), of);
  };
  const auto add = [&](Op made, std::vector<Value*> inputs, std::string_view name) {
    return op.intermediate(std::move(made), std::move(inputs), cat(hint, "_", name));
  };
  Value* factor = of_scales("factor", [](const FixedPoint& s) { return s.multiplier; });
  Value* product = add(Mul{}, {x, factor}, "product");
  Value* lift = of_scales("lift", [&](const FixedPoint& s) { return kLift + power(s) / 2; });
  Value* lifted = add(Add{}, {product, lift}, "lifted");
  Value* high = add(Div{}, {lifted, of_scales("power", power)}, "lifted_high");
  Value* taken = of_scales("taken", [&](const FixedPoint& s) { return kLift / power(s); });
  return add(Sub{}, {high, taken}, "rounded");
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
  const auto all = [&]() -> Range {
    switch (*stated.dtype) {
      case DType::u8: return {0, 255};
      case DType::i8: return {-128, 127};
      case DType::i16: return {-32768, 32767};
      default: return {INT32_MIN, INT32_MAX};
    }
  }();
  const float scale = stated.quantization.scales.front();
  const int64_t zero = zero_of(stated);
  const auto quantized = [&](float value) {
    return zero + static_cast<int64_t>(std::clamp(std::round(value / scale), -1e9F, 1e9F));
  };
  const auto within = [&](int64_t least, int64_t most) -> Range {
    return {std::max(all.least, least), std::min(all.most, most)};
  };
  switch (activation) {
    case Activation::none: return all;
    case Activation::relu: return within(zero, all.most);
    case Activation::relu_n1_to_1: return within(quantized(-1), quantized(1));
    case Activation::relu6: return within(zero, quantized(6));
    default: op.unsupported("this activation of integers");
  }
}

int64_t zero_of(const TensorInfo& stated) {
  const auto& zeros = stated.quantization.zeros;
  return zeros.empty() ? 0 : zeros.front();
}

void give_integers(OpReader& op, Value* x, Range range) {
  if (const int64_t zero = zero_of(op.out(0)); zero != 0)
    x = op.intermediate(Add{}, {x, number(op, zero, "zero")}, "from_zero");
  Value* clipped = op.intermediate(
      Clip{}, {x, number(op, range.least, "least"), number(op, range.most, "most")}, "clipped");
  op.emit(Cast{.to = *op.out(0).dtype}, {clipped});
}

Value* integers(OpReader& op, int i) {
  Value* wide = op.intermediate(Cast{.to = DType::i64}, {op.required(i)}, cat("wide", i));
  const int64_t zero = zero_of(op.in(i));
  if (zero == 0) return wide;
  return op.intermediate(Sub{}, {wide, number(op, zero, cat("zero", i))}, cat("integers", i));
}

void give_sum(OpReader& op, bool subtracts, int64_t shift, Activation then) {
  const auto scale_of = [](const TensorInfo& stated) {
    return double{stated.quantization.scales.front()};
  };
  const double scales[] = {scale_of(op.in(0)), scale_of(op.in(1))};
  const double most = 2 * std::max(scales[0], scales[1]);
  const int64_t power = int64_t{1} << shift;
  Value* operands[2];
  for (int i = 0; i < 2; ++i) {
    Value* factor = number(op, power, cat("power", i));
    Value* wide = op.intermediate(Mul{}, {integers(op, i), factor}, cat("wide", i));
    operands[i] = scaled_narrow(op, wide, {fixed_point(scales[i] / most)}, cat("scaled", i));
  }
  Value* sum = subtracts ? op.intermediate(Sub{}, {operands[0], operands[1]}, "sum")
                         : op.intermediate(Add{}, {operands[0], operands[1]}, "sum");
  const FixedPoint scale = fixed_point(most / (static_cast<double>(power) * scale_of(op.out(0))));
  give_integers(op, scaled_narrow(op, sum, {scale}, "scaled"), activation_range(op, then));
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
