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
  const OpClass* class_ = nullptr;
  std::shared_ptr<const void> data_;
};

/// Name of the op and the fields that differ from a default-made op: `Conv pads=[1,1,1,1]`.
void append(std::string& out, const Op& op);
/// Those fields alone, bodies left out: ` pads=[1,1,1,1]`, nothing when there are none.
void append_changed_fields(std::string& out, const Op& op);

namespace detail {
template <class T>
constexpr Arity inputs_of() {
  if constexpr (requires { T::kInputs; }) return T::kInputs;
  else return Arity{1, 1};
}
template <class T>
constexpr Arity outputs_of() {
  if constexpr (requires { T::kOutputs; }) return T::kOutputs;
  else return Arity{1, 1};
}
template <class T>
constexpr std::span<const Parameter> parameters_of() {
  if constexpr (requires { T::kParameters; }) return T::kParameters;
  else return {};
}
template <class T>
void fields_of(const void* op, FieldList& list) {
  if constexpr (requires(const T& t) { t.fields(list); }) static_cast<const T*>(op)->fields(list);
}
template <class T>
void infer_of(const void* op, Inference& inference) {
  static_cast<const T*>(op)->infer(inference);
}
template <class T>
constexpr auto dims_of() -> void (*)(const void*, Inference&) {
  if constexpr (requires(const T& t, Inference& i) { t.dims(i); })
    return [](const void* op, Inference& i) { static_cast<const T*>(op)->dims(i); };
  else return nullptr;
}
template <class T>
constexpr auto eval_of() -> void (*)(const void*, Evaluation&) {
  if constexpr (requires(const T& t, Evaluation& e) { t.eval(e); })
    return [](const void* op, Evaluation& e) { static_cast<const T*>(op)->eval(e); };
  else return nullptr;
}
template <class T>
constexpr auto express_of() -> void (*)(const void*, Expression&) {
  if constexpr (requires(const T& t, Expression& e) { t.express(e); })
    return [](const void* op, Expression& e) { static_cast<const T*>(op)->express(e); };
  else return nullptr;
}
template <class T>
std::shared_ptr<void> copy_of(const void* op) {
  return op == nullptr ? std::make_shared<T>() : std::make_shared<T>(*static_cast<const T*>(op));
}
template <class T>
constexpr bool pure_of() {
  if constexpr (requires { T::kPure; }) return T::kPure;
  else return true;
}
template <class T>
constexpr Algebra algebra_of() {
  if constexpr (requires { T::kAlgebra; }) return T::kAlgebra;
  else return {};
}
}  // namespace detail

/// The one OpClass of an op struct T:
///   static constexpr std::string_view kName            the op's name in text
///   static constexpr Arity kInputs, kOutputs           default: one each
///   static constexpr Parameter kParameters[]           default: none
///   static constexpr bool kPure                        default: true
///   static constexpr Algebra kAlgebra                  default: none
///   void fields(FieldList&) const                      default: none
///   void infer(Inference&) const                       the type rule
///   void dims(Inference&) const                        optional: contents of small integer results
///   void eval(Evaluation&) const                       the reference evaluation
///   void express(Expression&) const                    optional: the stages it is made of
template <class T>
const OpClass& op_class() {
  static constexpr OpClass kClass{T::kName,
                                  detail::inputs_of<T>(),
                                  detail::outputs_of<T>(),
                                  detail::parameters_of<T>(),
                                  &detail::fields_of<T>,
                                  &detail::infer_of<T>,
                                  detail::dims_of<T>(),
                                  detail::eval_of<T>(),
                                  detail::express_of<T>(),
                                  &detail::copy_of<T>,
                                  detail::pure_of<T>(),
                                  detail::algebra_of<T>()};
  return kClass;
}

template <class T>
requires requires { T::kName; }
Op::Op(T op) : class_(&hone::op_class<T>()), data_(std::make_shared<const T>(std::move(op))) {}

template <class T>
const T* Op::as() const {
  return class_ == &hone::op_class<T>() ? static_cast<const T*>(data_.get()) : nullptr;
}

/// Op classes by name; what a parser and an engine loader look names up in.
class OpRegistry {
 public:
  template <class T>
  void add() {
    add(op_class<T>());
  }
  void add(const OpClass& op_class);  // a name given twice: Error(internal)
  const OpClass* find(std::string_view name) const;
  std::vector<const OpClass*> all() const;  // by name

 private:
  std::map<std::string_view, const OpClass*> classes_;
};

}  // namespace hone
