#include "ops/activation.hpp"

#include <limits>

#include "ir/op_class.hpp"

namespace hone {

namespace {

/// Of the types that ONNX clips; others have no bound.
double largest_finite(DType type) {
  switch (type) {
    case DType::f16: return 65504;
    case DType::bf16: return 0x1.FEp127;
    case DType::f32: return std::numeric_limits<float>::max();
    case DType::f64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<double>::infinity();
  }
}

}  // namespace

void Clip::infer(Inference& c) const {
  const DType type = check_elements(c, Elements::numbers, 0, c.inputs() - 1);
  for (int i = 1; i < c.inputs(); ++i) {
    if (!c.has(i) || !c.tensor(i).has_rank()) continue;
    for (const Dim& dim : c.tensor(i).shape()) c.require_equal(dim, 1);
  }
  infer_same_shape(c, type);
}

void Clip::dims(Inference& c) const {
  const Dims* x = c.known(0);
  if (x == nullptr || (c.dtype(0) != DType::i64 && c.dtype(0) != DType::i32)) return;
  Dims result = *x;
  for (int i = 1; i < c.inputs(); ++i) {
    if (!c.has(i)) continue;
    const Dims* bound = c.known(i);
    if (bound == nullptr || bound->size() != 1) return;
    for (Dim& dim : result) dim = i == 1 ? max(dim, bound->front()) : min(dim, bound->front());
  }
  c.set_known(0, std::move(result));
}

void Clip::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, x.dtype(), x.shape());
  for (int i = 1; i < c.inputs(); ++i)
    if (c.has(i))
      c.check(c.input(i).count() == 1, "bound ", i, " has shape ", shape_text(c.input(i).shape()),
              ", wanted a scalar");
  with_domain(x.dtype(), [&]<class D>(D) {
    D least = std::numeric_limits<D>::lowest(), most = std::numeric_limits<D>::max();
    if constexpr (std::is_floating_point_v<D>) {
      most = largest_finite(x.dtype());
      least = -most;
    }
    if (c.has(1)) load_row(c.input(1), 0, 1, 1, &least);
    if (c.has(2)) load_row(c.input(2), 0, 1, 1, &most);
    map_elements<D>(y, x, [&](D v) {
      if (v < least) v = least;
      return v > most ? most : v;
    });
  });
}

void Clip::express(Expression& e) const {
  const auto bound = [&](int operand) {
    return e.at(operand, Dims(static_cast<size_t>(e.rank(operand)), Dim(0)));
  };
  Expr x = e.here();
  const bool real = is_float(x.dtype());
  const double most = real ? largest_finite(x.dtype()) : 0;
  if (e.has(1) || real) {
    const Expr least = e.has(1) ? bound(1) : like(x, -most);
    x = select(call(Function::less, x, least), least, x);
  }
  if (e.has(2) || real) {
    const Expr greatest = e.has(2) ? bound(2) : like(x, most);
    x = select(call(Function::less, greatest, x), greatest, x);
  }
  e.set(0, x);
}

void register_activation(OpRegistry& registry) {
  registry.add<Relu>(), registry.add<LeakyRelu>(), registry.add<ThresholdedRelu>();
  registry.add<Elu>(), registry.add<Selu>(), registry.add<Celu>();
  registry.add<Sigmoid>(), registry.add<HardSigmoid>(), registry.add<HardSwish>();
  registry.add<Softplus>(), registry.add<Softsign>(), registry.add<Gelu>();
  registry.add<Mish>(), registry.add<Swish>(), registry.add<Shrink>(), registry.add<Clip>();
}

}  // namespace hone
