#include "ops/math.hpp"

#include "ir/op_class.hpp"

namespace hone {

void Abs::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference& known) -> std::optional<Dim> {
    const Interval bounds = d[0]->bounds(known.ranges());
    if (bounds.low >= 0) return *d[0];
    if (bounds.high <= 0) return Dim(0) - *d[0];
    return std::nullopt;
  });
}

void Neg::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) { return std::optional(Dim(0) - *d[0]); });
}

void IsNaN::infer(Inference& c) const {
  check_elements(c, Elements::floats, 0, 0);
  infer_same_shape(c, DType::boolean);
}

void IsNaN::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  map_elements<double>(c.output(0, DType::boolean, x.shape()), x,
                       [](double v) { return std::isnan(v); });
}

void IsInf::infer(Inference& c) const {
  check_elements(c, Elements::floats, 0, 0);
  infer_same_shape(c, DType::boolean);
}

void IsInf::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  map_elements<double>(c.output(0, DType::boolean, x.shape()), x, [this](double v) {
    return std::isinf(v) && (v < 0 ? detect_negative : detect_positive);
  });
}

void IsNaN::express(Expression& e) const {
  const Expr x = e.here();
  e.set(0, call(Function::equal, call(Function::equal, x, x), Expr(0, DType::boolean)));
}

void IsInf::express(Expression& e) const {
  const Expr x = e.here();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto is = [&](double value, bool wanted) {
    return wanted ? call(Function::equal, x, like(x, value)) : Expr(0, DType::boolean);
  };
  e.set(0, call(Function::bit_or, is(kInfinity, detect_positive), is(-kInfinity, detect_negative)));
}

void register_math(OpRegistry& registry) {
  registry.add<Abs>(), registry.add<Neg>(), registry.add<Sign>();
  registry.add<Exp>(), registry.add<Log>(), registry.add<Sqrt>(), registry.add<Reciprocal>();
  registry.add<Erf>(), registry.add<Floor>(), registry.add<Ceil>(), registry.add<Round>();
  registry.add<Sin>(), registry.add<Cos>(), registry.add<Tan>();
  registry.add<Asin>(), registry.add<Acos>(), registry.add<Atan>();
  registry.add<Sinh>(), registry.add<Cosh>(), registry.add<Tanh>();
  registry.add<Asinh>(), registry.add<Acosh>(), registry.add<Atanh>();
  registry.add<IsNaN>(), registry.add<IsInf>();
}

}  // namespace hone
