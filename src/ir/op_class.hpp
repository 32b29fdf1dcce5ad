#pragma once
// How an op struct becomes an OpClass. Only the .cpp that registers the op includes this file, so
// that its type rule, evaluation and fields are compiled there, once.

#include "ir/op.hpp"

namespace hone {

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
std::shared_ptr<const void> take_of(void* op) {
  return std::make_shared<const T>(std::move(*static_cast<T*>(op)));
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
constexpr OpClass OpClassOf<T>::kClass{T::kName,
                                       detail::inputs_of<T>(),
                                       detail::outputs_of<T>(),
                                       detail::parameters_of<T>(),
                                       &detail::fields_of<T>,
                                       &detail::infer_of<T>,
                                       detail::dims_of<T>(),
                                       detail::eval_of<T>(),
                                       detail::express_of<T>(),
                                       &detail::copy_of<T>,
                                       &detail::take_of<T>,
                                       detail::pure_of<T>(),
                                       detail::algebra_of<T>()};

template <class T>
void OpRegistry::add() {
  add(OpClassOf<T>::kClass);
}

}  // namespace hone
