#include "ops/math.hpp"

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
