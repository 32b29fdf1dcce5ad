// Operators that work element by element.

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "import/tflite/bytes.hpp"
#include "import/tflite/words.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::tflite {
namespace {

template <class T>
void import_unary(OpReader& op) {
  op.give_real(T{}, {op.real(0)});
}

/// With an activation in the first field of its options.
template <class T>
void import_binary(OpReader& op) {
  op.give_real(T{}, {op.real(0), op.real(1)}, op.activation(0));
}

template <class T>
void import_pair(OpReader& op) {
  op.give_real(T{}, {op.real(0), op.real(1)});
}

template <class T>
void import_sum(OpReader& op) {
  const Activation then = op.activation(0);
  constexpr bool kSubtracts = std::is_same_v<T, Sub>;
  if (!give_word_sum(op, kSubtracts, then) && !give_byte_sum(op, kSubtracts, then))
    op.give_real(T{}, {op.real(0), op.real(1)}, then);
}

void import_mul(OpReader& op) {
  if (!give_byte_mul(op, op.activation(0))) import_binary<Mul>(op);
}

void import_add_n(OpReader& op) {
  std::vector<Value*> operands;
  for (int i = 0; i < op.inputs(); ++i) operands.push_back(op.real(i));
  op.give_real(Sum{}, operands);
}

void import_leaky_relu(OpReader& op) {
  const float alpha = op.option_f32(0);
  if (!give_word_leaky_relu(op, alpha)) op.give_real(LeakyRelu{{}, alpha}, {op.real(0)});
}

void import_gelu(OpReader& op) {
  Gelu gelu;
  if (op.option_flag(0)) gelu.approximate = Gelu::Approximate::tanh;
  op.give_real(gelu, {op.real(0)});
}

void import_clip(OpReader& op, double least, double most) {
  op.give_real(Clip{}, {op.real(0), op.scalar(least, "least"), op.scalar(most, "most")});
}
void import_relu6(OpReader& op) { import_clip(op, 0, 6); }
void import_relu_n1_to_1(OpReader& op) { import_clip(op, -1, 1); }
void import_relu_0_to_1(OpReader& op) { import_clip(op, 0, 1); }

void import_rsqrt(OpReader& op) {
  op.give_real(Reciprocal{}, {op.intermediate(Sqrt{}, {op.real(0)}, "root")});
}

void import_square(OpReader& op) {
  Value* x = op.real(0);
  op.give_real(Mul{}, {x, x});
}

void import_squared_difference(OpReader& op) {
  Value* apart = op.intermediate(Sub{}, {op.real(0), op.real(1)}, "apart");
  op.give_real(Mul{}, {apart, apart});
}

void import_floor_div(OpReader& op) {
  const auto type = op.dtype_in(0);
  if (type && is_integer(*type) && op.in(0).quantization.scales.empty()) {
    Value *a = op.required(0), *b = op.required(1);
    Value* rest = op.intermediate(Mod{}, {a, b}, "rest");
    Value* whole = op.intermediate(Sub{}, {a, rest}, "whole");
    return void(op.emit(Div{}, {whole, b}));
  }
  op.give_real(Floor{}, {op.intermediate(Div{}, {op.real(0), op.real(1)}, "quotient")});
}

void import_not_equal(OpReader& op) {
  op.emit(Not{}, {op.intermediate(Equal{}, {op.real(0), op.real(1)}, "equal")});
}

template <class T>
void import_logic(OpReader& op) {
  op.emit(T{}, op.all_inputs());
}

void import_select(OpReader& op) {
  op.give_real(Where{}, {op.required(0), op.real(1), op.real(2)});
}

void import_cast(OpReader& op) {
  const auto to = op.out(0).dtype;
  if (!to) op.unsupported("to a type that Hone does not have");
  op.emit(Cast{.to = *to}, {op.required(0)});
}

/// To steps of a range of 2^bits (or one less) numbers around 0, and back.
void import_fake_quant(OpReader& op) {
  const double least = double{op.option_f32(0)}, most = double{op.option_f32(1)};
  const int64_t bits = op.option_i32(2);
  op.check(bits >= 2 && bits <= 16 && least <= 0 && most >= 0 && least < most, "a range from ",
           least, " to ", most, " in ", bits, " bits");
  const double first = op.option_flag(3) ? 1 : 0, last = static_cast<double>((1 << bits) - 1);
  const float scale = static_cast<float>((most - least) / (last - first));
  const double zero = std::clamp(std::round(first - least / double{scale}), first, last);
  const double low = (first - zero) * double{scale}, high = (last - zero) * double{scale};
  Value* x = op.intermediate(Clip{}, {op.real(0), op.scalar(low, "least"), op.scalar(high, "most")},
                             "clipped");
  Value* step = op.scalar(double{scale}, "step");
  x = op.intermediate(Div{}, {op.intermediate(Sub{}, {x, op.scalar(low, "low")}, "above"), step},
                      "steps");
  x = op.intermediate(Floor{}, {op.intermediate(Add{}, {x, op.scalar(0.5, "half")}, "shifted")},
                      "whole");
  x = op.intermediate(Mul{}, {x, step}, "scaled");
  op.give_real(Add{}, {x, op.scalar(low, "offset")});
}

/// Halves become floats, quantized integers what they stand for.
void import_dequantize(OpReader& op) {
  if (op.dtype_in(0) == DType::f16) op.emit(Cast{.to = DType::f32}, {op.required(0)});
  else op.give(0, op.real(0));
}

void import_quantize(OpReader& op) {
  if (!give_requantized(op) && !give_byte_requantized(op)) op.give_real(0, op.real(0));
}

}  // namespace

