#pragma once
// Functions of one element. Floats are computed in double and rounded once. (Source: ONNX.)

#include <cmath>

#include "ops/common/elementwise.hpp"

namespace hone {

/// |x|; the smallest signed integer wraps to itself.
struct Abs : Unary<Abs> {
  static constexpr std::string_view kName = "Abs";
  static constexpr Elements kElements = Elements::numbers;
  template <class D>
  D of(D x) const {
    if constexpr (std::is_floating_point_v<D>) return std::fabs(x);
    else return std::is_signed_v<D> && x < 0 ? wrapping_sub(D{0}, x) : x;
  }
  Expr expr(const Expr& x) const { return call(Function::absolute, x); }
  void dims(Inference& c) const;
};

/// -x.
struct Neg : Unary<Neg> {
  static constexpr std::string_view kName = "Neg";
  static constexpr Elements kElements = Elements::signed_numbers;
  template <class D>
  D of(D x) const {
    if constexpr (std::is_floating_point_v<D>) return -x;
    else return wrapping_sub(D{0}, x);
  }
  Expr expr(const Expr& x) const { return call(Function::negate, x); }
  void dims(Inference& c) const;
};

/// -1, 0 (never -0) or 1; NaN for NaN.
struct Sign : Unary<Sign> {
  static constexpr std::string_view kName = "Sign";
  static constexpr Elements kElements = Elements::numbers;
  template <class D>
  D of(D x) const {
    return x > 0 ? static_cast<D>(1) : x < 0 ? static_cast<D>(-1) : x == 0 ? D{} : x;
  }
  Expr expr(const Expr& x) const {
    const Expr zero = like(x, 0);
    const Expr below = select(call(Function::less, x, zero), like(x, -1), x);
    const Expr unless_zero = select(call(Function::equal, x, zero), zero, below);
    return select(call(Function::less, zero, x), like(x, 1), unless_zero);
  }
};

// The names say it: f(x) of floats.
struct Exp : Unary<Exp> {
  static constexpr std::string_view kName = "Exp";
  double of(double x) const { return std::exp(x); }
  Expr expr(const Expr& x) const { return call(Function::exp, x); }
};
struct Log : Unary<Log> {
  static constexpr std::string_view kName = "Log";
  double of(double x) const { return std::log(x); }
  Expr expr(const Expr& x) const { return call(Function::log, x); }
};
struct Sqrt : Unary<Sqrt> {
  static constexpr std::string_view kName = "Sqrt";
  double of(double x) const { return std::sqrt(x); }
  Expr expr(const Expr& x) const { return call(Function::sqrt, x); }
};
struct Reciprocal : Unary<Reciprocal> {
  static constexpr std::string_view kName = "Reciprocal";
  double of(double x) const { return 1 / x; }
  Expr expr(const Expr& x) const { return like(x, 1) / x; }
};
struct Erf : Unary<Erf> {
  static constexpr std::string_view kName = "Erf";
  static constexpr Elements kElements = Elements::numbers;  // integers truncate
  template <class D>
  D of(D x) const {
    return static_cast<D>(std::erf(static_cast<double>(x)));
  }
  Expr expr(const Expr& x) const {
    if (is_float(x.dtype())) return call(Function::erf, x);
    return Expr::cast(x.dtype(), call(Function::erf, Expr::cast(DType::f64, x)));
  }
};
struct Floor : Unary<Floor> {
  static constexpr std::string_view kName = "Floor";
  double of(double x) const { return std::floor(x); }
  Expr expr(const Expr& x) const { return call(Function::floor, x); }
};
struct Ceil : Unary<Ceil> {
  static constexpr std::string_view kName = "Ceil";
  double of(double x) const { return std::ceil(x); }
  Expr expr(const Expr& x) const { return call(Function::ceil, x); }
};
/// To the nearest integer, halves to even.
struct Round : Unary<Round> {
  static constexpr std::string_view kName = "Round";
  double of(double x) const { return std::nearbyint(x); }
  Expr expr(const Expr& x) const { return call(Function::round, x); }
};
struct Sin : Unary<Sin> {
  static constexpr std::string_view kName = "Sin";
  double of(double x) const { return std::sin(x); }
  Expr expr(const Expr& x) const { return call(Function::sin, x); }
};
struct Cos : Unary<Cos> {
  static constexpr std::string_view kName = "Cos";
  double of(double x) const { return std::cos(x); }
  Expr expr(const Expr& x) const { return call(Function::cos, x); }
};
struct Tan : Unary<Tan> {
  static constexpr std::string_view kName = "Tan";
  double of(double x) const { return std::tan(x); }
  Expr expr(const Expr& x) const { return call(Function::tan, x); }
};
struct Asin : Unary<Asin> {
  static constexpr std::string_view kName = "Asin";
  double of(double x) const { return std::asin(x); }
  Expr expr(const Expr& x) const { return call(Function::asin, x); }
};
struct Acos : Unary<Acos> {
  static constexpr std::string_view kName = "Acos";
  double of(double x) const { return std::acos(x); }
  Expr expr(const Expr& x) const { return call(Function::acos, x); }
};
struct Atan : Unary<Atan> {
  static constexpr std::string_view kName = "Atan";
  double of(double x) const { return std::atan(x); }
  Expr expr(const Expr& x) const { return call(Function::atan, x); }
};
struct Sinh : Unary<Sinh> {
  static constexpr std::string_view kName = "Sinh";
  double of(double x) const { return std::sinh(x); }
  Expr expr(const Expr& x) const { return call(Function::sinh, x); }
};
struct Cosh : Unary<Cosh> {
  static constexpr std::string_view kName = "Cosh";
  double of(double x) const { return std::cosh(x); }
  Expr expr(const Expr& x) const { return call(Function::cosh, x); }
};
struct Tanh : Unary<Tanh> {
  static constexpr std::string_view kName = "Tanh";
  double of(double x) const { return std::tanh(x); }
  Expr expr(const Expr& x) const { return call(Function::tanh, x); }
};
struct Asinh : Unary<Asinh> {
  static constexpr std::string_view kName = "Asinh";
  double of(double x) const { return std::asinh(x); }
  Expr expr(const Expr& x) const { return call(Function::asinh, x); }
};
struct Acosh : Unary<Acosh> {
  static constexpr std::string_view kName = "Acosh";
  double of(double x) const { return std::acosh(x); }
  Expr expr(const Expr& x) const { return call(Function::acosh, x); }
};
struct Atanh : Unary<Atanh> {
  static constexpr std::string_view kName = "Atanh";
  double of(double x) const { return std::atanh(x); }
  Expr expr(const Expr& x) const { return call(Function::atanh, x); }
};

/// bool: x is not a number.
struct IsNaN {
  static constexpr std::string_view kName = "IsNaN";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// bool: x is infinite with a sign that is looked for.
struct IsInf {
  static constexpr std::string_view kName = "IsInf";
  bool detect_negative = true, detect_positive = true;
  void fields(FieldList& f) const {
    f("detect_negative", detect_negative), f("detect_positive", detect_positive);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
