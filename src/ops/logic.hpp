#pragma once
// Logic on booleans, bits of integers. (Source: ONNX.)

#include "ops/common/elementwise.hpp"

namespace hone {

/// a and b.
struct And : Binary<And> {
  static constexpr std::string_view kName = "And";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::booleans;
  template <class D>
  D of(D a, D b) const {
    return a != 0 && b != 0;
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_and, a, b); }
  void dims(Inference& c) const;
};

/// a or b.
struct Or : Binary<Or> {
  static constexpr std::string_view kName = "Or";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::booleans;
  template <class D>
  D of(D a, D b) const {
    return a != 0 || b != 0;
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_or, a, b); }
  void dims(Inference& c) const;
};

/// Exactly one of a and b.
struct Xor : Binary<Xor> {
  static constexpr std::string_view kName = "Xor";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::booleans;
  template <class D>
  D of(D a, D b) const {
    return (a != 0) != (b != 0);
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_xor, a, b); }
  void dims(Inference& c) const;
};

/// Not x.
struct Not : Unary<Not> {
  static constexpr std::string_view kName = "Not";
  static constexpr Elements kElements = Elements::booleans;
  template <class D>
  D of(D x) const {
    return x == 0;
  }
  Expr expr(const Expr& x) const { return call(Function::equal, x, like(x, 0)); }
  void dims(Inference& c) const;
};

/// a & b, bit by bit.
struct BitwiseAnd : Binary<BitwiseAnd> {
  static constexpr std::string_view kName = "BitwiseAnd";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::integers;
  template <class D>
  D of(D a, D b) const {
    return a & b;
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_and, a, b); }
};

/// a | b, bit by bit.
struct BitwiseOr : Binary<BitwiseOr> {
  static constexpr std::string_view kName = "BitwiseOr";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::integers;
  template <class D>
  D of(D a, D b) const {
    return a | b;
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_or, a, b); }
};

/// a ^ b, bit by bit.
struct BitwiseXor : Binary<BitwiseXor> {
  static constexpr std::string_view kName = "BitwiseXor";
  static constexpr Algebra kAlgebra{.commutes = true, .associates = true};
  static constexpr Elements kElements = Elements::integers;
  template <class D>
  D of(D a, D b) const {
    return a ^ b;
  }
  Expr expr(const Expr& a, const Expr& b) const { return call(Function::bit_xor, a, b); }
};

/// ~x, bit by bit.
struct BitwiseNot : Unary<BitwiseNot> {
  static constexpr std::string_view kName = "BitwiseNot";
  static constexpr Elements kElements = Elements::integers;
  template <class D>
  D of(D x) const {
    return ~x;
  }
  Expr expr(const Expr& x) const { return call(Function::bit_not, x); }
};

/// a << b or a >> b on the dtype's width: shifts by the width or more (or by a negative number)
/// give 0, right shifts of negative numbers keep the sign.
struct BitShift {
  static constexpr std::string_view kName = "BitShift";
  static constexpr Arity kInputs{2, 2};
  enum class Direction : uint8_t {
    left,
    right
  };
  static constexpr std::string_view kDirections[] = {"LEFT", "RIGHT"};
  Direction direction = Direction::left;
  void fields(FieldList& f) const { f("direction", direction, kDirections); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
