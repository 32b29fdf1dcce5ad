#pragma once
// What elementwise ops share: accepted dtypes, the broadcasting type rule, evaluation over rows and
// known contents. An op then is its name and its scalar function. Floats of every width are
// computed in double and rounded once; integers in 64 bits with wrapping.

#include <array>
#include <optional>
#include <string_view>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/stages/stages.hpp"
#include "ops/common/rows.hpp"

namespace hone {

/// Element types that an op is defined for.
enum class Elements : uint8_t {
  floats,
  integers,
  numbers,  ///< floats and integers
  signed_numbers,
  booleans,
};
bool accepts(Elements elements, DType type);

/// f(domain) with a value of the C++ type that arithmetic of `type` is done in: double for floats,
/// uint64_t for u64, int64_t for the other integers and bool. E: what `type` can be at all.
template <Elements E = Elements::numbers, class F>
void with_domain(DType type, F f) {
  constexpr bool kReal = E != Elements::integers && E != Elements::booleans;
  if constexpr (kReal)
    if (E == Elements::floats || is_float(type)) return f(double{});
  if constexpr (E != Elements::floats) {
    if (type == DType::u64) f(uint64_t{});
    else f(int64_t{});
  }
}

/// Operands [first, last] have one dtype that `elements` accepts (absent ones are passed over),
/// else fails. Returns it.
DType check_elements(const Inference& c, Elements elements, int first, int last);
/// Sets result 0 to `result` with the shape that all operands broadcast to.
void infer_broadcast(Inference& c, DType result);
/// Sets result 0 to operand 0's shape with dtype `result`.
void infer_same_shape(Inference& c, DType result);

/// Allocates result 0 of `type` for broadcast operands and fills it: element = f(a, b, ...), in the
/// domain of operand 0's dtype.
template <size_t N, Elements E = Elements::numbers, class F>
void eval_broadcast(Evaluation& c, DType type, F f) {
  std::array<const Tensor*, N> in;
  std::vector<Sizes> shapes;
  for (size_t k = 0; k < N; ++k) in[k] = &c.input(static_cast<int>(k));
  for (const Tensor* tensor : in) shapes.push_back(tensor->shape());
  const Sizes shape = broadcast_shape(c, 0, static_cast<int>(N));
  Tensor& out = c.output(0, type, shape);
  const StridedWalk walk = broadcast_walk(shape, shapes);
  with_domain<E>(in[0]->dtype(), [&]<class D>(D) { map_elements<D>(out, in, walk, f); });
}

/// Contents of small integer operands, broadcast: f(a, b, ...) per element of the result. Does
/// nothing where an operand's contents are unknown or f answers nullopt.
using KnownElement = std::optional<Dim> (*)(std::span<const Dim* const> operands,
                                            const Inference& c);
void known_broadcast(Inference& c, KnownElement f);

/// An op on one tensor: element = op.of(x). T offers `double of(double) const` and, where
/// kElements allows integers, a template `D of(D) const` for the domain's types (see with_domain);
/// and the same in closed terms, `Expr expr(const Expr&) const`.
template <class T>
struct Unary {
  static constexpr Elements kElements = Elements::floats;
  void infer(Inference& c) const { infer_same_shape(c, check_elements(c, T::kElements, 0, 0)); }
  void eval(Evaluation& c) const {
    const T& op = static_cast<const T&>(*this);
    const Tensor& x = c.input(0);
    Tensor& y = c.output(0, x.dtype(), x.shape());
    with_domain<T::kElements>(x.dtype(), [&]<class D>(D) {
      map_elements<D>(y, x, [&op](D v) { return static_cast<D>(op.of(v)); });
    });
  }
  void express(Expression& e) const { e.set(0, static_cast<const T&>(*this).expr(e.here())); }
};

/// An op on two tensors of one dtype, broadcast: element = op.of(a, b), a template `of` over the
/// domain's types (see with_domain), and `Expr expr(const Expr&, const Expr&) const`.
template <class T>
struct Binary {
  static constexpr Arity kInputs{2, 2};
  static constexpr Elements kElements = Elements::numbers;
  void infer(Inference& c) const { infer_broadcast(c, check_elements(c, T::kElements, 0, 1)); }
  void eval(Evaluation& c) const {
    const T& op = static_cast<const T&>(*this);
    eval_broadcast<2, T::kElements>(c, c.input(0).dtype(),
                                    [&op](auto a, auto b) { return op.of(a, b); });
  }
  void express(Expression& e) const {
    const int rank = static_cast<int>(e.result_shape().size());
    e.set(0, static_cast<const T&>(*this).expr(e.broadcast(0, rank), e.broadcast(1, rank)));
  }
};

/// Two's complement arithmetic without undefined overflow; doubles as they are.
template <class D>
D wrapping_add(D a, D b) {
  if constexpr (std::is_floating_point_v<D>) return a + b;
  else return static_cast<D>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class D>
D wrapping_sub(D a, D b) {
  if constexpr (std::is_floating_point_v<D>) return a - b;
  else return static_cast<D>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class D>
D wrapping_mul(D a, D b) {
  if constexpr (std::is_floating_point_v<D>) return a * b;
  else return static_cast<D>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace hone
