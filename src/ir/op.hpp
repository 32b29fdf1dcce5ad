#pragma once
// Op: a small type-erased immutable value over a plain struct. The set of ops is open: a struct
// with a name, fields, a type rule and a reference evaluation is an op once its family registers
// it.

#include <concepts>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "ir/fields.hpp"

namespace hone {

class Inference;
class Evaluation;
class Expression;

/// How many operands and results. Trailing optional ones may be left out, inner ones be absent.
struct Arity {
  int least = 1, most = 1;
  static constexpr int kMany = std::numeric_limits<int>::max();
};

/// A field that may be given by an operand instead, exactly one of the two.
struct Parameter {
  std::string_view field;  // of type std::optional<Dims>
  int operand;
};

/// What an op on two or more operands obeys; of floats: but for rounding and the sign of zeros.
struct Algebra {
  bool commutes = false;    // operands in any order
  bool associates = false;  // op(op(a, b), c) == op(a, op(b, c))
  // Set: of floats op(a, c) is the op `inverse_of` on a and invert(c), as a / c is a * (1 / c).
  std::string_view inverse_of = {};
  double (*invert)(double) = nullptr;
};

/// What an op struct offers, seen without its type. One object per op type, living forever.
struct OpClass {
  std::string_view name;
  Arity inputs, outputs;
  std::span<const Parameter> parameters;
  void (*fields)(const void* op, FieldList& list);
  void (*infer)(const void* op, Inference& inference);
  void (*dims)(const void* op, Inference& inference);    // null: knows nothing of contents
  void (*eval)(const void* op, Evaluation& evaluation);  // null: never evaluated (structural)
  void (*express)(const void* op, Expression& e);        // null: has no closed form
  std::shared_ptr<void> (*copy)(const void* op);         // null argument: a default-made op
  std::shared_ptr<const void> (*take)(void* op);         // moves the struct into the value
  bool pure;                                             // false: random; never folded or merged
  Algebra algebra;
};

class Op {
 public:
  Op() = default;  // no op
  template <class T>
  requires requires { T::kName; }
  Op(T op);  // NOLINT: any op struct is an op

  const OpClass& op_class() const { return *class_; }
  std::string_view name() const { return class_ == nullptr ? std::string_view() : class_->name; }
  const void* data() const { return data_.get(); }
  explicit operator bool() const { return class_ != nullptr; }
  /// The struct, when the op is a T; else null.
  template <class T>
  const T* as() const;
  FieldList fields() const;

  /// The same class and equal fields.
  friend bool operator==(const Op& a, const Op& b);
  /// An op of `op_class` over `data` (made by its copy()).
  static Op of(const OpClass& op_class, std::shared_ptr<const void> data);

 private:
  Op(const OpClass& op_class, void* op) : class_(&op_class), data_(op_class.take(op)) {}

  const OpClass* class_ = nullptr;
  std::shared_ptr<const void> data_;
};

/// Name of the op and the fields that differ from a default-made op: `Conv pads=[1,1,1,1]`.
void append(std::string& out, const Op& op);
/// Those fields alone, bodies left out: ` pads=[1,1,1,1]`, nothing when there are none.
void append_changed_fields(std::string& out, const Op& op);

/// The one OpClass of an op struct T. The op's own .cpp defines it, as registering the op there
/// makes it (ir/op_class.hpp); every other file only names it.
template <class T>
struct OpClassOf {
  static const OpClass kClass;
};

template <class T>
const OpClass& op_class() {
  return OpClassOf<T>::kClass;
}

template <class T>
requires requires { T::kName; }
Op::Op(T op) : Op(hone::op_class<T>(), &op) {}

template <class T>
const T* Op::as() const {
  return class_ == &hone::op_class<T>() ? static_cast<const T*>(data_.get()) : nullptr;
}

/// Op classes by name; what a parser and an engine loader look names up in.
class OpRegistry {
 public:
  template <class T>
  void add();                         // ir/op_class.hpp
  void add(const OpClass& op_class);  // a name given twice: Error(internal)
  const OpClass* find(std::string_view name) const;
  std::vector<const OpClass*> all() const;  // by name

 private:
  std::map<std::string_view, const OpClass*> classes_;
};

}  // namespace hone
