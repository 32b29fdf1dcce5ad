// Functions of one element: activations and mathematics.

#include "ops/activation.hpp"

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::pytorch {
namespace {

/// Of floats; integers are computed in f32.
template <class T>
void import_of_floats(Call& call) {
  call.emit(T{}, {as_floats(call, "self")});
}

/// Of any numbers.
template <class T>
void import_unary(Call& call) {
  call.emit(T{}, {call.tensor("self")});
}

/// Whole numbers stay what they are.
template <class T>
void import_rounding(Call& call) {
  Value* x = call.tensor("self");
  if (is_float(Call::dtype(x))) call.emit(T{}, {x});
  else call.give(x);
}

float real(Call& call, std::string_view name) { return static_cast<float>(call.real(name)); }

/// The op with a field of it set.
template <class T>
T with(float T::*field, float value) {
  T op;
  op.*field = value;
  return op;
}

void import_relu6(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = Call::dtype(x);
  call.emit(Clip{}, {x, call.number(dtype, 0, "least"), call.number(dtype, 6, "most")});
}

void import_hardtanh(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = Call::dtype(x);
  call.emit(Clip{}, {x, call.number(dtype, call.real("min_val"), "least"),
                     call.number(dtype, call.real("max_val"), "most")});
}

void import_leaky_relu(Call& call) {
  call.emit(with(&LeakyRelu::alpha, real(call, "negative_slope")), {call.tensor("self")});
}

void import_elu(Call& call) {
  Value* x = call.tensor("self");
  const double scale = call.real("scale");
  if (call.real("input_scale") != 1) call.unsupported("an input_scale other than 1");
  const Elu elu = with(&Elu::alpha, real(call, "alpha"));
  if (scale == 1) return void(call.emit(elu, {x}));
  call.emit(Mul{},
            {call.intermediate(elu, {x}, "elu"), call.number(Call::dtype(x), scale, "scale")});
}

void import_celu(Call& call) {
  call.emit(with(&Celu::alpha, real(call, "alpha")), {call.tensor("self")});
}

void import_gelu(Call& call) {
  const std::string kind = call.text("approximate");
  call.check(kind == "none" || kind == "tanh", "approximate is ", kind);
  Gelu op;
  op.approximate = kind == "tanh" ? Gelu::Approximate::tanh : Gelu::Approximate::none;
  call.emit(op, {call.tensor("self")});
}

void import_hard_sigmoid(Call& call) {
  call.emit(with(&HardSigmoid::alpha, 1.0F / 6), {call.tensor("self")});
}

/// Linear beyond the threshold, where it would be the same but for rounding.
void import_softplus(Call& call) {
  Value* x = call.tensor("self");
  const double beta = call.real("beta");
  const DType dtype = Call::dtype(x);
  if (call.real("threshold") >= 15) {
    if (beta == 1) return void(call.emit(Softplus{}, {x}));
    Value* steep = call.intermediate(Mul{}, {x, call.number(dtype, beta, "beta")}, "steep");
    call.emit(Div{}, {call.intermediate(Softplus{}, {steep}, "softplus"),
                      call.number(dtype, beta, "beta")});
    return;
  }
  Value* steep = call.intermediate(Mul{}, {x, call.number(dtype, beta, "beta")}, "steep");
  Value* soft = call.intermediate(
      Div{}, {call.intermediate(Softplus{}, {steep}, "softplus"), call.number(dtype, beta, "beta")},
      "soft");
  Value* beyond = call.intermediate(
      Greater{}, {steep, call.number(dtype, call.real("threshold"), "threshold")}, "beyond");
  call.emit(Where{}, {beyond, x, soft});
}

void import_log_sigmoid(Call& call) {
  Value* x = call.tensor("self");
  Value* turned = call.intermediate(Neg{}, {x}, "turned");
  call.emit(Neg{}, {call.intermediate(Softplus{}, {turned}, "softplus")});
}

/// One slope for each channel, the second axis.
void import_prelu(Call& call) {
  Value *x = call.tensor("self"), *slope = call.tensor("weight");
  const int rank = Call::rank(x);
  if (Call::rank(slope) == 1 && rank > 2 && !Call::shape(slope).front().is(1)) {
    Dims shape(static_cast<size_t>(rank) - 1, Dim(1));
    shape.front() = Call::shape(slope).front();
    slope = call.reshaped(slope, shape, "slope");
  }
  call.emit(PRelu{}, {x, slope});
}

/// The first half times the sigmoid of the second.
void import_glu(Call& call) {
  Value* x = call.tensor("self");
  const auto halves =
      call.intermediates(Split{.axis = call.axis("dim", x), .num_outputs = 2}, {x}, 2, "half");
  call.emit(Mul{}, {halves[0], call.intermediate(Sigmoid{}, {halves[1]}, "gate")});
}

/// x where x > threshold, else value.
void import_threshold(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = Call::dtype(x);
  Value* above = call.intermediate(
      Greater{}, {x, call.operand(call.argument("threshold"), dtype, "threshold")}, "above");
  call.emit(Where{}, {above, x, call.operand(call.argument("value"), dtype, "value")});
}

void import_hard_shrink(Call& call) {
  call.emit(with(&Shrink::lambd, real(call, "lambd")), {call.tensor("self")});
}
void import_soft_shrink(Call& call) {
  Shrink op = with(&Shrink::lambd, real(call, "lambd"));
  op.bias = op.lambd;
  call.emit(op, {call.tensor("self")});
}

void import_square(Call& call) {
  Value* x = call.tensor("self");
  call.emit(Mul{}, {x, x});
}

void import_rsqrt(Call& call) {
  call.emit(Reciprocal{}, {call.intermediate(Sqrt{}, {as_floats(call, "self")}, "root")});
}

/// log(x) / log(base).
template <int kBase>
void import_log_base(Call& call) {
  Value* x = as_floats(call, "self");
  Value* log = call.intermediate(Log{}, {x}, "log");
  call.emit(Mul{}, {log, call.number(Call::dtype(x), 1 / std::log(double{kBase}), "factor")});
}

void import_log1p(Call& call) {
  Value* x = as_floats(call, "self");
  call.emit(Log{}, {call.intermediate(Add{}, {x, call.number(Call::dtype(x), 1, "one")}, "sum")});
}
/// Elu of x above 0 is x, so the two halves are joined.
void import_expm1(Call& call) {
  Value* x = as_floats(call, "self");
  Value* exp = call.intermediate(Exp{}, {x}, "exp");
  call.emit(Sub{}, {exp, call.number(Call::dtype(x), 1, "one")});
}
void import_exp2(Call& call) {
  Value* x = as_floats(call, "self");
  Value* scaled =
      call.intermediate(Mul{}, {x, call.number(Call::dtype(x), std::log(2.0), "log2")}, "scaled");
  call.emit(Exp{}, {scaled});
}
void import_erfc(Call& call) {
  Value* x = as_floats(call, "self");
  call.emit(Sub{}, {call.number(Call::dtype(x), 1, "one"), call.intermediate(Erf{}, {x}, "erf")});
}
void import_logit(Call& call) {
  Value* x = as_floats(call, "self");
  const DType dtype = Call::dtype(x);
  if (call.has("eps")) {
    const double eps = call.real("eps");
    x = call.intermediate(
        Clip{}, {x, call.number(dtype, eps, "least"), call.number(dtype, 1 - eps, "most")},
        "inside");
  }
  Value* other = call.intermediate(Sub{}, {call.number(dtype, 1, "one"), x}, "other");
  call.emit(Log{}, {call.intermediate(Div{}, {x, other}, "odds")});
}

void import_sinc(Call& call) {
  Value* x = as_floats(call, "self");
  const DType dtype = Call::dtype(x);
  Value* angle =
      call.intermediate(Mul{}, {x, call.number(dtype, 3.14159265358979323846, "pi")}, "angle");
  Value* sine = call.intermediate(Sin{}, {angle}, "sine");
  Value* ratio = call.intermediate(Div{}, {sine, angle}, "ratio");
  Value* zero = call.intermediate(Equal{}, {x, call.number(dtype, 0, "zero")}, "is_zero");
  call.emit(Where{}, {zero, call.number(dtype, 1, "one"), ratio});
}

void import_is_finite(Call& call) {
  Value* x = as_floats(call, "self");
  Value* nan = call.intermediate(IsNaN{}, {x}, "is_nan");
  Value* inf = call.intermediate(IsInf{}, {x}, "is_inf");
  call.emit(Not{}, {call.intermediate(Or{}, {nan, inf}, "either")});
}

/// What is none, or infinite, becomes a number.
void import_nan_to_num(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = Call::dtype(x);
  if (!is_float(dtype)) return call.give(x);
  const double most = dtype == DType::f16    ? 65504.0
                      : dtype == DType::bf16 ? 3.3895313892515355e38
                      : dtype == DType::f64  ? std::numeric_limits<double>::max()
                                             : std::numeric_limits<float>::max();
  const auto replaced = [&](Value* where, double value) {
    x = call.intermediate(Where{}, {where, call.number(dtype, value, "number"), x}, "finite");
  };
  replaced(call.intermediate(IsNaN{}, {x}, "is_nan"), call.optional_real("nan").value_or(0));
  replaced(call.intermediate(IsInf{.detect_negative = false}, {x}, "is_inf"),
           call.optional_real("posinf").value_or(most));
  replaced(call.intermediate(IsInf{.detect_positive = false}, {x}, "is_inf"),
           call.optional_real("neginf").value_or(-most));
  call.give(x);
}

void register_mathematics(Importers& importers) {
  importers.add("exp(T self)", import_of_floats<Exp>);
  importers.add("exp2(T self)", import_exp2);
  importers.add({"expm1(T self)", "special_expm1(T self)"}, import_expm1);
  importers.add("log(T self)", import_of_floats<Log>);
  importers.add("log2(T self)", import_log_base<2>);
  importers.add("log10(T self)", import_log_base<10>);
  importers.add("log1p(T self)", import_log1p);
  importers.add("sqrt(T self)", import_of_floats<Sqrt>);
  importers.add("rsqrt(T self)", import_rsqrt);
  importers.add("reciprocal(T self)", import_of_floats<Reciprocal>);
  importers.add("square(T self)", import_square);
  importers.add("abs(T self)", import_unary<Abs>);
  importers.add({"neg(T self)", "negative(T self)"}, import_unary<Neg>);
  importers.add({"sign(T self)", "sgn(T self)"}, import_unary<Sign>);
  importers.add("floor(T self)", import_rounding<Floor>);
  importers.add("ceil(T self)", import_rounding<Ceil>);
  importers.add("round(T self)", import_rounding<Round>);
  importers.add("sin(T self)", import_of_floats<Sin>);
  importers.add("cos(T self)", import_of_floats<Cos>);
  importers.add("tan(T self)", import_of_floats<Tan>);
  importers.add({"asin(T self)", "arcsin(T self)"}, import_of_floats<Asin>);
  importers.add({"acos(T self)", "arccos(T self)"}, import_of_floats<Acos>);
  importers.add({"atan(T self)", "arctan(T self)"}, import_of_floats<Atan>);
  importers.add("sinh(T self)", import_of_floats<Sinh>);
  importers.add("cosh(T self)", import_of_floats<Cosh>);
  importers.add("asinh(T self)", import_of_floats<Asinh>);
  importers.add("acosh(T self)", import_of_floats<Acosh>);
  importers.add("atanh(T self)", import_of_floats<Atanh>);
  importers.add({"erf(T self)", "special_erf(T self)"}, import_of_floats<Erf>);
  importers.add({"erfc(T self)", "special_erfc(T self)"}, import_erfc);
  importers.add("logit(T self, f? eps=None)", import_logit);
  importers.add("sinc(T self)", import_sinc);
  importers.add("isnan(T self)", import_of_floats<IsNaN>);
  importers.add("isinf(T self)", import_of_floats<IsInf>);
  importers.add("isfinite(T self)", import_is_finite);
  importers.add("nan_to_num(T self, f? nan=None, f? posinf=None, f? neginf=None)",
                import_nan_to_num);
}

}  // namespace

void register_activation(Importers& importers) {
  importers.add("relu(T self)", import_unary<Relu>);
  importers.add("relu6(T self)", import_relu6);
  importers.add("hardtanh(T self, s min_val=-1, s max_val=1)", import_hardtanh);
  importers.add("leaky_relu(T self, s negative_slope=0.01)", import_leaky_relu);
  importers.add("elu(T self, s alpha=1, s scale=1, s input_scale=1)", import_elu);
  importers.add("selu(T self)", import_unary<Selu>);
  importers.add("celu(T self, s alpha=1)", import_celu);
  importers.add("gelu(T self, t approximate=\"none\")", import_gelu);
  importers.add({"sigmoid(T self)", "special_expit(T self)"}, import_of_floats<Sigmoid>);
  importers.add("tanh(T self)", import_of_floats<Tanh>);
  importers.add("silu(T self)", import_unary<Swish>);
  importers.add("mish(T self)", import_unary<Mish>);
  importers.add("hardswish(T self)", import_unary<HardSwish>);
  importers.add("hardsigmoid(T self)", import_hard_sigmoid);
  importers.add("softplus(T self, s beta=1, s threshold=20)", import_softplus);
  importers.add("log_sigmoid(T self)", import_log_sigmoid);
  importers.add("prelu(T self, T weight)", import_prelu);
  importers.add("_prelu_kernel(T self, T weight)", import_prelu);
  importers.add("glu(T self, i dim=-1)", import_glu);
  importers.add("threshold(T self, s threshold, s value)", import_threshold);
  importers.add("hardshrink(T self, s lambd=0.5)", import_hard_shrink);
  importers.add("softshrink(T self, s lambd=0.5)", import_soft_shrink);
  register_mathematics(importers);
}

}  // namespace hone::pytorch
