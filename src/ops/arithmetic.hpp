#pragma once
// Arithmetic on two or more tensors with NumPy broadcasting. Integers wrap; dividing one by zero
// gives 0. (Source: ONNX.)

#include <cmath>

#include "ops/common/elementwise.hpp"

namespace hone {

/// a + b.
struct Add : Binary<Add> {
  static constexpr std::string_view kName = "Add";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  template <class D>
  D of(D a, D b) const {
    return wrapping_add(a, b);
  }
  Expr expr(const Expr& a, const Expr& b) const { return a + b; }
  void dims(Inference& c) const;
};

/// a - b.
struct Sub : Binary<Sub> {
  static constexpr std::string_view kName = "Sub";
  static constexpr Algebra kAlgebra{.inverse_of = "Add", .invert = [](double c) { return -c; }};
  template <class D>
  D of(D a, D b) const {
    return wrapping_sub(a, b);
  }
  Expr expr(const Expr& a, const Expr& b) const { return a - b; }
  void dims(Inference& c) const;
};

/// a * b.
struct Mul : Binary<Mul> {
  static constexpr std::string_view kName = "Mul";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  template <class D>
  D of(D a, D b) const {
    return wrapping_mul(a, b);
  }
  Expr expr(const Expr& a, const Expr& b) const { return a * b; }
  void dims(Inference& c) const;
};

/// a / b; integers truncate toward zero.
struct Div : Binary<Div> {
  static constexpr std::string_view kName = "Div";
  static constexpr Algebra kAlgebra{.inverse_of = "Mul", .invert = [](double c) { return 1 / c; }};
  template <class D>
  D of(D a, D b) const {
    if constexpr (std::is_integral_v<D>) {
      if (b == 0) return 0;
      if (std::is_signed_v<D> && b == static_cast<D>(-1)) return wrapping_sub(D{0}, a);
    }
    return a / b;
  }
  Expr expr(const Expr& a, const Expr& b) const { return a / b; }
  void dims(Inference& c) const;
};

/// The remainder of a / b: with fmod the sign of a (C's fmod), else the sign of b (Python's %; of
/// floats 0 has that sign too, and a finite number modulo an infinity of the other sign is that).
struct Mod : Binary<Mod> {
  static constexpr std::string_view kName = "Mod";
  bool fmod = false;
  void fields(FieldList& f) const { f("fmod", fmod); }
  template <class D>
  D of(D a, D b) const {
    if constexpr (std::is_floating_point_v<D>) {
      const D rest = std::fmod(a, b);
      if (fmod || std::isnan(rest)) return rest;
      if (rest == 0) return std::copysign(rest, b);
      return (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
      if (b == 0 || (std::is_signed_v<D> && b == static_cast<D>(-1))) return 0;
      const D rest = a % b;
      return !fmod && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
  }
  Expr expr(const Expr& a, const Expr& b) const {
    return call(fmod ? Function::truncated_mod : Function::floor_mod, a, b);
  }
  void dims(Inference& c) const;
};

/// a to the power of b, of a's dtype; b may have another numeric dtype. Integers: exact with
/// wrapping; a negative integer exponent gives 0 unless a is 1 or -1; a real one truncates.
struct Pow {
  static constexpr std::string_view kName = "Pow";
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Max, Min, Sum and Mean of one or more tensors: `join` two elements, `finish` with their number.
template <class T>
struct Variadic {
  static constexpr Arity kInputs{1, Arity::kMany};
  static constexpr Elements kElements = Elements::numbers;
  void infer(Inference& c) const {
    infer_broadcast(c, check_elements(c, T::kElements, 0, c.inputs() - 1));
  }
  void eval(Evaluation& c) const;
  void express(Expression& e) const {
    const int rank = static_cast<int>(e.result_shape().size());
    Expr sum = e.broadcast(0, rank);
    for (int k = 1; k < e.inputs(); ++k) sum = T::join(sum, e.broadcast(k, rank));
    if constexpr (requires { T::finish(0.0, 1); }) sum = sum / like(sum, e.inputs());
    e.set(0, sum);
  }
};

/// The largest; NaN where any is NaN.
struct Max : Variadic<Max> {
  static constexpr std::string_view kName = "Max";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static Expr join(const Expr& a, const Expr& b) { return hone::max(a, b); }
  template <class D>
  static D join(D a, D b) {
    return a != a || a > b ? a : b;
  }
  void dims(Inference& c) const;
};

/// The smallest; NaN where any is NaN.
struct Min : Variadic<Min> {
  static constexpr std::string_view kName = "Min";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static Expr join(const Expr& a, const Expr& b) { return hone::min(a, b); }
  template <class D>
  static D join(D a, D b) {
    return a != a || a < b ? a : b;
  }
  void dims(Inference& c) const;
};

/// The sum, rounded once.
struct Sum : Variadic<Sum> {
  static constexpr std::string_view kName = "Sum";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static Expr join(const Expr& a, const Expr& b) { return a + b; }
  template <class D>
  static D join(D a, D b) {
    return wrapping_add(a, b);
  }
};

/// The sum divided by the number of operands, rounded once.
struct Mean : Variadic<Mean> {
  static constexpr std::string_view kName = "Mean";
  static constexpr Algebra kAlgebra{.commutes = true};
  static constexpr Elements kElements = Elements::floats;
  static Expr join(const Expr& a, const Expr& b) { return a + b; }
  template <class D>
  static D join(D a, D b) {
    return wrapping_add(a, b);
  }
  static double finish(double sum, int count) { return sum / count; }
};

/// x where x >= 0, else slope * x; slope broadcasts to x's shape.
struct PRelu : Binary<PRelu> {
  static constexpr std::string_view kName = "PRelu";
  template <class D>
  D of(D x, D slope) const {
    return x < 0 ? wrapping_mul(slope, x) : x;
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  Expr expr(const Expr& a, const Expr& b) const {
    return select(call(Function::less, a, like(a, 0)), b * a, a);
  }
};

}  // namespace hone
