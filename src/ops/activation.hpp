#pragma once
// Activation functions, element by element. Floats are computed in double and rounded once.
// (Source: ONNX.)

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/common/elementwise.hpp"

namespace hone {

/// max(x, 0).
struct Relu : Unary<Relu> {
  static constexpr std::string_view kName = "Relu";
  static constexpr Elements kElements = Elements::numbers;
  template <class D>
  D of(D x) const {
    return x < 0 ? 0 : x;
  }
  Expr expr(const Expr& x) const {
    return select(call(Function::less, x, like(x, 0)), like(x, 0), x);
  }
};

/// x where x >= 0, else alpha * x.
struct LeakyRelu : Unary<LeakyRelu> {
  static constexpr std::string_view kName = "LeakyRelu";
  float alpha = 0.01f;
  void fields(FieldList& f) const { f("alpha", alpha); }
  double of(double x) const { return x < 0 ? alpha * x : x; }
  Expr expr(const Expr& x) const {
    return select(call(Function::less, x, like(x, 0)), like(x, alpha) * x, x);
  }
};

/// x where x > alpha, else 0.
struct ThresholdedRelu : Unary<ThresholdedRelu> {
  static constexpr std::string_view kName = "ThresholdedRelu";
  float alpha = 1;
  void fields(FieldList& f) const { f("alpha", alpha); }
  double of(double x) const { return x > alpha ? x : 0; }
  Expr expr(const Expr& x) const {
    return select(call(Function::less, like(x, alpha), x), x, like(x, 0));
  }
};

/// x where x >= 0, else alpha * (exp(x) - 1).
struct Elu : Unary<Elu> {
  static constexpr std::string_view kName = "Elu";
  float alpha = 1;
  void fields(FieldList& f) const { f("alpha", alpha); }
  double of(double x) const { return x < 0 ? alpha * std::expm1(x) : x; }
  Expr expr(const Expr& x) const {
    return select(call(Function::less, x, like(x, 0)), like(x, alpha) * call(Function::expm1, x),
                  x);
  }
};

/// gamma * x where x > 0, else gamma * alpha * (exp(x) - 1).
struct Selu : Unary<Selu> {
  static constexpr std::string_view kName = "Selu";
  float alpha = 1.67326319217681884765625f, gamma = 1.05070102214813232421875f;
  void fields(FieldList& f) const { f("alpha", alpha), f("gamma", gamma); }
  double of(double x) const { return gamma * (x > 0 ? x : alpha * std::expm1(x)); }
  Expr expr(const Expr& x) const;
};

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).
struct Celu : Unary<Celu> {
  static constexpr std::string_view kName = "Celu";
  float alpha = 1;
  void fields(FieldList& f) const { f("alpha", alpha); }
  double of(double x) const { return x < 0 ? alpha * std::expm1(x / alpha) : x; }
  Expr expr(const Expr& x) const;
};

/// 1 / (1 + exp(-x)).
struct Sigmoid : Unary<Sigmoid> {
  static constexpr std::string_view kName = "Sigmoid";
  double of(double x) const { return 1 / (1 + std::exp(-x)); }
  Expr expr(const Expr& x) const {
    return like(x, 1) / (like(x, 1) + call(Function::exp, call(Function::negate, x)));
  }
};

/// max(0, min(1, alpha * x + beta)).
struct HardSigmoid : Unary<HardSigmoid> {
  static constexpr std::string_view kName = "HardSigmoid";
  float alpha = 0.2f, beta = 0.5f;
  void fields(FieldList& f) const { f("alpha", alpha), f("beta", beta); }
  double of(double x) const { return std::clamp(double{alpha} * x + beta, 0.0, 1.0); }
  Expr expr(const Expr& x) const {
    return min(max(like(x, alpha) * x + like(x, beta), like(x, 0)), like(x, 1));
  }
};

/// x * max(0, min(1, x / 6 + 1 / 2)).
struct HardSwish : Unary<HardSwish> {
  static constexpr std::string_view kName = "HardSwish";
  double of(double x) const { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }
  Expr expr(const Expr& x) const {
    return x * min(max(x / like(x, 6) + like(x, 0.5), like(x, 0)), like(x, 1));
  }
};

/// log(1 + exp(x)).
struct Softplus : Unary<Softplus> {
  static constexpr std::string_view kName = "Softplus";
  double of(double x) const { return std::log1p(std::exp(-std::fabs(x))) + std::max(x, 0.0); }
  Expr expr(const Expr& x) const;
};

/// x / (1 + |x|).
struct Softsign : Unary<Softsign> {
  static constexpr std::string_view kName = "Softsign";
  double of(double x) const { return x / (1 + std::fabs(x)); }
  Expr expr(const Expr& x) const { return x / (like(x, 1) + call(Function::absolute, x)); }
};

/// x times the normal distribution's cumulative function; `tanh`: its usual approximation.
struct Gelu : Unary<Gelu> {
  static constexpr std::string_view kName = "Gelu";
  enum class Approximate : uint8_t {
    none,
    tanh
  };
  static constexpr std::string_view kApproximateNames[] = {"none", "tanh"};
  Approximate approximate = Approximate::none;
  void fields(FieldList& f) const { f("approximate", approximate, kApproximateNames); }
  double of(double x) const {
    if (approximate == Approximate::none)
      return 0.5 * x * (1 + std::erf(x * (std::numbers::sqrt2 / 2)));
    const double root = std::sqrt(2 * std::numbers::inv_pi);
    return 0.5 * x * (1 + std::tanh(root * (x + 0.044715 * x * x * x)));
  }
  Expr expr(const Expr& x) const;
};

/// x * tanh(softplus(x)).
struct Mish : Unary<Mish> {
  static constexpr std::string_view kName = "Mish";
  double of(double x) const { return x * std::tanh(Softplus{}.of(x)); }
  Expr expr(const Expr& x) const { return x * call(Function::tanh, Softplus{}.expr(x)); }
};

/// x * sigmoid(alpha * x).
struct Swish : Unary<Swish> {
  static constexpr std::string_view kName = "Swish";
  float alpha = 1;
  void fields(FieldList& f) const { f("alpha", alpha); }
  double of(double x) const { return x / (1 + std::exp(-alpha * x)); }
  Expr expr(const Expr& x) const {
    return x / (like(x, 1) + call(Function::exp, like(x, -double{alpha}) * x));
  }
};

/// x + bias where x < -lambd, x - bias where x > lambd, else 0.
struct Shrink : Unary<Shrink> {
  static constexpr std::string_view kName = "Shrink";
  static constexpr Elements kElements = Elements::numbers;
  float lambd = 0.5f, bias = 0;
  void fields(FieldList& f) const { f("lambd", lambd), f("bias", bias); }
  template <class D>
  D of(D x) const {
    const auto value = static_cast<double>(x);
    if (value < -lambd) return static_cast<D>(value + bias);
    return value > lambd ? static_cast<D>(value - bias) : D{0};
  }
  Expr expr(const Expr& x) const;
};

/// min(max(x, least), most); both bounds are optional scalar operands of x's dtype.
struct Clip {
  static constexpr std::string_view kName = "Clip";
  static constexpr Arity kInputs{1, 3};
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