void register_elementwise(Importers& importers) {
  importers.add("ADD", import_sum<Add>);
  importers.add("SUB", import_sum<Sub>);
  importers.add("MUL", import_mul);
  importers.add("DIV", import_binary<Div>);
  importers.add("ADD_N", import_add_n);
  importers.add("MAXIMUM", import_pair<Max>);
  importers.add("MINIMUM", import_pair<Min>);
  importers.add("POW", import_pair<Pow>);
  importers.add("PRELU", import_pair<PRelu>);
  importers.add("EQUAL", import_pair<Equal>);
  importers.add("NOT_EQUAL", import_not_equal);
  importers.add("LESS", import_pair<Less>);
  importers.add("LESS_EQUAL", import_pair<LessOrEqual>);
  importers.add("GREATER", import_pair<Greater>);
  importers.add("GREATER_EQUAL", import_pair<GreaterOrEqual>);
  importers.add("LOGICAL_AND", import_logic<And>);
  importers.add("LOGICAL_OR", import_logic<Or>);
  importers.add("LOGICAL_NOT", import_logic<Not>);
  importers.add("SELECT", import_select);
  importers.add("SELECT_V2", import_select);
  importers.add("RELU", import_unary<Relu>);
  importers.add("RELU6", import_relu6);
  importers.add("RELU_N1_TO_1", import_relu_n1_to_1);
  importers.add("RELU_0_TO_1", import_relu_0_to_1);
  importers.add("LEAKY_RELU", import_leaky_relu);
  importers.add("ELU", import_unary<Elu>);
  importers.add("GELU", import_gelu);
  importers.add("HARD_SWISH", import_unary<HardSwish>);
  importers.add("LOGISTIC", import_unary<Sigmoid>);
  importers.add("TANH", import_unary<Tanh>);
  importers.add("ABS", import_unary<Abs>);
  importers.add("NEG", import_unary<Neg>);
  importers.add("SIGN", import_unary<Sign>);
  importers.add("EXP", import_unary<Exp>);
  importers.add("LOG", import_unary<Log>);
  importers.add("SQRT", import_unary<Sqrt>);
  importers.add("RSQRT", import_rsqrt);
  importers.add("SQUARE", import_square);
  importers.add("SQUARED_DIFFERENCE", import_squared_difference);
  importers.add("SIN", import_unary<Sin>);
  importers.add("COS", import_unary<Cos>);
  importers.add("FLOOR", import_unary<Floor>);
  importers.add("CEIL", import_unary<Ceil>);
  importers.add("ROUND", import_unary<Round>);
  importers.add("FLOOR_DIV", import_floor_div);
  importers.add("CAST", import_cast);
  importers.add("DEQUANTIZE", import_dequantize);
  importers.add("QUANTIZE", import_quantize);
  importers.add("FAKE_QUANT", import_fake_quant);
}

}  // namespace hone::tflite
