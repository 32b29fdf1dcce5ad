#pragma once
// Comparisons of two tensors of one dtype, broadcast, and the choice between two by a third.
// (Source: ONNX.)

#include "ops/common/elementwise.hpp"

namespace hone {

/// bool: a == b. Strings and bool too; NaN equals nothing.
struct Equal {
  static constexpr std::string_view kName = "Equal";
  static constexpr Algebra kAlgebra{.commutes = true};
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// A comparison of numbers: T offers a template `of` over double, int64_t and uint64_t, and what it
/// knows of two dims.
template <class T>
struct Comparison {
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const {
    check_elements(c, Elements::numbers, 0, 1);
    infer_broadcast(c, DType::boolean);
  }
  void dims(Inference& c) const {
    known_broadcast(c, [](auto d, const Inference& known) -> std::optional<Dim> {
      if (const auto holds = T::known(*d[0], *d[1], known.ranges())) return Dim(*holds);
      return std::nullopt;
    });
  }
  void eval(Evaluation& c) const {
    eval_broadcast<2>(c, DType::boolean, [](auto a, auto b) { return T::of(a, b); });
  }
  void express(Expression& e) const {
    const int rank = static_cast<int>(e.result_shape().size());
    e.set(0, T::expr(e.broadcast(0, rank), e.broadcast(1, rank)));
  }
};

/// bool: a > b.
struct Greater : Comparison<Greater> {
  static constexpr std::string_view kName = "Greater";
  static Expr expr(const Expr& a, const Expr& b) { return call(Function::less, b, a); }
  template <class D>
  static bool of(D a, D b) {
    return a > b;
  }
  static std::optional<bool> known(const Dim& a, const Dim& b, const Ranges& ranges) {
    return provably_less_equal(b + 1, a, ranges);
  }
};

/// bool: a >= b.
struct GreaterOrEqual : Comparison<GreaterOrEqual> {
  static constexpr std::string_view kName = "GreaterOrEqual";
  static Expr expr(const Expr& a, const Expr& b) { return call(Function::less_equal, b, a); }
  template <class D>
  static bool of(D a, D b) {
    return a >= b;
  }
  static std::optional<bool> known(const Dim& a, const Dim& b, const Ranges& ranges) {
    return provably_less_equal(b, a, ranges);
  }
};

/// bool: a < b.
struct Less : Comparison<Less> {
  static constexpr std::string_view kName = "Less";
  static Expr expr(const Expr& a, const Expr& b) { return call(Function::less, a, b); }
  template <class D>
  static bool of(D a, D b) {
    return a < b;
  }
  static std::optional<bool> known(const Dim& a, const Dim& b, const Ranges& ranges) {
    return provably_less_equal(a + 1, b, ranges);
  }
};

/// bool: a <= b.
struct LessOrEqual : Comparison<LessOrEqual> {
  static constexpr std::string_view kName = "LessOrEqual";
  static Expr expr(const Expr& a, const Expr& b) { return call(Function::less_equal, a, b); }
  template <class D>
  static bool of(D a, D b) {
    return a <= b;
  }
  static std::optional<bool> known(const Dim& a, const Dim& b, const Ranges& ranges) {
    return provably_less_equal(a, b, ranges);
  }
};

/// Element by element: x where the condition (bool) holds, else y. x and y may be of any one dtype;
/// all three broadcast. Operands: condition, x, y.
struct Where {
  static constexpr std::string_view kName = "Where";
  static constexpr Arity kInputs{3, 3};
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
